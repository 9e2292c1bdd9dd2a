import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';
import type * as vscode from 'vscode';

/** Each report covers this span. */
const reportMs = 2_000;

/** What a benchmark reads of the extension host: milliseconds, and bytes of its heap and buffers. */
interface MetricsReport {
  eventLoop: { p50: number; p99: number; max: number };
  memory: { heapUsed: number; external: number };
}

/** The delay of the extension host's event loop for `npm run bench`: measured only when asked for by the environment. */
export class Metrics implements vscode.Disposable {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 1 });
  readonly #timer: NodeJS.Timeout;

  /** Undefined unless the window was started with RINGSIDE_BENCH=FILE. */
  static start(): Metrics | undefined {
    const file = process.env['RINGSIDE_BENCH'];
    return file === undefined ? undefined : new Metrics(file);
  }

  private constructor(file: string) {
    this.#delay.enable();
    // A benchmark drives the editor from outside and cannot call a command: it reads this file.
    this.#timer = setInterval(() => writeFileSync(file, JSON.stringify(this.#report())), reportMs);
  }

  /** What was measured since the last report; it starts anew. */
  #report(): MetricsReport {
    const ms = (nanos: number) => Math.round(nanos / 1e4) / 100;
    const eventLoop = {
      p50: ms(this.#delay.percentile(50)),
      p99: ms(this.#delay.percentile(99)),
      max: ms(this.#delay.max),
    };
    this.#delay.reset();
    const { heapUsed, external } = process.memoryUsage();
    return { eventLoop, memory: { heapUsed, external } };
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}
