/** The table and the sums of a corpus. */
import { relative } from 'node:path';
import type { FileResult, ProgramResult, Step } from './tryFile.ts';

export interface Summary {
  files: number;
  builds: number;
  /** Objects of which at least one program is attached, without a question. */
  run: number;
  /** Objects that do not run because they ask for what only their author knows. */
  askOnly: number;
  programs: number;
  loads: number;
  attaches: number;
  delivers: number;
  /** Programs whose target only their author knows. */
  asks: number;
  /** Programs that another variant of the same hook stands for. */
  variants: number;
}

export function summarize(results: readonly FileResult[]): Summary {
  const programs = results.flatMap((r) => r.programs);
  const count = (test: (p: ProgramResult) => boolean): number => programs.filter(test).length;
  return {
    files: results.length,
    builds: results.filter((r) => r.builds.ok !== false).length,
    run: results.filter((r) => r.programs.some((p) => p.attaches.ok === true)).length,
    askOnly: results.filter((r) => r.programs.some((p) => p.asks.length > 0) && !r.programs.some((p) => p.attaches.ok))
      .length,
    programs: programs.length,
    loads: count((p) => p.loads.ok === true),
    attaches: count((p) => p.attaches.ok === true),
    delivers: count((p) => p.delivers.ok === true),
    asks: count((p) => p.asks.length > 0),
    variants: count((p) => p.attaches.ok === null && p.attaches.text.startsWith('variant of')),
  };
}

const mark = ({ ok }: Step): string => (ok === null ? '·' : ok ? '✓' : '✗');

/** One line a program, under a line for its file; the first step that failed says why. */
export function fileLines(result: FileResult, base: string): string {
  const name = relative(base, result.file) || result.file;
  const lines = [
    `${mark(result.builds)} ${name}${result.builds.ok === false ? `  does not build: ${result.builds.text}` : ''}`,
  ];
  for (const p of result.programs) {
    const marks = [p.loads, p.attaches, p.delivers].map(mark).join(' ');
    lines.push(`    ${marks}  ${p.program.padEnd(28)} ${p.section.padEnd(34)} ${reason(p)}`.trimEnd());
  }
  for (const note of result.notes) lines.push(`           note: ${note}`);
  return lines.join('\n');
}

function reason(p: ProgramResult): string {
  if (p.asks.length > 0 && p.attaches.ok !== true) return `asks for ${p.asks.join(', ')}`;
  const failed = [p.loads, p.attaches, p.delivers].find((s) => s.ok === false);
  if (failed) return failed.text;
  const words = [p.attaches.text, p.delivers.text].filter((t) => t !== '');
  return words.length > 0 ? words.join(' → ') : p.loads.text;
}

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

export function summaryLines(s: Summary): string {
  const of = (part: number, whole: number): string => `${part} of ${whole} (${percent(part, whole)})`;
  return [
    '',
    `files     build    ${of(s.builds, s.files)}`,
    `          run      ${of(s.run, s.files)}; ${s.askOnly} more ask what to attach to first`,
    `programs  load     ${of(s.loads, s.programs)}`,
    `          attach   ${of(s.attaches, s.programs)}`,
    `          deliver  ${of(s.delivers, s.programs)}`,
    `          ${s.asks} ask for a target that only their author knows; ${s.variants} are variants of one that runs`,
  ].join('\n');
}
