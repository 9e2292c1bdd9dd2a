import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FoundRows, RowFind, RowSort, RowsLook } from '../../model/index.ts';
import { EventStore, RunViews } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../testing.ts';

const schema = makeSchema(
  makeRecord('struct event', 48, [
    makeField({ name: 'big', kind: 'uint', offset: 0, size: 8 }),
    makeField({ name: 'ret', kind: 'int', offset: 8, size: 4 }),
    makeField({ name: 'mode', kind: 'uint', offset: 12, size: 4, format: 'mode' }),
    makeField({ name: 'dev', kind: 'uint', offset: 16, size: 4, format: 'dev' }),
    makeField({ name: 'kind', kind: 'enum', offset: 20, size: 4, values: { '1': 'OPEN', '2': 'CLOSE' } }),
    makeField({ name: 'comm', kind: 'chars', offset: 24, size: 12 }),
    makeField({ name: 'flag', kind: 'uint', offset: 36, size: 4, bits: 3, bitOffset: 2 }),
    makeField({ name: 'addr', kind: 'ipv4', offset: 40, size: 4 }),
    makeField({ name: 'on', kind: 'bool', offset: 44, size: 1 }),
  ]),
);
const COLUMNS = schema.records[0]!.fields.map(({ name }) => name);

function views(records: readonly Uint8Array[], options = {}) {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const add = (more: readonly Uint8Array[]): void => {
    for (let at = 0; at < more.length; at += 7) store.append(stream, host, makeSpan(more.slice(at, at + 7)));
  };
  add(records);
  return { stream, add, of: new RunViews(store, () => [schema], { sliceMs: Infinity }) };
}

const record = fc
  .record({
    bytes: fc.uint8Array({ minLength: 48, maxLength: 48 }),
    few: fc.boolean(),
    comm: fc.stringMatching(/^[ -~]{0,12}$/),
    cut: fc.option(fc.nat(48), { freq: 5 }),
  })
  .map(({ bytes, few, comm, cut }) => {
    const out = few ? bytes.map((byte) => byte & 3) : bytes;
    out.fill(0, 24, 36);
    out.set(new TextEncoder().encode(comm), 24);
    return cut === null ? out : out.subarray(0, cut);
  });
const records = fc.array(record, { maxLength: 40 });
const needle = fc.oneof(
  fc.constantFrom('1', '-', '0', '2', 'O', 'open', '0x', ':', 'a', '.', 'true', ' '),
  fc.string(),
);
const looks: RowsLook[] = [
  { derived: [], formats: {} },
  { derived: [{ expr: 'ret * 2', title: 'twice' }], formats: { ret: 'hex', big: 'bytes' } },
];

const plain = { stream: '', where: '', evicted: 0 };

/** From match to match, until the first one comes again. */
function walk(ask: (from: number, direction: -1 | 0 | 1) => FoundRows, direction: -1 | 1): FoundRows[] {
  const hits: FoundRows[] = [];
  let found = ask(direction > 0 ? -1 : Number.MAX_SAFE_INTEGER, direction);
  while (found.row !== null && !hits.some(({ row }) => row!.seq === found.row!.seq)) {
    hits.push(found);
    found = ask(found.row.index, direction);
  }
  return hits;
}

describe('searching for a text', () => {
  it('finds the rows whose cells show it, and no others', () => {
    fc.assert(
      fc.property(records, needle, fc.constantFrom(...looks), fc.subarray(COLUMNS), (rows, text, look, columns) => {
        const { of } = views(rows);
        const find: RowFind = { text, by: 'text', columns };
        const page = of.page({ runId: '', stream: '', where: '', first: 0, count: 100, look, find });
        const shown = page.columns.flatMap(({ id }, i) => (columns.length === 0 || columns.includes(id) ? [i] : []));
        const wanted = page.rows.filter(
          ({ cells }) => text.trim() !== '' && shown.some((i) => cells[i]!.toLowerCase().includes(text.toLowerCase())),
        );
        expect(page.rows.filter(({ found }) => found === true).map(({ seq }) => seq)).toEqual(
          wanted.map(({ seq }) => seq),
        );
        const hits = walk((from, direction) => of.find({ ...plain, look, find, from, direction }), 1);
        expect(hits.map(({ row }) => row!.seq)).toEqual(wanted.map(({ seq }) => seq));
      }),
    );
  });
});

