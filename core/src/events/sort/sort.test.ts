import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldValue, RecordField, RowOrder, StreamSchema } from '../../model/index.ts';
import { compileExpr, EventStore, RowDecoder, View } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../testing.ts';
import { SortedView } from './sortedView.ts';

const fields: RecordField[] = [
  makeField({ name: 'small', kind: 'int', offset: 0, size: 2 }),
  makeField({ name: 'port', kind: 'uint', offset: 2, size: 2, bigEndian: true }),
  makeField({ name: 'word', kind: 'int', offset: 4, size: 4 }),
  makeField({ name: 'long', kind: 'int', offset: 8, size: 8 }),
  makeField({ name: 'ulong', kind: 'uint', offset: 16, size: 8 }),
  makeField({ name: 'real', kind: 'float', offset: 24, size: 8 }),
  makeField({ name: 'comm', kind: 'chars', offset: 32, size: 20 }),
  makeField({ name: 'addr', kind: 'ipv4', offset: 52, size: 4 }),
  makeField({
    name: 'pair',
    kind: 'array',
    offset: 56,
    size: 8,
    count: 2,
    element: makeField({ name: '', kind: 'int', offset: 0, size: 4 }),
  }),
  makeField({ name: 'flag', kind: 'uint', offset: 64, size: 4, bits: 3, bitOffset: 2 }),
  makeField({ name: 'tail', kind: 'chars', offset: 68, size: 0 }),
];
const schema = makeSchema(makeRecord('struct event', 68, fields));
const names = fields.map(({ name }) => name);

function filled(records: readonly Uint8Array[], options = {}, of: StreamSchema = schema) {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  for (let at = 0; at < records.length; at += 7) store.append(stream, host, makeSpan(records.slice(at, at + 7)));
  return { store, stream, host, decoder: new RowDecoder(store, stream, of) };
}

const letters = fc.stringMatching(/^[ -~]{0,24}$/);
const record = fc
  .record({
    few: fc.boolean(),
    head: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    comm: letters,
    rest: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    tail: letters,
    cut: fc.option(fc.nat(68), { freq: 5 }),
  })
  .map(({ few, head, comm, rest, tail, cut }) => {
    const text = new TextEncoder().encode(tail);
    const bytes = new Uint8Array(68 + text.length);
    bytes.set(few ? head.map((byte) => byte & 1) : head);
    bytes.set(new TextEncoder().encode(few ? comm.slice(0, 1) : comm).subarray(0, 20), 32);
    bytes.set(few ? rest.map((byte) => byte & 1) : rest, 52);
    bytes.set(text, 68);
    return cut === null ? bytes : bytes.subarray(0, cut);
  });

/** What a person would do with the decoded rows: compare them value by value, those without one last. */
function naive(values: readonly (readonly FieldValue[])[], by: readonly RowOrder[]): number[] {
  const order = values.map((_, i) => i);
  return order.sort((a, b) => {
    for (const [i, { descending }] of by.entries()) {
      const [left, right] = [values[a]![i] ?? null, values[b]![i] ?? null];
      if (left === null || right === null) {
        if (left !== right) return left === null ? 1 : -1;
        continue;
      }
      const compared = compare(left, right);
      if (compared !== 0) return descending ? -compared : compared;
    }
    return a - b;
  });
}

