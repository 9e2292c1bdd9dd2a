import type { CostSample, ProgramCost, RunSummary } from '@ringside/core/model';
import { isLive } from '../format.ts';

/** Samples kept per run: about ten minutes of them. */
const MOST_SAMPLES = 1200;
/** Counters that are read closer together than this say little of a rate. */
const LEAST_MS = 400;

/** The runs of this window, as RunList has them. */
export interface RunSource {
  onDidChange(listener: (change: { run: RunSummary }) => void): { dispose(): unknown };
  get(id: string): RunSummary | undefined;
}

interface History {
  samples: CostSample[];
  before: { at: number; programs: readonly ProgramCost[] };
}

/** What the programs of each run cost over time, from the run's summaries; so that charts opened later have a past. */
export class CostHistory {
  readonly #runs = new Map<string, History>();
  readonly #stop: { dispose(): unknown };
  readonly #now: () => number;

  constructor(runs: RunSource, now: () => number = Date.now) {
    this.#now = now;
    this.#stop = runs.onDidChange(({ run }) => {
      if (runs.get(run.id) === undefined) this.#runs.delete(run.id);
      else this.take(run);
    });
  }

  of(runId: string): readonly CostSample[] {
    return this.#runs.get(runId)?.samples ?? [];
  }

  /** Takes a summary; gives the newest sample when it made one. */
  take(run: RunSummary): CostSample | null {
    const at = this.#now();
    const known = this.#runs.get(run.id);
    if (known === undefined) {
      this.#runs.set(run.id, { samples: [], before: { at, programs: run.programs } });
      return null;
    }
    if (!isLive(run) || at - known.before.at < LEAST_MS) return null;
    const sample: CostSample = { at, programs: run.programs.map((program) => between(known.before, program, at)) };
    known.samples.push(sample);
    if (known.samples.length > MOST_SAMPLES) known.samples.shift();
    known.before = { at, programs: run.programs };
    return sample;
  }

  dispose(): void {
    this.#stop.dispose();
    this.#runs.clear();
  }
}

/** What a program did since the summary before. What either does not know is unknown. */
function between(before: History['before'], now: ProgramCost, at: number): CostSample['programs'][number] {
  const old = before.programs.find(({ name }) => name === now.name);
  const seconds = (at - before.at) / 1000;
  const perSecond = (a: number | null | undefined, b: number | null): number | null =>
    // Counters begin anew with a redeploy.
    a === undefined || a === null || b === null || b < a ? null : (b - a) / seconds;
  return {
    name: now.name,
    runsPerSecond: perSecond(old?.runs, now.runs),
    nanosPerRun: now.nanosPerRun,
    cpuPercent: now.cpuPercent,
    missedPerSecond: perSecond(old?.missed, now.missed),
  };
}