describe('going from match to match', () => {
  const sorts: (RowSort['by'] | null)[] = [
    null,
    [{ column: 'ret', descending: false }],
    [
      { column: 'comm', descending: true },
      { column: 'big', descending: false },
    ],
  ];

  it('follows the order that shows, both ways, and counts', async () => {
    const wheres = fc.constantFrom('', 'ret >= 0');
    const tests = fc.constantFrom('ret < 0', 'big > 1000', 'comm ~ "a"', 'flag == 1 || on');
    await fc.assert(
      fc.asyncProperty(records, fc.constantFrom(...sorts), wheres, tests, async (rows, by, where, text) => {
        const { of, stream } = views(rows);
        const sort = by === null ? {} : { sort: { by, until: stream.delivered } };
        const ordered = of.rows('', where, sort.sort);
        if ('sorted' in ordered) await (ordered as unknown as { sorted(): Promise<void> }).sorted();
        const find: RowFind = { text, by: 'expr', columns: [] };
        const page = of.page({ runId: '', stream: '', where, first: 0, count: 100, ...sort, find });
        const wanted = page.rows.flatMap(({ found }, index) => (found === true ? [index] : []));
        const ask = (from: number, direction: -1 | 0 | 1): FoundRows =>
          of.find({ ...plain, where, ...sort, find, from, direction });
        const forth = walk(ask, 1);
        expect(forth.map(({ row }) => row!.index)).toEqual(wanted);
        expect(forth.map(({ ordinal }) => ordinal)).toEqual(wanted.map((_, i) => i + 1));
        expect(forth.every(({ matches, wrapped }) => matches === wanted.length && !wrapped)).toBe(true);
        expect(walk(ask, -1).map(({ row }) => row!.index)).toEqual(wanted.toReversed());
        for (let from = -1; from <= page.rows.length; from++) {
          const [next, back, here] = [ask(from, 1), ask(from, -1), ask(from, 0)];
          expect(next.row?.index).toBe(wanted.find((index) => index > from) ?? wanted[0]);
          expect(back.row?.index).toBe(wanted.findLast((index) => index < from) ?? wanted.at(-1));
          expect(here.row?.index).toBe(wanted.find((index) => index >= from) ?? wanted[0]);
          expect([next.wrapped, back.wrapped, here.wrapped]).toEqual([
            wanted.length > 0 && !wanted.some((index) => index > from),
            wanted.length > 0 && !wanted.some((index) => index < from),
            wanted.length > 0 && !wanted.some((index) => index >= from),
          ]);
        }
      }),
      { numRuns: 60 },
    );
  });

  const numbered = (from: number, count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => {
      const out = new Uint8Array(48);
      new DataView(out.buffer).setBigUint64(0, BigInt(from + i), true);
      return out;
    });

  it.each([null, sorts[1]!])('finds no rows that have left the store, in the order %j', (by) => {
    const { of, stream, add } = views(numbered(0, 20), { maxBytes: 8192, slabBytes: 4096 });
    const sort = by === null ? {} : { sort: { by, until: stream.delivered } };
    const find: RowFind = { text: 'big % 5 == 0', by: 'expr', columns: [] };
    const ask = (from: number): FoundRows => of.find({ ...plain, ...sort, find, from, direction: 1 });
    expect(ask(-1)).toMatchObject({ matches: 4, ordinal: 1, row: { seq: 0, index: 0 } });
    for (let at = 20; stream.firstSeq <= 6; at += 7) add(numbered(at, 7));
    const { matches, row } = ask(-1);
    const first = Math.ceil(stream.firstSeq / 5) * 5;
    if (first < 20 || by === null) expect(row?.seq).toBe(first);
    else expect(row).toBeNull();
    expect(matches).toBe(Math.floor((stream.delivered - 1) / 5) - first / 5 + 1);
  });

  it('says what is wrong with an expression', () => {
    const find: RowFind = { text: 'rte < 0', by: 'expr', columns: [] };
    expect(() => views([]).of.find({ ...plain, find, from: 0, direction: 1 })).toThrow(/"rte" is no field/);
  });
});