function compare(a: FieldValue, b: FieldValue): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    const both = a.slice(0, b.length).map((item, i) => compare(item, b[i]!));
    return both.find((compared) => compared !== 0) ?? a.length - b.length;
  }
  if (typeof a === 'string' && typeof b === 'string' && !(/^-?\d{16,}$/.test(a) || /^-?\d{16,}$/.test(b))) {
    const [left, right] = /^\d+\.\d+\.\d+\.\d+$/.test(a) ? [octets(a), octets(b)] : [a, b];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const [left, right] = [exact(a), exact(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const octets = (text: string): string =>
  text
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.');
/** Beyond 2^53 integers are texts; infinity is one, too. */
const exact = (value: FieldValue): number | bigint =>
  typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : Number(value);

function valueOf(decoder: RowDecoder, seq: number, column: string): FieldValue {
  const value = decoder.event(decoder.stream.place(seq)!).fields[column] ?? null;
  if (value === 'NaN') return null;
  return Array.isArray(value) && value.length === 0 ? null : value;
}

describe('a sorted view', () => {
  it('is what Array.sort makes of the decoded rows, by any columns, with or without a filter', async () => {
    const orders = fc.array(fc.record({ column: fc.constantFrom(...names), descending: fc.boolean() }), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60 }),
        orders,
        fc.constantFrom('', 'small >= 0', 'comm ~ "a"'),
        async (records, by, where) => {
          const { decoder, stream } = filled(records);
          const view = new View(decoder, compileExpr(where, schema), { sliceMs: Infinity });
          const sorted = new SortedView(view, { by, until: stream.delivered });
          await sorted.sorted();
          const seqs = Array.from({ length: view.matching }, (_, i) => view.placeAt(i)!.seq);
          const values = seqs.map((seq) => by.map(({ column }) => valueOf(decoder, seq, column)));
          const got = Array.from({ length: sorted.matching }, (_, i) => sorted.seqAt(i));
          expect(got).toEqual(naive(values, by).map((i) => seqs[i]));
          for (const [index, seq] of got.entries()) expect(sorted.indexOf(seq!)).toBe(index);
        },
      ),
      { numRuns: 60 },
    );
  });

  const plain = makeSchema(makeRecord('struct n', 8, [makeField({ name: 'n', kind: 'uint', offset: 0, size: 8 })]));
  const numbered = (numbers: readonly number[]): Uint8Array[] =>
    numbers.map((n) => new Uint8Array(new BigUint64Array([BigInt(n)]).buffer));

  it('stands still while rows come, and says how many wait', async () => {
    const { decoder, stream, store, host } = filled(numbered([5, 3, 9]), {}, plain);
    const view = new View(decoder, compileExpr('n > 3', plain), { sliceMs: Infinity });
    const sorted = new SortedView(view, { by: [{ column: 'n', descending: false }], until: stream.delivered });
    await sorted.sorted();
    store.append(stream, host, makeSpan(numbered([4, 1, 7])));
    view.update();
    expect([0, 1].map((i) => sorted.seqAt(i))).toEqual([0, 2]);
    expect(sorted.progress).toEqual({ until: 3, done: 1, waiting: 2, gone: 0 });
  });

  it('keeps the places of rows that leave the store', async () => {
    const { decoder, stream, store, host } = filled(numbered([5, 3]), { maxBytes: 8192, slabBytes: 4096 }, plain);
    const view = new View(decoder, compileExpr('', plain), { sliceMs: Infinity });
    const sorted = new SortedView(view, { by: [{ column: 'n', descending: true }], until: stream.delivered });
    await sorted.sorted();
    while (stream.firstSeq < 2) store.append(stream, host, makeSpan(numbered(new Array<number>(50).fill(1))));
    expect(sorted.matching).toBe(2);
    expect(sorted.placeAt(0)).toBeNull();
    expect(sorted.progress.gone).toBe(2);
  });

  it('works in slices, and no longer once it is given up', async () => {
    const { decoder, stream } = filled(
      numbered(Array.from({ length: 9_000 }, (_, i) => (i * 7919) % 9_000)),
      {},
      plain,
    );
    const view = new View(decoder, compileExpr('', plain), { sliceMs: Infinity });
    const by = [{ column: 'n', descending: false }];
    const sorted = new SortedView(view, { by, until: stream.delivered }, 0);
    expect(sorted.update()).toBe(false);
    expect(sorted.progress.done).toBeLessThan(1);
    const given = sorted.sorted();
    sorted.dispose();
    await given;
    expect(sorted.matching).toBe(0);
  });

  it('refuses a column that no record has, and too many', () => {
    const { decoder } = filled([], {}, plain);
    const view = new View(decoder, compileExpr('', plain), { sliceMs: Infinity });
    const by = (...columns: string[]) => ({ by: columns.map((column) => ({ column, descending: false })), until: 0 });
    expect(() => new SortedView(view, by('m'))).toThrow(/"m" is no field/);
    expect(() => new SortedView(view, by())).toThrow(/one to 4 columns/);
    expect(() => new SortedView(view, by('n', 'n', 'n', 'n', 'n'))).toThrow(/one to 4 columns/);
  });
});
