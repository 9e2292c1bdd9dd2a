/**
 * Reads the kernel verifier's log (kernel/bpf/verifier.c, kernel/bpf/log.c) piece by piece, in one pass: each line gets a
 * kind, instructions become steps, and branches that are taken up are tied to the step where they were put off. States are
 * read when they are asked for.
 */
import { LineKind, lineKind } from './lineKinds.ts';
import { lastNotAbove, LogText, Numbers } from './logText.ts';
import { gluedStatistics, noStats, readStatistics } from './statistics.ts';
import { VerifierLog } from './verifierLog.ts';

export class LogReader {
  readonly #text = new LogText();
  readonly #stats = noStats();
  #kinds = new Uint8Array(1024);
  #line = 0;
  readonly #stepLines = new Numbers();
  readonly #stepInsns = new Numbers();
  readonly #branchSteps = new Numbers();
  readonly #branchParents = new Numbers();
  readonly #paths = new PathStack();
  #reportFrom = -1;
  #reportTo = -1;
  /** A path is over, and nothing says yet where the next one begins. */
  #ended = false;
  readonly #each = (piece: string, from: number, to: number): void => this.#read(piece, from, to);

  push(chunk: string): void {
    this.#text.add(chunk, this.#each);
  }

  finish(): VerifierLog {
    this.#text.end(this.#each);
    return new VerifierLog({
      text: this.#text,
      kinds: this.#kinds.subarray(0, this.#line),
      ...{ stepLines: this.#stepLines, stepInsns: this.#stepInsns },
      ...{ branchSteps: this.#branchSteps, branchParents: this.#branchParents },
      stats: this.#stats,
      report: this.#reportFrom < 0 ? null : [this.#reportFrom, this.#reportTo < 0 ? this.#line : this.#reportTo],
    });
  }

  #read(piece: string, from: number, to: number): void {
    const kind = lineKind(piece, from, to);
    const line = this.#line++;
    if (line === this.#kinds.length) {
      const larger = new Uint8Array(Math.ceil(this.#kinds.length * 1.5));
      larger.set(this.#kinds);
      this.#kinds = larger;
    }
    this.#kinds[line] = kind;
    switch (kind) {
      case LineKind.insn:
        // A step after a report: several programs' logs in one.
        this.#reportFrom = this.#reportTo = -1;
        this.#step(line, leadingNumber(piece, from), piece, from);
        break;
      case LineKind.branch:
        this.#branch(leadingNumber(piece, from + 5));
        this.#ended = false;
        break;
      case LineKind.pruned:
        this.#ended = true;
        break;
      case LineKind.note:
        // The exit was a called function's.
        if (piece.startsWith('returning from', from)) this.#ended = false;
        break;
      case LineKind.statistics:
        readStatistics(this.#stats, piece.slice(from, to));
        if (this.#reportFrom >= 0 && this.#reportTo < 0) this.#reportTo = line;
        break;
      case LineKind.report:
        this.#reportFrom = line;
        this.#reportTo = -1;
        break;
      case LineKind.message:
        this.#readGlued(piece.slice(from, to));
        if (this.#reportFrom < 0 || this.#reportTo >= 0) break;
        // The verifier may go on after its report, which is indented but for its heads.
        if (isReportLine(piece, from, to)) this.#kinds[line] = LineKind.report;
        else this.#reportTo = line;
        break;
      default:
    }
  }

  #readGlued(message: string): void {
    const at = gluedStatistics(message);
    if (at < message.length) readStatistics(this.#stats, message.slice(at));
  }

  #step(line: number, insn: number, piece: string, from: number): void {
    const step = this.#stepLines.length;
    // At level 2, kernels before 5.17 do not say which branch they take up.
    if (this.#ended) this.#begin(this.#paths.takeUpTarget(insn, step));
    const code = piece.indexOf(') ', from) + 2;
    this.#ended = piece.startsWith('exit', code);
    this.#stepLines.push(line);
    this.#stepInsns.push(insn);
    this.#paths.walked(step);
    if (mayBranch(piece, code)) this.#paths.putOff(step, insn, jumpTarget(piece, code, insn));
  }

  #branch(fromInsn: number): void {
    this.#begin(this.#paths.takeUp(fromInsn, this.#stepLines.length));
  }

  /** The next step goes on from an earlier one; -1 for one that is not in the log. */
  #begin(parent: number): void {
    const next = this.#stepLines.length;
    // Two branches before the same step: the first was pruned at once.
    if (this.#branchSteps.length > 0 && this.#branchSteps.at(this.#branchSteps.length - 1) === next)
      this.#branchParents.set(this.#branchParents.length - 1, parent + 1);
    else {
      this.#branchSteps.push(next);
      this.#branchParents.push(parent + 1);
    }
  }
}

/** Reads a whole log, or what is left of one that was cut at either end. Never throws. */
export function parseVerifierLog(log: string): VerifierLog {
  const reader = new LogReader();
  reader.push(log);
  return reader.finish();
}

function isReportLine(text: string, from: number, to: number): boolean {
  if (text.charCodeAt(from) === 32) return true;
  // The blocks that are known, and those of kernels to come.
  return /^(?:(?:Reason|At|Causal path|Suggestion):|[A-Z][a-z]*(?: [a-z]+)*:\s*$)/.test(
    text.slice(from, Math.min(to, from + 60)),
  );
}

function leadingNumber(text: string, from: number): number {
  let value = 0;
  for (let at = from; ; at++) {
    const c = text.charCodeAt(at) - 48;
    if (!(c >= 0 && c <= 9) || value > 0xfffffff) return value;
    value = value * 10 + c;
  }
}

/** A conditional jump, or a call that may go on in two ways (iterators, callbacks). */
function mayBranch(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c === 105) return text.charCodeAt(at + 1) === 102; // if
  return (c === 99 && text.startsWith('call', at)) || (c === 109 && text.startsWith('may_goto', at));
}

/** "if r1 > 0xa goto pc+2" → the instruction that it leads to; 0 where it is no jump. */
function jumpTarget(text: string, at: number, insn: number): number {
  if (text.charCodeAt(at) !== 105) return 0;
  const distance = text.indexOf('goto pc', at) + 'goto pc'.length;
  const count = leadingNumber(text, distance + 1);
  return Math.max(0, insn + 1 + (text.charCodeAt(distance) === 45 ? -count : count));
}

/**
 * The path that is being walked, as runs of steps. The verifier goes depth first: a branch that is taken up was put off at
 * a step of the path just ended, and all that was walked after that step is over.
 */
class PathStack {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #putOff = new Map<number, number[]>();
  /** All jumps in the order of the log, and where they lead. */
  readonly #jumps = new Numbers();
  readonly #targets = new Numbers();

  walked(step: number): void {
    const top = this.#to.length - 1;
    if (top >= 0 && this.#to[top] === step - 1) this.#to[top] = step;
    else {
      this.#from.push(step);
      this.#to.push(step);
    }
  }

  /** `target` is 0 for what is no jump. */
  putOff(step: number, insn: number, target: number): void {
    if (target > 0) {
      this.#jumps.push(step);
      this.#targets.push(target);
    }
    const steps = this.#putOff.get(insn);
    if (steps) steps.push(step);
    else this.#putOff.set(insn, [step]);
  }

  /** The step that a branch from an instruction goes on from; -1 when the log does not have it. */
  takeUp(insn: number, next: number): number {
    const steps = this.#putOff.get(insn) ?? [];
    let parent = -1;
    while (parent < 0 && steps.length > 0) {
      const step = steps.pop()!;
      if (this.#alive(step)) parent = step;
    }
    this.#turn(parent, next);
    return parent;
  }

  /**
   * The same when the log names no branch: the verifier takes up the one that it put off last, so it is the last jump that
   * leads here, and what was walked after it was decided or is over.
   */
  takeUpTarget(insn: number, next: number): number {
    let parent = -1;
    while (parent < 0 && this.#jumps.length > 0) {
      const step = this.#jumps.at(--this.#jumps.length);
      const target = this.#targets.at(--this.#targets.length);
      if (target === insn && this.#alive(step)) parent = step;
    }
    this.#turn(parent, next);
    return parent;
  }

  #turn(parent: number, next: number): void {
    if (parent >= 0) this.#cutAfter(parent);
    // The next step begins a run of its own.
    this.#from.push(next);
    this.#to.push(next - 1);
  }

  #alive(step: number): boolean {
    const run = lastNotAbove(this.#from, step);
    return run >= 0 && step <= this.#to[run]!;
  }

  #cutAfter(step: number): void {
    while (this.#from.length > 0 && this.#from.at(-1)! > step) {
      this.#from.pop();
      this.#to.pop();
    }
    if (this.#to.length > 0) this.#to[this.#to.length - 1] = Math.min(this.#to.at(-1)!, step);
  }
}
