/** The state before any step, fast enough to follow a held key: states on the way are kept and gone on from. */
import { branchLine, LineKind, Replay, type PathState, type VerifierLog } from '../log/index.ts';
import type { Stretches } from './paths.ts';

/** Steps from one kept state to the next, in logs that have no more than MOST_AHEAD times as many. */
const APART = 128;
const MOST_AHEAD = 3_072;
const MOST_KEPT = 4_096;
/** So many steps are gone through at a stretch: a few milliseconds. */
const STRIDE = 1_024;

export class StateCache {
  readonly #log: VerifierLog;
  readonly #stretches: Stretches;
  readonly #apart: number;
  /** What is known when a step is about to be read: its lines before it are not applied yet. */
  readonly #kept = new Map<number, Replay>();
  /** The last state that was asked for, and what it was put together with. */
  #last: { step: number; replay: Replay } | null = null;

  constructor(log: VerifierLog, stretches: Stretches) {
    this.#log = log;
    this.#stretches = stretches;
    this.#apart = Math.max(APART, Math.ceil(log.stepCount / MOST_AHEAD));
  }

  /** Goes through the log and keeps states all over it, a little at a time: then the state before any step is near. */
  *readAhead(): Generator<void> {
    for (let step = 0; step < this.#log.stepCount; step += this.#apart) {
      this.before(step);
      yield;
    }
  }

  /** Steps on the way to one that is far from every known state: asked for in their order, each is near the last. */
  stops(step: number): number[] {
    const stops: number[] = [];
    let count = 0;
    for (let at = step; at >= 0; at = this.#stretches.previous(at)) {
      if (this.#kept.has(at) || this.#last?.step === at || this.#isWhole(at)) break;
      if (++count % STRIDE === 0) stops.push(at);
    }
    return stops.reverse();
  }

  /** The state before a step. The result is shared: it is not to be changed, and holds until the next call. */
  before(step: number): PathState {
    if (this.#last?.step === step) return this.#last.replay.state;
    const ahead = this.#last;
    const way: number[] = [];
    let replay: Replay | null = null;
    let at = step;
    for (; at >= 0; at = this.#stretches.previous(at)) {
      if (ahead?.step === at && at !== step) {
        replay = ahead.replay;
        break;
      }
      way.push(at);
      const kept = this.#kept.get(at);
      if (kept) {
        replay = kept.copy();
        break;
      }
      if (this.#isWhole(at)) break;
    }
    let from: number | null = null;
    if (replay && ahead?.replay === replay) {
      // It stands before that step, whose lines it has read.
      const line = this.#log.stepLine(ahead.step);
      replay.step(line);
      from = line + 1;
    }
    replay ??= new Replay(this.#log);
    for (let i = way.length - 1; i >= 0; i--) {
      const now = way[i]!;
      const line = this.#log.stepLine(now);
      if (now % this.#apart === 0 || (i % this.#apart === 0 && i > 0 && i < way.length - 1)) this.#keep(now, replay);
      replay.lines(this.#linesFrom(now, from), line);
      if (i === 0) break;
      replay.step(line);
      from = line + 1;
    }
    this.#last = { step, replay };
    return replay.state;
  }

  /** A branch of the program's own frame is printed with all that is known: nothing before it is needed. */
  #isWhole(step: number): boolean {
    const previous = this.#stretches.previous(step);
    if (previous === step - 1) return false;
    const line = branchLine(
      this.#log,
      Math.max(0, previous < 0 ? 0 : this.#log.stepLine(previous)),
      this.#log.stepLine(step),
    );
    return this.#log.kind(line) === LineKind.branch && !this.#log.line(line).includes('frame');
  }

  /** The first line that belongs to a step: after the step before it on its path, or at the branch that is taken up. */
  #linesFrom(step: number, from: number | null): number {
    const previous = this.#stretches.previous(step);
    const after = from ?? (previous < 0 ? 0 : this.#log.stepLine(previous) + 1);
    return branchLine(this.#log, after, this.#log.stepLine(step));
  }

  #keep(step: number, replay: Replay): void {
    if (this.#kept.has(step)) return;
    if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(step, replay.copy());
  }
}
