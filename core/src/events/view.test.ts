import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpr, EventStore, EventTap, RowDecoder, RunViews, View } from './index.ts';
import { RowList } from './rowList.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from './testing.ts';

const schema = makeSchema(
  makeRecord('struct event', 8, [
    makeField({ name: 'pid', kind: 'uint', offset: 0, size: 4 }),
    makeField({ name: 'ret', kind: 'int', offset: 4, size: 4 }),
  ]),
);

function span(first: number, count: number): Uint8Array {
  const records = Array.from({ length: count }, (_, i) => {
    const record = new Uint8Array(8);
    new DataView(record.buffer).setUint32(0, first + i, true);
    new DataView(record.buffer).setInt32(4, (first + i) % 10, true);
    return record;
  });
  return makeSpan(records);
}

function fresh(options = {}) {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const decoder = new RowDecoder(store, stream, schema);
  let next = 0;
  const add = (count: number): void => {
    store.append(stream, host, span(next, count));
    next += count;
  };
  return { store, stream, decoder, add };
}

describe('RowList', () => {
  it('is a list of ascending numbers that loses its front (property)', () => {
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom(1, 1, 2, 100, 5_000_000_000) }),
      fc.record({ many: fc.integer({ min: 1, max: 20_000 }) }),
      fc.record({ drop: fc.integer({ min: 0, max: 30_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const list = new RowList();
        let model: number[] = [];
        let next = 0;
        for (const step of steps) {
          if ('drop' in step) {
            const before = (model[0] ?? next) + step.drop;
            const kept = model.filter((seq) => seq >= before);
            expect(list.dropBefore(before)).toBe(model.length - kept.length);
            model = kept;
          } else {
            for (let i = 0; i < ('many' in step ? step.many : 1); i++) {
              next += 'push' in step ? step.push : 1;
              list.push(next);
              model.push(next);
            }
          }
          expect(list.length).toBe(model.length);
          for (const index of [0, 1, model.length >> 1, model.length - 1]) {
            expect(list.at(index)).toBe(index < 0 ? undefined : model[index]);
            if (index >= 0 && index < model.length) expect(list.indexOf(model[index]!)).toBe(index);
          }
          expect(list.at(model.length)).toBeUndefined();
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('View', () => {
  it('pages through all rows without a filter, from any place and from the end', () => {
    const { decoder, add } = fresh();
    add(250);
    const view = new View(decoder, compileExpr('', schema), { sliceMs: Infinity });
    expect(view.page(100, 3).rows.map((row) => row.cells.slice(1))).toEqual([
      ['100', '0'],
      ['101', '1'],
      ['102', '2'],
    ]);
    expect(view.page(-1, 2)).toMatchObject({ first: 248, matching: 250, rows: [{ seq: 248 }, { seq: 249 }] });
    expect(view.page(249, 50).rows).toHaveLength(1);
    expect(view.page(9999, 50)).toMatchObject({ first: 250, rows: [] });
    expect(view.page(0, 1e9).rows).toHaveLength(250);
  });

  it('follows what comes and forgets what leaves', () => {
    const { stream, decoder, add } = fresh({ maxBytes: 1 << 16, slabBytes: 1 << 14 });
    const filtered = new View(decoder, compileExpr('ret == 3', schema), { sliceMs: Infinity });
    const all = new View(decoder, compileExpr('', schema), { sliceMs: Infinity });
    for (let i = 0; i < 60; i++) {
      add(100);
      const page = filtered.page(-1, 5);
      const newest = i * 100 + 93;
      expect(page.rows.at(-1)).toMatchObject({ seq: newest, cells: [expect.any(String), String(newest), '3'] });
      expect(page.matching + page.evicted).toBe((i + 1) * 10);
      expect(page.partial).toBe(false);
      const oldest = filtered.page(0, 1).rows[0]!.seq;
      expect(oldest).toBeGreaterThanOrEqual(stream.firstSeq);
      expect(oldest).toBeLessThan(stream.firstSeq + 10);
      expect(all.page(0, 1)).toMatchObject({ matching: stream.stored, rows: [{ seq: stream.firstSeq }] });
      expect(all.evictedMatching).toBe(stream.evicted);
    }
    expect(stream.evicted).toBeGreaterThan(0);
  });

  it('answers by what the asker knew to be evicted: the same question gets the same rows while they are stored', () => {
    const { stream, decoder, add } = fresh({ maxBytes: 1 << 16, slabBytes: 1 << 14 });
    for (const where of ['', 'ret == 3']) {
      // No slices: on a crowded machine a partial answer would make the comparison meaningless.
      const view = new View(decoder, compileExpr(where, schema), { sliceMs: Infinity });
      for (let i = 0; i < 20; i++) add(100);
      const { evicted, matching } = view.page(0, 0);
      const first = matching - 10;
      const before = view.page(first, 5, evicted);
      while (view.evictedMatching < evicted + 5) add(100);
      const after = view.page(first, 5, evicted);
      expect(after.rows).toEqual(before.rows);
      expect(after.first + after.evicted).toBe(before.first + before.evicted);
      while (stream.firstSeq <= before.rows.at(-1)!.seq) add(100);
      expect(view.page(first, 5, evicted)).toMatchObject({ first: 0 });
    }
  });

  it('works in slices and says so', async () => {
    const { decoder, add } = fresh();
    for (let i = 0; i < 40; i++) add(5000);
    const view = new View(decoder, compileExpr('ret == 3', schema), { sliceMs: 0 });
    const page = view.page(-1, 5);
    expect(page.partial).toBe(true);
    expect(page.matching).toBeLessThan(20_000);
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    await view.caughtUp();
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(0);
    expect(view.page(-1, 5)).toMatchObject({ partial: false, matching: 20_000 });
  });

  it('stops its work when it is disposed', async () => {
    const { decoder, add } = fresh();
    for (let i = 0; i < 10; i++) add(5000);
    const view = new View(decoder, compileExpr('ret == 3', schema), { sliceMs: 0 });
    const done = view.caughtUp();
    view.dispose();
    await done;
    const { matching } = view;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(view.matching).toBe(matching);
  });

  it('can begin with what comes', () => {
    const { decoder, add } = fresh();
    add(10);
    const views = ['', 'ret >= 0'].map((text) => new View(decoder, compileExpr(text, schema), { fromNow: true }));
    add(5);
    for (const view of views) expect(view.page(0, 100)).toMatchObject({ matching: 5, rows: { 0: { seq: 10 } } });
  });
});

describe('EventTap', () => {
  it('hands out each matching row once and counts what it missed', () => {
    const { stream, decoder, add } = fresh({ maxBytes: 1 << 15, slabBytes: 1 << 13 });
    const tap = new EventTap(decoder, compileExpr('ret < 5', schema));
    add(100);
    expect(tap.take(20).map((event) => event.seq)).toEqual([
      0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34,
    ]);
    expect(tap.take(100)).toHaveLength(30);
    expect(tap.behind).toBe(false);
    for (let i = 0; i < 60; i++) add(100);
    const rest = tap.take(1e6);
    expect(tap.missed).toBe(stream.firstSeq - 100);
    expect(rest[0]!.seq).toBeGreaterThanOrEqual(stream.firstSeq);
    expect(tap.shown).toBe(50 + rest.length);
    add(20);
    expect(tap.skip()).toBe(10);
    expect(tap.shown).toBe(60 + rest.length);
  });
});

describe('RunViews', () => {
  const query = { runId: 'r', stream: '', where: '', first: -1, count: 3 };

  it('answers pages of the first stream by default, and an error of the filter as data', () => {
    const { store, add } = fresh();
    add(10);
    const views = new RunViews(store, () => [schema], { sliceMs: Infinity });
    expect(views.page(query)).toMatchObject({
      runId: 'r',
      stream: 'events',
      where: '',
      matching: 10,
      filterError: null,
    });
    expect(views.page({ ...query, where: 'ret == 3' })).toMatchObject({ matching: 1, rows: [{ seq: 3 }] });
    expect(views.page({ ...query, where: 'pid == 1 && rett == 3' })).toMatchObject({
      rows: [],
      stored: 10,
      filterError: { code: 'unknown-field' },
      filterErrorAt: 12,
    });
    expect(views.page({ ...query, stream: 'nothing' })).toMatchObject({ stream: 'nothing', rows: [], delivered: 0 });
  });

  it('gives the detail of a row that is still there', () => {
    const { store, add } = fresh();
    add(10);
    const views = new RunViews(store, () => [schema], { sliceMs: Infinity });
    expect(views.detail('events', 7)).toMatchObject({
      seq: 7,
      record: 'struct event',
      time: '1700000000000000000',
      fields: [
        { path: 'pid', value: 7, text: '7', offset: 0, size: 4 },
        { path: 'ret', value: 7 },
      ],
      hex: '0000  07 00 00 00 07 00 00 00                           ........',
    });
    expect(views.detail('events', 10)).toBeNull();
  });

  it('takes a schema that is known later', () => {
    const { store, add } = fresh();
    add(1);
    let schemas = [{ stream: 'events', records: [] as (typeof schema)['records'] }];
    const views = new RunViews(store, () => schemas, { sliceMs: Infinity });
    expect(views.page(query).rows[0]!.cells.slice(1)).toEqual(['0000000000000000']);
    schemas = [schema];
    expect(views.page(query).rows[0]!.cells.slice(1)).toEqual(['0', '0']);
  });

  it('keeps the views that are asked for and drops old ones', () => {
    const { store, add } = fresh();
    add(10);
    const views = new RunViews(store, () => [schema], { sliceMs: Infinity });
    for (let i = 0; i < 50; i++) expect(views.page({ ...query, where: `pid == ${i}` }).matching).toBe(i < 10 ? 1 : 0);
    views.dispose();
  });
});
