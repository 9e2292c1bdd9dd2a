import type { RecordField, SummaryData, SummarySpec } from '../../model/index.ts';
import type { Batch } from '../expr/batch.ts';
import type { RowDecoder } from '../rows.ts';
import type { Accumulator } from './accumulator.ts';
import { HeatCells, type SlotBounds } from './heatCells.ts';
import { LinearSlots } from './linear.ts';
import { fieldOf, numberColumn, timeColumn, typeColumn, type NumberColumn } from './numbers.ts';
import { Sketch } from './sketch.ts';

/** How the numbers of a field are spread: powers of two as libbpf's tools show them, or slots of equal width. */
export class Histogram implements Accumulator {
  state = 1;
  readonly #field: RecordField | null;
  readonly #type: ReturnType<typeof typeColumn>;
  readonly #value: NumberColumn;
  readonly #sketch = new Sketch();
  readonly #linear: LinearSlots | null;
  #sum = 0;

  /** @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, { field, scale }: SummarySpec & { kind: 'histogram' }) {
    this.#field = fieldOf(decoder.schema, field);
    this.#type = typeColumn(decoder.schema);
    this.#value = numberColumn(decoder.schema, field);
    this.#linear = scale === 'linear' ? new LinearSlots(this.#field?.kind === 'float') : null;
  }

  add(batch: Batch, mask: Uint8Array): void {
    for (let row = 0; row < batch.count; row++) {
      if (mask[row] === 0) continue;
      const value = this.#value(batch, row, this.#type(batch, row));
      if (!Number.isFinite(value)) continue;
      this.state++;
      this.#sum += value;
      this.#sketch.add(value);
      this.#linear?.add(value);
    }
  }

  read(): { data: SummaryData; whole: boolean } {
    const { count, least, most } = this.#sketch;
    const none = count === 0;
    const quantile = (q: number): number | null => this.#sketch.quantile(q);
    return {
      whole: true,
      data: {
        kind: 'histogram',
        field: this.#field,
        slots: this.#linear === null ? octaves(this.#sketch) : this.#linear.slots(),
        measured: count,
        least: none ? null : least,
        most: none ? null : most,
        average: none ? null : this.#sum / count,
        percentiles: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) },
      },
    };
  }
}

/** From the first to the last power of two that holds something, empty ones between. Below 1 is one slot with the zeros. */
function octaves(sketch: Sketch): { low: number; high: number; count: number }[] {
  const counts = new Map<number, number>();
  const add = (slot: number, count: number): void => void counts.set(slot, (counts.get(slot) ?? 0) + count);
  for (const [bucket, count] of sketch.positive.ascending()) add(octaveOf(bucket), count);
  for (const [bucket, count] of sketch.negative.ascending()) add(-octaveOf(bucket), count);
  if (sketch.zeros > 0) add(0, sketch.zeros);
  if (counts.size === 0) return [];
  const [first, last] = [Math.min(...counts.keys()), Math.max(...counts.keys())];
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    ...octaveBounds(first + i),
    count: counts.get(first + i) ?? 0,
  }));
}

/** 1 for 1, 2 for 2 and 3, 3 for 4 to 7 …; 0 for what is below 1. */
function octaveOf(bucket: number): number {
  // Six bits of mantissa below eleven of exponent, whose 1023 is that of 1.
  return Math.max(0, (bucket >> 6) - 1022);
}

function octaveBounds(octave: number): { low: number; high: number } {
  if (octave === 0) return { low: 0, high: 1 };
  return octave > 0
    ? { low: 2 ** (octave - 1), high: 2 ** octave }
    : { low: -(2 ** -octave), high: -(2 ** (-octave - 1)) };
}

/** Slots of a heatmap: two a power of two. */
const SLOT_BITS = 5;
/** The slot of zero, and what is below; numbers below 1 are with it. */
const ZERO_SLOT = 0;

/** How the numbers of a field are spread, over time. */
export class Heatmap implements Accumulator {
  readonly #field: RecordField | null;
  readonly #type: ReturnType<typeof typeColumn>;
  readonly #time: NumberColumn;
  readonly #value: NumberColumn;
  readonly #cells: HeatCells;
  readonly #word = new DataView(new ArrayBuffer(8));

  /** @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, { field, seconds }: SummarySpec & { kind: 'heatmap' }) {
    this.#field = fieldOf(decoder.schema, field);
    this.#type = typeColumn(decoder.schema);
    this.#time = timeColumn(decoder.schema);
    this.#value = numberColumn(decoder.schema, field);
    this.#cells = new HeatCells(seconds, slotBounds);
  }

  get state(): number {
    return this.#cells.state;
  }

  add(batch: Batch, mask: Uint8Array): void {
    for (let row = 0; row < batch.count; row++) {
      if (mask[row] === 0) continue;
      const type = this.#type(batch, row);
      const value = this.#value(batch, row, type);
      if (Number.isFinite(value)) this.#cells.add(this.#time(batch, row, type), this.#slotOf(value), 1);
    }
  }

  read(since: number): { data: SummaryData; whole: boolean } {
    return this.#cells.read(since, this.#field);
  }

  #slotOf(value: number): number {
    const size = Math.abs(value);
    if (size < 1) return ZERO_SLOT;
    this.#word.setFloat64(0, size);
    // Exponent and one bit of mantissa, counted from those of 1.
    const slot = (this.#word.getUint32(0) >>> (14 + SLOT_BITS)) - (1023 << 1) + 1;
    return value < 0 ? -slot : slot;
  }
}

function slotBounds(slot: number): SlotBounds {
  if (slot === ZERO_SLOT) return { slot, low: 0, high: 1 };
  const size = Math.abs(slot) - 1;
  const edge = (at: number): number => 2 ** (at >> 1) * (at % 2 === 0 ? 1 : 1.5);
  return slot > 0 ? { slot, low: edge(size), high: edge(size + 1) } : { slot, low: -edge(size + 1), high: -edge(size) };
}
