import type { FieldValue, Measure, SummaryData, SummarySpec } from '../../model/index.ts';
import type { Batch } from '../expr/batch.ts';
import type { RowDecoder } from '../rows.ts';
import type { Accumulator } from './accumulator.ts';
import { hashOf, KeyTable, RowKeys, type KeyValues } from './keys.ts';
import { fieldOf, numberColumn, timeColumn, typeColumn, type NumberColumn } from './numbers.ts';
import { needsSketch, Tally } from './tally.ts';

/** Groups that are told apart; rows of further ones are counted together. */
export const GROUP_LIMIT = 100_000;
/** With percentiles a group costs kilobytes instead of bytes. */
export const GROUP_LIMIT_WITH_PERCENTILES = 10_000;
/** Most groups of one answer. */
const MOST_TOP = 1_000;

type GroupsSpec = SummarySpec & { kind: 'groups' };

interface Group {
  key: KeyValues;
  rows: number;
  /** One per measured field. */
  tallies: Tally[];
}

/** Rows by the values of some columns, with measures of each group. */
export class Groups implements Accumulator {
  state = 1;
  readonly #spec: GroupsSpec;
  readonly #decoder: RowDecoder;
  readonly #keys: RowKeys;
  readonly #type: ReturnType<typeof typeColumn>;
  readonly #time: NumberColumn;
  readonly #fields: readonly { path: string; read: NumberColumn; sketch: boolean }[];
  readonly #limit: number;
  readonly #table = new KeyTable<Group>();
  readonly #groups: Group[] = [];
  #restRows = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, spec: GroupsSpec) {
    this.#spec = spec;
    this.#decoder = decoder;
    this.#keys = new RowKeys(decoder, spec.by);
    this.#type = typeColumn(decoder.schema);
    this.#time = timeColumn(decoder.schema);
    this.#fields = measuredFields(spec.measures).map((path) => ({
      path,
      read: numberColumn(decoder.schema, path),
      sketch: spec.measures.some((measure) => measure.field === path && needsSketch(measure.of)),
    }));
    this.#limit = this.#fields.some(({ sketch }) => sketch) ? GROUP_LIMIT_WITH_PERCENTILES : GROUP_LIMIT;
  }

  add(batch: Batch, mask: Uint8Array): void {
    for (let row = 0; row < batch.count; row++) {
      if (mask[row] === 0) continue;
      this.state++;
      const type = this.#type(batch, row);
      const time = this.#time(batch, row, type);
      if (time < this.#from) this.#from = time;
      if (time > this.#to) this.#to = time;
      const group = this.#groupOf(batch, row, type);
      if (group === null) {
        this.#restRows++;
        continue;
      }
      group.rows++;
      for (let i = 0; i < this.#fields.length; i++) group.tallies[i]!.add(this.#fields[i]!.read(batch, row, type));
    }
  }

  #groupOf(batch: Batch, row: number, type: number): Group | null {
    const { bytes } = this.#keys;
    const length = this.#keys.write(batch, row, type);
    const hash = hashOf(bytes, length);
    const known = this.#table.get(bytes, length, hash);
    if (known !== null || this.#groups.length >= this.#limit) return known;
    const tallies = this.#fields.map(({ sketch }) => new Tally(sketch));
    const group = { key: this.#keys.read(batch, row, type), rows: 0, tallies };
    this.#table.put(bytes, length, hash, group);
    this.#groups.push(group);
    return group;
  }

  read(_since: number, asked: SummarySpec = this.#spec): { data: SummaryData; whole: boolean } {
    const spec = asked.kind === 'groups' ? asked : this.#spec;
    const { measures } = this.#spec;
    const shown = topOf(this.#groups, Math.max(1, Math.min(spec.top, MOST_TOP)), this.#comparison(spec));
    const rows = shown.map((group) => ({
      ...group.key,
      measures: measures.map((measure) => this.#measure(group, measure)),
    }));
    const data: SummaryData = {
      kind: 'groups',
      by: this.#keys.fields,
      fields: measures.map(({ field }) => (field === '' ? null : fieldOf(this.#decoder.schema, field))),
      rows,
      groups: this.#groups.length,
      restRows: this.#restRows,
      limit: this.#limit,
    };
    return { data, whole: true };
  }

  /** Groups without the value stand behind all others. */
  #comparison({ measures, order, sort }: GroupsSpec): (a: Group, b: Group) => number {
    const turn = (sort?.descending ?? true) ? -1 : 1;
    if (sort?.by === 'key') {
      return (a, b) => compared(a.key.values[sort.at] ?? null, b.key.values[sort.at] ?? null, turn);
    }
    const by = measures[sort?.at ?? order] ?? { of: 'count', field: '' };
    return (a, b) => compared(this.#measure(a, by), this.#measure(b, by), turn);
  }

  #measure(group: Group, { of, field }: Measure): number | null {
    if (of === 'count') return group.rows;
    // A single row has no rate: there is no time between it and another.
    if (of === 'rate') return this.#to > this.#from ? (group.rows * 1000) / (this.#to - this.#from) : null;
    return group.tallies[this.#fields.findIndex(({ path }) => path === field)]?.read(of) ?? null;
  }
}

/** The fields that measures need, each once. */
export function measuredFields(measures: readonly Measure[]): string[] {
  return [...new Set(measures.filter(({ of }) => of !== 'count' && of !== 'rate').map(({ field }) => field))];
}

/** Numbers by size, then texts by their letters; values that are none behind the others, whichever the turn. */
function compared(a: FieldValue, b: FieldValue, turn: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const [left, right] = [sortable(a), sortable(b)];
  // A text compared with a number would be neither smaller nor larger.
  if ((typeof left === 'string') !== (typeof right === 'string')) return typeof left === 'string' ? turn : -turn;
  return left < right ? -turn : left > right ? turn : 0;
}

/** Integers beyond 2^53 are decimal texts. */
function sortable(value: FieldValue): string | number | bigint {
  if (typeof value === 'string') return /^-?\d{1,20}$/.test(value) ? BigInt(value) : value;
  return typeof value === 'number' || typeof value === 'boolean' ? Number(value) : JSON.stringify(value);
}

/** The first `count` items in an order, without sorting the others; equal ones as they came. */
export function topOf<T>(items: readonly T[], count: number, compare: (a: T, b: T) => number): T[] {
  const top: T[] = [];
  for (const item of items) {
    if (top.length === count && compare(item, top[count - 1]!) >= 0) continue;
    let [low, high] = [0, top.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(item, top[middle]!) < 0) high = middle;
      else low = middle + 1;
    }
    top.splice(low, 0, item);
    if (top.length > count) top.pop();
  }
  return top;
}
