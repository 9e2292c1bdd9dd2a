/** A verifier log that was read: every line, the instructions in the order in which they were verified, and the paths. */
import { LineKind } from './lineKinds.ts';
import { readKernelReport, type KernelReport } from './kernelReport.ts';
import type { LogText, Numbers } from './logText.ts';
import { gluedStatistics, type LogStats } from './statistics.ts';

/** A "; source text @ file.c:12" comment; before Linux 6.10 it has neither file nor line. */
export interface SourceComment {
  text: string;
  file: string | null;
  line: number | null;
}

export interface LoggedInsn {
  /** Index in the loaded program, functions that it calls included. */
  index: number;
  /** "(7b) *(u64 *)(r0 +0) = r1" */
  text: string;
  source: SourceComment | null;
}

/** What the reader collected; see LogReader. */
export interface LogParts {
  text: LogText;
  /** One byte a line. */
  kinds: Uint8Array;
  /** Line of each step, and the instruction that it verified. */
  stepLines: Numbers;
  stepInsns: Numbers;
  /** First step of each branch that was taken up, and the step that it goes on from (+1; 0 = not in the log). */
  branchSteps: Numbers;
  branchParents: Numbers;
  stats: LogStats;
  /** Lines of the kernel's report; empty without one. */
  report: [from: number, to: number] | null;
}

const MAX_MESSAGES = 100;

/** A step is one instruction verified once; steps are counted from 0 in the order of the log. */
export class VerifierLog {
  readonly stats: LogStats;
  /** Of Linux 7.3 and newer; null without one. */
  readonly report: KernelReport | null;
  readonly #parts: LogParts;
  #messages: number[] | null = null;
  #lastOf: Map<number, number> | null = null;

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.stats = parts.stats;
    this.report = parts.report ? readKernelReport(this.#range(...parts.report)) : null;
  }

  get lineCount(): number {
    return this.#parts.text.lineCount;
  }

  line(index: number): string {
    return this.#parts.text.line(index);
  }

  kind(line: number): LineKind {
    return (this.#parts.kinds[line] ?? LineKind.empty) as LineKind;
  }

  #range(from: number, to: number): string[] {
    const lines: string[] = [];
    for (let i = from; i < to; i++) lines.push(this.line(i));
    return lines;
  }

  get stepCount(): number {
    return this.#parts.stepLines.length;
  }

  /** Line of the log; -1 beyond the steps. */
  stepLine(step: number): number {
    return step >= 0 && step < this.stepCount ? this.#parts.stepLines.at(step) : -1;
  }

  /** Index of the instruction in the loaded program. */
  stepInsn(step: number): number {
    return this.#parts.stepInsns.at(step);
  }

  /** "(7b) *(u64 *)(r0 +0) = r1" */
  stepText(step: number): string {
    return splitInsnLine(this.line(this.stepLine(step))).text;
  }

  /** The step before on the same path; -1 at its beginning. */
  previous(step: number): number {
    const branch = this.#parts.branchSteps.lastNotAbove(step);
    if (branch >= 0 && this.#parts.branchSteps.at(branch) === step) return this.#parts.branchParents.at(branch) - 1;
    return step - 1;
  }

  /** The last step that verified an instruction; -1 when none did. */
  lastStepOf(insn: number): number {
    if (!this.#lastOf) {
      this.#lastOf = new Map();
      for (let step = 0; step < this.stepCount; step++) this.#lastOf.set(this.stepInsn(step), step);
    }
    return this.#lastOf.get(insn) ?? -1;
  }

  /** The comment that stands above a step. */
  source(step: number): SourceComment | null {
    for (let line = this.stepLine(step) - 1; line >= 0; line--)
      if (this.kind(line) === LineKind.source) return sourceComment(this.line(line));
    return null;
  }

  insn(step: number): LoggedInsn | null {
    if (step < 0 || step >= this.stepCount) return null;
    return { index: this.stepInsn(step), text: this.stepText(step), source: this.source(step) };
  }

  /** The last instruction that was checked; null when none was. */
  get last(): LoggedInsn | null {
    return this.insn(this.stepCount - 1);
  }

  /** Lines after the last instruction that are neither state nor bookkeeping: the error, for a rejected program. */
  get messageLines(): readonly number[] {
    if (!this.#messages) {
      this.#messages = [];
      for (let line = this.stepLine(this.stepCount - 1) + 1; line < this.lineCount; line++) {
        if (this.kind(line) === LineKind.message) this.#messages.push(line);
        if (this.#messages.length === MAX_MESSAGES) break;
      }
    }
    return this.#messages;
  }

  /** As the kernel meant them, without statistics that stand on the same line. */
  get messages(): string[] {
    return this.messageLines.map((number) => {
      const line = this.line(number);
      return line.slice(0, gluedStatistics(line));
    });
  }
}

/**
 * "12: (b7) r1 = 0   ; R1=0" → the instruction, and the state after it. A call that enters a callback stands on one line
 * with the callback's state: "5: (85) call bpf_loop#181 8: frame1: R1=scalar() cb". So does a jump with the state where it
 * goes on: "13: (ad) if r0 < r1 goto pc+3 17: R0=scalar(umax=9)".
 */
export function splitInsnLine(line: string): { text: string; after: string; entered?: string } {
  const colon = line.indexOf(':');
  const callback = /^\d+: (\(85\) call \S+) *\d+: ((?:frame\d+: )?R\d.*)$/.exec(line);
  if (callback) return { text: callback[1]!, after: '', entered: callback[2]! };
  const jump = /^\d+: (\([0-9a-f]{2}\) .* goto pc[+-]\d+) +\d+: ((?:frame\d+: ?)?R\d.*)$/.exec(line);
  if (jump) return { text: jump[1]!, after: jump[2]! };
  const at = line.search(/\s+; (?:frame\d+: ?)?(?:R\d|fp-|refs)/);
  if (at < 0) return { text: line.slice(colon + 1).trim(), after: '' };
  return { text: line.slice(colon + 1, at).trim(), after: line.slice(line.indexOf(';', at) + 1) };
}

export function sourceComment(line: string): SourceComment {
  const match = /^; (.*?)(?: @ ([^@]+):(\d+))?$/.exec(line);
  if (!match) return { text: line.replace(/^;\s*/, ''), file: null, line: null };
  return { text: match[1]!, file: match[2] ?? null, line: match[3] === undefined ? null : Number(match[3]) };
}
