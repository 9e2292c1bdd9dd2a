/** The state before or after a step, put together from what the log prints along the path to it. */
import { LineKind } from './lineKinds.ts';
import { parseRegister, type RegisterState } from './registerState.ts';
import { parseStackSlot, type StackSlot } from './stackSlot.ts';
import { readState } from './stateText.ts';
import { splitInsnLine, type VerifierLog } from './verifierLog.ts';

/** One function's registers and stack; values are parsed when asked for. */
export class FrameState {
  readonly registers: Map<number, string>;
  /** By offset from the frame pointer (negative). */
  readonly stack: Map<number, string>;
  callback = false;

  constructor(registers = new Map<number, string>(), stack = new Map<number, string>()) {
    this.registers = registers;
    this.stack = stack;
  }

  register(number: number): RegisterState | null {
    const text = this.registers.get(number);
    return text === undefined ? null : parseRegister(text);
  }

  slot(offset: number): StackSlot | null {
    const text = this.stack.get(offset);
    return text === undefined ? null : parseStackSlot(text);
  }

  copy(): FrameState {
    const copy = new FrameState(new Map(this.registers), new Map(this.stack));
    copy.callback = this.callback;
    return copy;
  }
}

export interface PathState {
  /** The program's own frame first. */
  frames: FrameState[];
  /** Ids of the references held. */
  references: number[];
}

/** The state before a step was verified. */
export function stateBefore(log: VerifierLog, step: number): PathState {
  const replay = new Replay(log);
  let from = 0;
  for (const at of pathTo(log, step)) {
    // A branch begins after the lines of its parent, so lines in between belong to other paths.
    const line = log.stepLine(at);
    replay.lines(branchLine(log, from, line), line);
    if (at === step) break;
    replay.step(line);
    from = line + 1;
  }
  return replay.state;
}

/** The state that the log leaves at its end, where the last instruction failed. */
export function stateAtEnd(log: VerifierLog): PathState {
  const step = log.stepCount - 1;
  if (step < 0) {
    const replay = new Replay(log);
    replay.lines(0, log.lineCount);
    return replay.state;
  }
  return stateBefore(log, step);
}

/** The steps of the path that leads to a step, in order. */
export function pathTo(log: VerifierLog, step: number): number[] {
  const path: number[] = [];
  for (let at = step; at >= 0; at = log.previous(at)) path.push(at);
  return path.reverse();
}

/** The line at which the path goes on: after the parent's own lines, or at the branch that is taken up. */
export function branchLine(log: VerifierLog, from: number, to: number): number {
  for (let line = to - 1; line >= from; line--) if (log.kind(line) === LineKind.branch) return line;
  return from;
}

/** Puts a state together line by line; `copy` keeps it for whoever comes back to this place. */
export class Replay {
  state: PathState = { frames: [new FrameState()], references: [] };
  readonly #log: VerifierLog;
  #depth = 0;
  #clobbered = false;
  #entering = false;

  constructor(log: VerifierLog) {
    this.#log = log;
  }

  copy(): Replay {
    const copy = new Replay(this.#log);
    copy.state = { frames: this.state.frames.map((frame) => frame.copy()), references: [...this.state.references] };
    copy.#depth = this.#depth;
    copy.#clobbered = this.#clobbered;
    copy.#entering = this.#entering;
    return copy;
  }

  lines(from: number, to: number): void {
    for (let line = from; line < to; line++) {
      switch (this.#log.kind(line)) {
        case LineKind.state: {
          const text = this.#log.line(line);
          this.#apply(text.slice(text.indexOf(':') + 1), this.#entering);
          this.#entering = false;
          break;
        }
        case LineKind.branch: {
          const text = this.#log.line(line);
          this.#clobbered = false;
          this.#apply(text.slice(text.indexOf(':') + 1), true);
          break;
        }
        case LineKind.bareState:
          this.#bare(line);
          break;
        case LineKind.call:
          this.#entering = true;
          break;
        default:
      }
    }
  }

  /** "callee:" stands above the new function's state; "caller:" above the one that waits, which is known already. */
  #bare(line: number): void {
    const above = this.#log.line(line - 1);
    if (/^(?:cur|old) state:/.test(this.#log.line(line)) || above.startsWith('returning from callee')) return;
    this.#apply(this.#log.line(line), this.#entering && !above.startsWith('caller'));
    if (!above.startsWith('caller')) this.#entering = false;
  }

  step(line: number): void {
    const { text, after, entered } = splitInsnLine(this.#log.line(line));
    // A call leaves nothing usable in the argument registers, which the log does not say again.
    const call = /^\(85\) call (?!pc)/.test(text);
    if (after !== '') this.#apply(after, false);
    if (entered !== undefined) {
      this.#apply(entered, true);
      return;
    }
    if (call) this.#clobbered = true;
    if (call && after !== '') this.#clobber();
  }

  #clobber(): void {
    for (let r = 1; r <= 5; r++) this.state.frames[this.#depth]?.registers.delete(r);
    this.#clobbered = false;
  }

  #apply(text: string, whole: boolean): void {
    if (this.#clobbered) this.#clobber();
    const read = readState(text);
    const depth = Math.min(read.frame, 16);
    this.#depth = depth;
    const { frames } = this.state;
    frames.length = Math.min(frames.length, depth + 1);
    while (frames.length <= depth) frames.push(new FrameState());
    let frame = frames[depth]!;
    if (whole) frames[depth] = frame = new FrameState();
    for (const [name, value] of read.registers) frame.registers.set(name, value);
    for (const [offset, value] of read.stack) frame.stack.set(offset, value);
    if (read.callback) frame.callback = true;
    if (read.references) this.state.references = read.references;
    else if (whole) this.state.references = [];
  }
}

/** The registers and stack slots of the innermost frame by name: "r0", "fp-8". */
export function namedState(state: PathState): Map<string, string> {
  const frame = state.frames.at(-1)!;
  return new Map([
    ...[...frame.registers].sort((a, b) => a[0] - b[0]).map(([r, text]) => [`r${r}`, text] as const),
    ...[...frame.stack].sort((a, b) => b[0] - a[0]).map(([at, text]) => [`fp${at}`, text] as const),
  ]);
}
