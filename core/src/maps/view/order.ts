/**
 * Which rows of a table a filter lets through, and in what order: a radix sort over eight bytes a row, so that a million
 * rows take a moment; texts that agree in those are told apart afterwards. The work is cut into slices.
 */
import { setImmediate } from 'node:timers/promises';
import {
  Batch,
  BATCH_ROWS,
  bigReader,
  fitsNumber,
  isInteger,
  isSigned,
  numberReader,
  Slab,
  type Filter,
  type RecordSource,
} from '../../events/index.ts';
import type { RecordField } from '../../model/index.ts';
import type { MapTable } from './table.ts';

/** How long one slice of work may hold the thread. */
const SLICE_MS = 12;
const SLICE_ROWS = 32_768;

export interface SortBy {
  column: string;
  descending: boolean;
}

/** Lets others have the thread now and then. */
class Slices {
  #until = performance.now() + SLICE_MS;

  async next(): Promise<void> {
    if (performance.now() < this.#until) return;
    await setImmediate();
    this.#until = performance.now() + SLICE_MS;
  }
}

/** The matching rows in order. The table must not change meanwhile: `still` false gives up (null). */
export async function orderRows(
  table: MapTable,
  filter: Filter,
  sort: SortBy,
  still: () => boolean,
): Promise<Uint32Array | null> {
  const slices = new Slices();
  const rows = await matching(table, filter, slices, still);
  if (rows === null || rows.length < 2) return rows;
  return sorted(table, rows, sort, slices, still);
}

async function matching(
  table: MapTable,
  filter: Filter,
  slices: Slices,
  still: () => boolean,
): Promise<Uint32Array | null> {
  const found = new Uint32Array(table.count);
  let count = 0;
  if (filter.everything) {
    for (let row = 0; row < table.rows; row++) if (table.alive[row] === 1) found[count++] = row;
    return found.subarray(0, count);
  }
  const source = sourceOf(table);
  const batch = new Batch();
  batch.stream = table.layout.name;
  const mask = new Uint8Array(BATCH_ROWS);
  for (let at = 0; at < table.rows; at += BATCH_ROWS) {
    const rows = batch.load(source, at);
    filter.select(batch, mask);
    for (let i = 0; i < rows; i++) if (mask[i] === 1 && table.alive[at + i] === 1) found[count++] = at + i;
    if (at % SLICE_ROWS === 0) {
      await slices.next();
      if (!still()) return null;
    }
  }
  return found.subarray(0, count);
}

/** The table as filters see it. */
function sourceOf(table: MapTable): RecordSource {
  const { stride } = table.layout;
  return {
    slab: new Slab(table.buffer, 0),
    host: 0,
    clocks: { realtimeMinusMonotonicNs: 0n, realtimeMinusBoottimeNs: 0n },
    firstSeq: 0,
    count: table.rows,
    recordLength: stride,
    mixesCpus: false,
    cpuAt: () => null,
    timeAt: () => 0n,
    readTimeNs: 0n,
    lengthAt: () => stride,
    fillOffsets: (row, count, offsets) => {
      for (let i = 0; i < count; i++) offsets[i] = (row + i) * stride;
    },
  };
}

/** Eight bytes of each row in two halves: rows sort by them as unsigned numbers. */
interface Keys {
  high: Uint32Array;
  low: Uint32Array;
}

type KeyWriter = (i: number, base: number) => void;

const scratch = new DataView(new ArrayBuffer(8));
/** Texts and bytes are told apart by so many of theirs. */
const MOST_KEY_BYTES = 64;
const DIGITS = 1 << 16;

async function sorted(
  table: MapTable,
  rows: Uint32Array,
  sort: SortBy,
  slices: Slices,
  still: () => boolean,
): Promise<Uint32Array | null> {
  const column = sort.column === 'trend' ? 'rate' : sort.column;
  const field = table.layout.field(column);
  if (field === undefined) return rows;
  const keys: Keys = { high: new Uint32Array(rows.length), low: new Uint32Array(rows.length) };
  const passes = new Passes(rows.length, slices, still);
  // The last bytes first: passes that keep the order of equals sort by the first ones in the end.
  for (const write of keyWriters(table, field, column, keys).reverse()) {
    keys.low.fill(0);
    keys.high.fill(0);
    for (let i = 0; i < rows.length; i++) {
      write(i, rows[i]! * table.layout.stride);
      // Upside down rather than backwards: what is equal keeps its order either way.
      if (sort.descending) [keys.high[i], keys.low[i]] = [~keys.high[i]!, ~keys.low[i]!];
      if (i % SLICE_ROWS !== 0) continue;
      await slices.next();
      if (!still()) return null;
    }
    if (!(await passes.by(keys))) return null;
  }
  return passes.order.map((i) => rows[i]!);
}

/** One writer for each eight bytes of the field, the first ones first. */
function keyWriters(table: MapTable, field: RecordField, column: string, keys: Keys): KeyWriter[] {
  const { view } = table;
  const { high, low } = keys;
  if (isInteger(field) && fitsNumber(field)) {
    const read = numberReader(field);
    const flip = isSigned(field) ? 0x80000000 : 0;
    return [(i, base) => void (high[i] = (read(view, base) ^ flip) >>> 0)];
  }
  if (isInteger(field)) {
    const read = bigReader(field);
    const flip = isSigned(field) ? 1n << 63n : 0n;
    const write: KeyWriter = (i, base) => {
      scratch.setBigUint64(0, BigInt.asUintN(64, read(view, base)) ^ flip);
      [high[i], low[i]] = [scratch.getUint32(0), scratch.getUint32(4)];
    };
    return [write];
  }
  if (field.kind === 'float' || field.kind === 'array') return [numberWriter(table, column, keys)];
  const words = Math.ceil(Math.min(MOST_KEY_BYTES, field.size) / 8);
  return Array.from({ length: words }, (_, word) => byteWriter(table, field, word, keys));
}

/** What is not known sorts below everything, and last when sorted downwards. */
function numberWriter({ layout, view }: MapTable, column: string, { high, low }: Keys): KeyWriter {
  const read = layout.counter(column);
  return (i, base) => {
    const value = read === null ? Number.NaN : read(view, base);
    if (Number.isNaN(value)) return;
    // Not -0, which would sort below 0.
    scratch.setFloat64(0, value + 0);
    const bits = scratch.getUint32(0);
    const negative = bits >>> 31 === 1;
    high[i] = (negative ? ~bits : bits | 0x80000000) >>> 0;
    low[i] = (negative ? ~scratch.getUint32(4) : scratch.getUint32(4)) >>> 0;
  };
}

/** Texts, addresses and bytes by their bytes; a text ends at its first zero. */
function byteWriter({ bytes }: MapTable, field: RecordField, word: number, { high, low }: Keys): KeyWriter {
  const text = field.kind === 'chars';
  const from = word * 8;
  const end = Math.min(field.size, from + 8);
  return (i, base) => {
    const at = base + field.offset;
    scratch.setBigUint64(0, 0n);
    if (text && from > 0 && bytes.subarray(at, at + from).includes(0)) return;
    for (let byte = from; byte < end; byte++) {
      const value = bytes[at + byte]!;
      if (text && value === 0) break;
      scratch.setUint8(byte - from, value);
    }
    [high[i], low[i]] = [scratch.getUint32(0), scratch.getUint32(4)];
  };
}

/** An order that radix passes of sixteen bits refine. */
class Passes {
  order: Uint32Array;
  #other: Uint32Array;
  readonly #places = new Uint32Array(DIGITS + 1);

  constructor(
    count: number,
    private readonly slices: Slices,
    private readonly still: () => boolean,
  ) {
    this.order = Uint32Array.from({ length: count }, (_, i) => i);
    this.#other = new Uint32Array(count);
  }

  /** Says whether the work is still wanted. */
  async by({ high, low }: Keys): Promise<boolean> {
    for (const words of [low, high]) {
      for (const shift of [0, 16]) {
        this.#pass(words, shift);
        await this.slices.next();
        if (!this.still()) return false;
      }
    }
    return true;
  }

  #pass(words: Uint32Array, shift: number): void {
    const [from, to, places] = [this.order, this.#other, this.#places];
    const count = from.length;
    places.fill(0);
    for (let i = 0; i < count; i++) places[((words[i]! >>> shift) & 0xffff) + 1]!++;
    // One digit for all: nothing to do.
    if (places[((words[0]! >>> shift) & 0xffff) + 1] === count) return;
    for (let digit = 0; digit < DIGITS; digit++) places[digit + 1]! += places[digit]!;
    for (let i = 0; i < count; i++) {
      const at = from[i]!;
      to[places[(words[at]! >>> shift) & 0xffff]!++] = at;
    }
    [this.order, this.#other] = [to, from];
  }
}
