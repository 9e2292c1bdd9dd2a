/** Which source line each step of a log comes from: by line information, or by the comments that the log quotes. */
import { LineKind, sourceComment, type VerifierLog } from '../log/index.ts';
import { nowhere, type Place, type Program } from '../explain/program.ts';

/** Comments without a line (before Linux 6.10) stand in a file of this name, in the order in which they came. */
export const quotedFile = 'quoted by the log';

export interface SourceLine {
  /** Index in `files`; -1 = not known. */
  file: number;
  /** 0 = not known. */
  line: number;
}

export class Sources {
  readonly files: string[] = [];
  readonly lines: SourceLine[] = [{ file: -1, line: 0 }];
  readonly fromObject: boolean;
  /** For each step the index of its line in `lines`. */
  readonly lineOf: Uint32Array;
  /** Texts that the log quotes or the object holds, by file and line. */
  readonly #quoted = new Map<number, Map<number, string>>();
  readonly #program: Program;
  readonly #keys = new Map<string, number>();
  readonly #byComment = new Map<string, number>();
  #order: { starts: Uint32Array; steps: Uint32Array } | null = null;

  constructor(log: VerifierLog, program: Program) {
    this.#program = program;
    this.lineOf = new Uint32Array(log.stepCount);
    this.fromObject = log.stepCount > 0 && program.layout.length > 0 && this.#place(log.stepInsn(0)).line > 0;
    if (this.fromObject) this.#byLineInfo(log);
    else this.#byComments(log);
  }

  #place(insn: number): Place {
    return this.#program.layout.length > 0 ? this.#program.place(insn) : nowhere;
  }

  #byLineInfo(log: VerifierLog): void {
    const ofInsn = new Map<number, number>();
    for (let step = 0; step < log.stepCount; step++) {
      const insn = log.stepInsn(step);
      let line = ofInsn.get(insn);
      if (line === undefined) {
        const place = this.#place(insn);
        line = place.line > 0 ? this.#line(place.file, place.line, place.text) : 0;
        ofInsn.set(insn, line);
      }
      this.lineOf[step] = line;
    }
  }

  #byComments(log: VerifierLog): void {
    let current = 0;
    let step = 0;
    for (let line = 0; step < log.stepCount; line++) {
      const kind = log.kind(line);
      if (kind === LineKind.source) current = this.#comment(log.line(line));
      else if (kind === LineKind.insn) this.lineOf[step++] = current;
    }
  }

  #comment(text: string): number {
    const known = this.#byComment.get(text);
    if (known !== undefined) return known;
    const comment = sourceComment(text);
    const at =
      comment.file !== null && comment.line
        ? this.#line(comment.file, comment.line, comment.text)
        : this.#line(quotedFile, this.#nextQuoted(), comment.text);
    this.#byComment.set(text, at);
    return at;
  }

  #nextQuoted(): number {
    const file = this.files.indexOf(quotedFile);
    return (file < 0 ? 0 : this.#quoted.get(file)!.size) + 1;
  }

  #line(file: string, line: number, text: string): number {
    const key = `${line} ${file}`;
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    let index = this.files.indexOf(file);
    if (index < 0) {
      index = this.files.push(file) - 1;
      this.#quoted.set(index, new Map());
    }
    this.#quoted.get(index)!.set(line, text);
    const at = this.lines.push({ file: index, line }) - 1;
    this.#keys.set(key, at);
    return at;
  }

  at(step: number): SourceLine {
    return this.lines[this.lineOf[step] ?? 0]!;
  }

  /** Index in `lines`; 0 when no step is of that line. */
  find(file: number, line: number): number {
    return this.#keys.get(`${line} ${this.files[file] ?? ''}`) ?? 0;
  }

  /** The steps of a line, in the order of the log. */
  steps(line: number): Uint32Array {
    if (!this.#order) {
      const starts = new Uint32Array(this.lines.length + 1);
      for (const at of this.lineOf) starts[at + 1]!++;
      for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
      const next = starts.slice();
      const steps = new Uint32Array(this.lineOf.length);
      this.lineOf.forEach((at, step) => (steps[next[at]!++] = step));
      this.#order = { starts, steps };
    }
    return this.#order.steps.subarray(this.#order.starts[line], this.#order.starts[line + 1]);
  }

  /** A text with the lines that are quoted at their places. */
  quotedText(file: number): string {
    const quoted = [...(this.#quoted.get(file) ?? [])];
    const last = Math.min(
      100_000,
      quoted.reduce((most, [line]) => Math.max(most, line), 0),
    );
    const lines = new Array<string>(last).fill('');
    for (const [line, text] of quoted) if (line <= last) lines[line - 1] = text;
    return lines.join('\n');
  }
}
