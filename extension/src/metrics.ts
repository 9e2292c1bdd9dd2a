import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import type * as vscode from 'vscode';

/** More would only grow: a benchmark reads them every few seconds. */
const maxFrames = 100_000;
/** Each report covers this span. */
const reportMs = 2_000;

export interface MetricsReport {
  /** Delay of the extension host's event loop, milliseconds; null unless the window was started with RINGSIDE_BENCH. */
  eventLoop: { p50: number; p99: number; max: number } | null;
  /** Frame times of the trace panels since the last report, milliseconds. */
  frames: number[];
}

/** Figures for `npm run bench`: measured only when asked for by the environment. */
export class Metrics implements vscode.Disposable {
  readonly enabled = process.env['RINGSIDE_BENCH'] !== undefined;
  readonly #delay: IntervalHistogram | undefined;
  #frames: number[] = [];

  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const file = process.env['RINGSIDE_BENCH'];
    if (file === undefined) return;
    this.#delay = monitorEventLoopDelay({ resolution: 1 });
    this.#delay.enable();
    // A benchmark drives the editor from outside and cannot call a command: it reads this file.
    this.#timer = setInterval(() => writeFileSync(file, JSON.stringify(this.report())), reportMs);
  }

  addFrames(frameMs: number[]): void {
    if (!this.enabled) return;
    this.#frames.push(...frameMs.slice(0, maxFrames - this.#frames.length));
  }

  /** What was measured since the last call; it starts anew. */
  report(): MetricsReport {
    const frames = this.#frames;
    this.#frames = [];
    if (this.#delay === undefined) return { eventLoop: null, frames };
    const ms = (nanos: number) => Math.round(nanos / 1e4) / 100;
    const eventLoop = {
      p50: ms(this.#delay.percentile(50)),
      p99: ms(this.#delay.percentile(99)),
      max: ms(this.#delay.max),
    };
    this.#delay.reset();
    return { eventLoop, frames };
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#delay?.disable();
  }
}
