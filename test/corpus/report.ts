/** The table and the sums of a corpus. */
import { shortName } from './files.ts';
import type { FileResult, ProgramResult, Step } from './tryFile.ts';

export interface Summary {
  files: number;
  builds: number;
  /** Files of which at least one program loads. */
  load: number;
  /** Files of which at least one program is attached. */
  run: number;
  programs: number;
  loads: number;
  /** Of those that load: programs for which nobody had to say what only their author knows. */
  loadsUnasked: number;
  attaches: number;
  delivers: number;
  /** Programs whose target only their author knows. */
  asks: number;
  /** Programs that another variant of the same hook stands for, and that do not attach alone. */
  variants: number;
  /** Programs that the verifier has judged and told figures of; those whose figures are not the log's own. */
  figures: number;
  differing: number;
  /** Programs that are not loaded; those of which the reason is one that is known. */
  refused: number;
  explained: number;
  /** What does not get there, by step and kind of reason: how many programs, or files that do not build. */
  reasons: { step: 'build' | 'load' | 'attach' | 'deliver'; why: string; count: number; example: string }[];
  seconds: number;
}

export function summarize(results: readonly FileResult[]): Summary {
  const programs = results.flatMap((r) => r.programs);
  const count = (test: (p: ProgramResult) => boolean): number => programs.filter(test).length;
  const files = (test: (p: ProgramResult) => boolean): number => results.filter((r) => r.programs.some(test)).length;
  return {
    files: results.length,
    builds: results.filter((r) => r.builds.ok !== false).length,
    load: files((p) => p.loads.ok === true),
    run: files((p) => p.attaches.ok === true),
    programs: programs.length,
    loads: count((p) => p.loads.ok === true),
    loadsUnasked: count((p) => p.loads.ok === true && p.asks.length === 0),
    attaches: count((p) => p.attaches.ok === true),
    delivers: count((p) => p.delivers.ok === true),
    asks: count((p) => p.asks.length > 0),
    variants: count((p) => p.attaches.ok === null && p.attaches.text.startsWith('variant of')),
    figures: count((p) => p.figures !== ''),
    differing: count((p) => p.differs.length > 0),
    refused: count((p) => p.loads.ok === false),
    explained: count((p) => p.loads.ok === false && isExplained(p.loads)),
    reasons: reasons(results),
    seconds: results.reduce((sum, r) => sum + r.seconds, 0),
  };
}

/** A reason of a kind that is known, with a sentence; not just that the verifier, or something in us, said no. */
const isExplained = ({ why, text }: Step): boolean =>
  text !== '' && !['', 'unknown', 'other', 'internal'].includes(why);

/** The first step of each program that failed, most frequent kind first. */
function reasons(results: readonly FileResult[]): Summary['reasons'] {
  const found = new Map<string, Summary['reasons'][number]>();
  const add = (step: Summary['reasons'][number]['step'], { why, text }: Step, name: string): void => {
    const one = found.get(`${step} ${why}`) ?? { step, why, count: 0, example: `${name}: ${text}` };
    one.count++;
    found.set(`${step} ${why}`, one);
  };
  for (const { file, builds, programs } of results) {
    const name = file.split('/').at(-1)!;
    if (builds.ok === false) add('build', builds, name);
    for (const p of programs) {
      const first = firstFailure(p);
      if (first) add(first.name, first.step, `${name} ${p.program}`);
    }
  }
  return [...found.values()].sort((a, b) => b.count - a.count || a.why.localeCompare(b.why));
}

function firstFailure(p: ProgramResult): { name: 'load' | 'attach' | 'deliver'; step: Step } | null {
  if (p.loads.ok === false) return { name: 'load', step: p.loads };
  // Loading was left until a target is chosen, and none was.
  if (p.loads.ok === null && p.loads.why !== '' && p.attaches.ok !== true) return { name: 'load', step: p.loads };
  if (p.attaches.ok === false) return { name: 'attach', step: p.attaches };
  return p.delivers.ok === false ? { name: 'deliver', step: p.delivers } : null;
}

const mark = ({ ok }: Step): string => (ok === null ? '·' : ok ? '✓' : '✗');
const NAME_WIDTH = 32;
const SECTION_WIDTH = 36;

export const heading = [
  '✓ yes   ✗ no   · not tried, or another program stands for it',
  `builds  FILE`,
  `    loads attaches delivers  PROGRAM  SECTION  what it is on and what came, or the reason`,
].join('\n');

/** One line a program, under a line for its file; the first step that failed says why. */
export function fileLines(result: FileResult, base: string): string {
  const name = shortName(result.file, base);
  const lines = [
    `${mark(result.builds)} ${name}${result.builds.ok === false ? `  does not build: ${result.builds.text}` : ''}`,
  ];
  for (const p of result.programs) {
    const marks = [p.loads, p.attaches, p.delivers].map(mark).join(' ');
    const columns = `${p.program.padEnd(NAME_WIDTH)} ${p.section.padEnd(SECTION_WIDTH)}`;
    lines.push(`    ${marks}  ${columns} ${reason(p)}`.trimEnd());
    if (p.figures !== '')
      lines.push(`           ${p.figures}${p.differs.length === 0 ? ' = log' : `  ≠ ${p.differs.join('; ')}`}`);
  }
  for (const note of result.notes) lines.push(`           note: ${note}`);
  return lines.join('\n');
}

function reason(p: ProgramResult): string {
  const failure = firstFailure(p);
  const asks = p.asks.length > 0 && p.attaches.ok !== true ? `asks for ${p.asks.join(', ')}` : '';
  if (failure) return [asks, failure.step.text].filter((t) => t !== '').join(': ');
  const words = [p.attaches.text, p.delivers.text].filter((t) => t !== '');
  return words.length > 0 ? words.join(' → ') : asks;
}

const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
const of = (part: number, whole: number): string => `${part} of ${whole} (${percent(part, whole)})`;

export function summaryLines(s: Summary, loadOnly: boolean): string {
  const lines = [
    '',
    `files     build    ${of(s.builds, s.files)}`,
    `          load     ${of(s.load, s.files)}, one program of theirs at least`,
    ...(loadOnly ? [] : [`          run      ${of(s.run, s.files)}`]),
    `programs  load     ${of(s.loads, s.programs)}, ${of(s.loadsUnasked, s.programs)} without a question`,
  ];
  if (!loadOnly) {
    lines.push(
      `          attach   ${of(s.attaches, s.programs)}`,
      `          deliver  ${of(s.delivers, s.programs)}`,
      `          ${s.variants} are variants of one that runs`,
    );
  }
  lines.push(
    `          explain  ${of(s.explained, s.refused)} of those that do not load`,
    `          figures  ${of(s.figures - s.differing, s.figures)} are those of the log's own last lines`,
  );
  if (s.asks > 0) lines.push(`          ${s.asks} ask for a target that only their author knows`);
  if (s.reasons.length > 0) lines.push('', 'Why not:');
  for (const r of s.reasons)
    lines.push(`${String(r.count).padStart(5)}  ${r.step.padEnd(7)} ${r.why}`, `               ${r.example}`);
  return lines.join('\n');
}
