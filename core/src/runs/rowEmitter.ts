/** Hands every new row that passes the run's filter out as an event, in slices, and asks for more when they are out. */
import { compileExpr, EventTap, type RunViews } from '../events/index.ts';
import type { RunEvent } from '../model/index.ts';

/** Rows per slice: some milliseconds of decoding, so that answers and Ctrl+C come in between. */
const SLICE = 1_000;

export interface RowEmitterOptions {
  /** Stop after this many; null = never. */
  limit: number | null;
  emit(events: RunEvent[]): void;
  /** Everything that was there has been handed out: the hosts may send more. */
  onEmitted(): void;
  onLimit(): void;
}

export class RowEmitter {
  private readonly taps = new Map<string, EventTap>();
  private scheduled: NodeJS.Immediate | undefined;
  private emittedTotal = 0;
  private stopped = false;

  constructor(
    private readonly views: RunViews,
    private readonly where: string,
    private readonly options: RowEmitterOptions,
  ) {}

  /** Begins to take a stream. Errors: bad-expression, unknown-field. */
  add(stream: string): void {
    if (this.taps.has(stream)) return;
    const decoder = this.views.decoder(stream);
    this.taps.set(stream, new EventTap(decoder, compileExpr(this.where, decoder.schema)));
  }

  /** A stream is called otherwise: another one takes its name. */
  rename(from: string, to: string): void {
    const tap = this.taps.get(from);
    if (tap === undefined) return;
    this.taps.delete(from);
    this.taps.set(to, tap);
  }

  /** New rows are there. */
  wake(): void {
    if (this.stopped) return;
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      this.slice();
    });
  }

  private slice(): void {
    for (const tap of this.taps.values()) {
      const left = this.options.limit === null ? SLICE : Math.min(SLICE, this.options.limit - this.emittedTotal);
      if (left <= 0) break;
      const events = tap.take(left);
      if (events.length === 0) continue;
      this.emittedTotal += events.length;
      this.options.emit(events);
    }
    if (this.options.limit !== null && this.emittedTotal >= this.options.limit) {
      this.stop();
      this.options.onLimit();
    } else if (this.behind) {
      this.wake();
    } else {
      this.options.onEmitted();
    }
  }

  private get behind(): boolean {
    return [...this.taps.values()].some((tap) => tap.behind);
  }

  /** Hands out what is left; after a reached limit nothing more. */
  async drain(): Promise<void> {
    while (!this.stopped && this.behind) {
      this.slice();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.stop();
  }

  private stop(): void {
    this.stopped = true;
    if (this.scheduled) clearImmediate(this.scheduled);
    this.scheduled = undefined;
  }

  /** Rows of a stream that were handed out. */
  emitted(stream: string): number {
    return this.taps.get(stream)?.shown ?? 0;
  }
}
