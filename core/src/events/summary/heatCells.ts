import type { RecordField, SummaryData } from '../../model/index.ts';
import { Timeline } from './timeline.ts';

/** The bounds of a slot: it holds `low` ≤ value < `high`. */
export interface SlotBounds {
  slot: number;
  low: number;
  high: number;
}

/** Counts by time and slot, as a heatmap shows them. */
export class HeatCells {
  readonly #timeline: Timeline<Map<number, number>>;
  readonly #bounds: (slot: number) => SlotBounds;
  #toldEpoch = 0;
  /** States before this one were told of other buckets. */
  #wholeBefore = 1;

  constructor(seconds: number, bounds: (slot: number) => SlotBounds) {
    this.#timeline = new Timeline<Map<number, number>>(seconds, () => new Map(), mergeCounts);
    this.#bounds = bounds;
  }

  get state(): number {
    return this.#timeline.state + 1;
  }

  /** Adds hits to the slot at a moment (ms since the epoch). */
  add(ms: number, slot: number, hits: number): void {
    const counts = this.#timeline.at(ms);
    counts?.set(slot, (counts.get(slot) ?? 0) + hits);
  }

  /** What has changed since the state `since` (0 = all of it); `whole` when it replaces what was told before. */
  read(since: number, field: RecordField | null): { data: SummaryData; whole: boolean } {
    const timeline = this.#timeline;
    if (timeline.epoch !== this.#toldEpoch) this.#wholeBefore = this.state;
    this.#toldEpoch = timeline.epoch;
    const whole = since < this.#wholeBefore;
    const from = whole ? timeline.first : timeline.changedSince(since);
    const cells: number[] = [];
    const seen = new Set<number>();
    for (let number = timeline.first; number < timeline.end; number++) {
      for (const [slot, count] of timeline.get(number) ?? []) {
        seen.add(slot);
        if (number >= from) cells.push(number, slot, count);
      }
    }
    const [least, most] = [Math.min(...seen), Math.max(...seen)];
    const slots = seen.size === 0 ? [] : Array.from({ length: most - least + 1 }, (_, i) => this.#bounds(least + i));
    const { width, first, end, early } = timeline;
    return { whole, data: { kind: 'heatmap', field, slots, cells, width, first, from, end, early } };
  }
}

function mergeCounts(into: Map<number, number>, from: Map<number, number>): void {
  for (const [slot, count] of from) into.set(slot, (into.get(slot) ?? 0) + count);
}
