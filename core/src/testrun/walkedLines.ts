/** From the verifier's log of a program to the lines of its source that it walked. */
import { dirname, resolve } from 'node:path';
import { decodeInsns, INSN_BYTES, type BpfObject } from '../bpf/index.ts';
import type { WalkedFile } from '../model/index.ts';
import { programLayout } from '../verifier/programLayout.ts';

const [newline, zero, nine, colon, space, open] = ['\n', '0', '9', ':', ' ', '('].map((c) => c.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Numbers of the instructions that a log of level 2 shows: lines that begin with "12: (". */
export function walkedInsns(log: Uint8Array): Set<number> {
  const walked = new Set<number>();
  for (let at = 0; at < log.length;) {
    let number = 0;
    let digits = 0;
    for (let byte = log[at]!; digits < 8 && byte >= zero && byte <= nine; byte = log[at + digits] ?? newline) {
      number = number * 10 + (byte - zero);
      digits++;
    }
    const after = at + digits;
    if (digits > 0 && log[after] === colon && log[after + 1] === space && log[after + 2] === open) walked.add(number);
    const end = log.indexOf(newline, at);
    at = end < 0 ? log.length : end + 1;
  }
  return walked;
}

/** Adds up what several programs of one object have walked; code that they share counts where any of them did. */
export class WalkedLines {
  readonly #files = new Map<string, Map<number, { all: Set<string>; walked: Set<string> }>>();

  constructor(
    private readonly object: BpfObject,
    private readonly source: string,
  ) {}

  add(program: string, walked: ReadonlySet<number>): void {
    for (const { function: fn, start } of programLayout(this.object, program)) {
      for (const insn of decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size))) {
        const offset = fn.offset + insn.index * INSN_BYTES;
        const line = this.object.line(fn.section, offset);
        if (line === null || line.line === 0) continue;
        const entry = this.#line(resolve(dirname(this.source), line.file), line.line);
        const id = `${fn.section.index}:${offset}`;
        entry.all.add(id);
        if (walked.has(start + insn.index)) entry.walked.add(id);
      }
    }
  }

  #line(file: string, line: number): { all: Set<string>; walked: Set<string> } {
    const lines = this.#files.get(file) ?? new Map<number, { all: Set<string>; walked: Set<string> }>();
    this.#files.set(file, lines);
    const entry = lines.get(line) ?? { all: new Set<string>(), walked: new Set<string>() };
    lines.set(line, entry);
    return entry;
  }

  files(): WalkedFile[] {
    return [...this.#files].map(([file, lines]) => ({
      file,
      lines: [...lines]
        .map(([line, { all, walked }]) => ({ line, instructions: all.size, walked: walked.size }))
        .sort((a, b) => a.line - b.line),
    }));
  }
}
