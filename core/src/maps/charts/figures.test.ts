import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpr } from '../../events/index.ts';
import { makeField } from '../../events/testing.ts';
import type { MapSummarySpec, SummaryData } from '../../model/index.ts';
import { RowLayout } from '../view/layout.ts';
import { orderRows } from '../view/order.ts';
import { MapTable } from '../view/table.ts';
import { figuresOf, type Figures } from './figures.ts';

const u32 = (name: string, offset = 0) => makeField({ name, kind: 'uint', offset, size: 4 });
const map = { name: 'counts', type: 'hash', maxEntries: 100 };
const START = 1_700_000_000_000;

/** A map of numbers by number that is looked at each second. */
class Looked {
  readonly table: MapTable;
  readonly figures: Figures;
  readonly #spec: MapSummarySpec;
  #at = START;
  #before: number | null = null;

  constructor(spec: MapSummarySpec, layout = new RowLayout('counts', plain, 4, 4, false)) {
    this.#spec = spec;
    this.figures = figuresOf(spec);
    this.table = new MapTable(layout, 'value');
  }

  async look(entries: Uint8Array, { where = '', deleted = new Uint8Array(0) } = {}): Promise<void> {
    const { table } = this;
    table.apply({ changed: entries, deleted, emptied: false, time: BigInt(this.#at) * 1_000_000n });
    const filter = compileExpr(where, { stream: 'counts', records: [table.layout.record] });
    const column = this.#spec.kind !== 'heatmap' && this.#spec.of === 'rate' ? 'rate' : 'value';
    const rows = await orderRows(table, filter, { column, descending: true }, () => true);
    this.figures.take({ table, map, rows: rows!, at: this.#at, before: this.#before });
    this.#before = this.#at;
    this.#at += 1000;
  }

  read<K extends SummaryData['kind']>(kind: K, since = 0): SummaryData & { kind: K } {
    const { data } = this.figures.read(since)!;
    expect(data.kind).toBe(kind);
    return data as SummaryData & { kind: K };
  }
}

const plain = { key: u32('key'), value: u32('value'), perCpu: 0 };
const packed = (entries: Record<number, number>): Uint8Array =>
  new Uint8Array(Uint32Array.from(Object.entries(entries).flatMap(([key, value]) => [Number(key), value])).buffer);
const series = (of: 'value' | 'rate', top = 2): MapSummarySpec => ({
  kind: 'series',
  field: '',
  of,
  top,
  seconds: 300,
});

describe('lines of entries', () => {
  it('are of the largest, at each look, and begin where an entry was there for the first time', async () => {
    const looked = new Looked(series('value'));
    await looked.look(packed({ 1: 10, 2: 20, 3: 1 }));
    await looked.look(packed({ 1: 15 }));
    await looked.look(packed({ 9: 99 }));
    const { lines, entries, width } = looked.read('series');
    expect(width).toBe(1000);
    expect(entries).toBe(4);
    expect(lines.map(({ label, values }) => [label, values])).toEqual([
      ['2', [20, 20, 20]],
      ['9', [null, null, 99]],
    ]);
  });

  it('of a rate say nothing of the first look, 0 of what stands, and a change downwards below 0', async () => {
    const looked = new Looked(series('rate', 3));
    await looked.look(packed({ 1: 10, 2: 20 }));
    await looked.look(packed({ 1: 40 }));
    await looked.look(packed({ 2: 5 }));
    expect(looked.read('series').lines.map(({ label, values }) => [label, values])).toEqual([
      ['1', [null, 30, 0]],
      ['2', [null, 0, -15]],
    ]);
  });

  it('end where the entry is deleted', async () => {
    const looked = new Looked(series('value'));
    await looked.look(packed({ 1: 10 }));
    await looked.look(packed({}), { deleted: packed({ 1: 0 }).slice(0, 4) });
    expect(looked.read('series').lines[0]!.values).toEqual([10, null]);
  });

  it('are of what the filter lets through, and tell only what has changed since', async () => {
    const looked = new Looked(series('value'));
    await looked.look(packed({ 1: 10, 2: 20 }), { where: 'key == 1' });
    looked.read('series');
    const since = looked.figures.state;
    await looked.look(packed({ 1: 11 }), { where: 'key == 1' });
    const { whole, data } = looked.figures.read(since)!;
    expect(whole).toBe(false);
    expect(data).toMatchObject({ lines: [{ label: '1', values: [11] }], entries: 1 });
  });

  it('never are more than there is room for, whatever comes and goes', async () => {
    const looks = fc.array(fc.dictionary(fc.nat(200).map(String), fc.nat(1000), { maxKeys: 90 }), {
      maxLength: 5,
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(looks, async (maps) => {
        const looked = new Looked(series('value', 50));
        for (const entries of maps) await looked.look(packed(entries));
        const { lines, first, end } = looked.read('series');
        expect(lines.length).toBeLessThanOrEqual(12);
        for (const { values } of lines) expect(values).toHaveLength(end - first);
      }),
      { numRuns: 30 },
    );
  });
});

it('the top entries are those with the most now, with their other figure beside', async () => {
  const looked = new Looked({ kind: 'groups', field: '', of: 'rate', top: 2 });
  await looked.look(packed({ 1: 10, 2: 20, 3: 30 }));
  await looked.look(packed({ 1: 17, 2: 21 }));
  const { rows, groups } = looked.read('groups');
  expect(rows.map(({ texts, measures }) => [texts[0], measures])).toEqual([
    ['1', [7, 17]],
    ['2', [1, 21]],
  ]);
  expect(groups).toBe(3);
});

describe('slots over time', () => {
  const slots = makeField({
    ...{ name: 'value', kind: 'array', offset: 0, size: 32, count: 8 },
    element: u32(''),
  });
  const layout = () => new RowLayout('latency', { key: u32('key'), value: slots, perCpu: 0 }, 4, 32, false);
  const entry = (...hits: number[]): Uint8Array => new Uint8Array(Uint32Array.from([0, ...hits]).buffer);
  const cells = (data: SummaryData & { kind: 'heatmap' }): number[][] =>
    Array.from({ length: data.cells.length / 3 }, (_, i) => [
      data.cells[i * 3]! - data.first,
      ...data.cells.slice(i * 3 + 1, i * 3 + 3),
    ]);

  it('are what each look counted more than the one before, in powers of two', async () => {
    const looked = new Looked({ kind: 'heatmap', seconds: 300 }, layout());
    await looked.look(entry(5, 0, 3, 0, 0, 0, 0, 0));
    await looked.look(entry(5, 0, 7, 1, 0, 0, 0, 0));
    await looked.look(entry(6, 0, 7, 1, 0, 0, 0, 0));
    const data = looked.read('heatmap');
    expect(cells(data).filter(([, , hits]) => hits! > 0)).toEqual([
      [1, 2, 4],
      [1, 3, 1],
      [2, 0, 1],
    ]);
    expect(data.slots.slice(0, 3)).toEqual([
      { slot: 0, low: 0, high: 2 },
      { slot: 1, low: 2, high: 4 },
      { slot: 2, low: 4, high: 8 },
    ]);
  });

  it('go on after the program began to count anew', async () => {
    const looked = new Looked({ kind: 'heatmap', seconds: 300 }, layout());
    await looked.look(entry(50, 0, 0, 0, 0, 0, 0, 0));
    await looked.look(entry(2, 0, 0, 0, 0, 0, 0, 0));
    expect(cells(looked.read('heatmap')).at(-1)).toEqual([1, 0, 2]);
  });

  it('are refused for a map that holds no histogram', async () => {
    const looked = new Looked({ kind: 'heatmap', seconds: 300 });
    await expect(looked.look(packed({ 1: 1 }))).rejects.toMatchObject({ code: 'bad-value' });
  });
});
