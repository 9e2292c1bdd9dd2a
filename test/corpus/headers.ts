/** What comes of a corpus with the vmlinux.h that we write for the host's kernel, against bpftool's: a line a program. */
import type { ComparedProgram, HeaderComparison } from '../integration/support/headers.ts';
import { shortName } from './files.ts';

/** One line for each program and, below it, each place where the two headers make something else of it; the sums. */
export function headerLines({ programs, built, records, differences }: HeaderComparison, base: string): string {
  const functions = programs.reduce((sum, each) => sum + each.functions, 0);
  const agreed = programs.filter((each) => each.differences.length === 0).length;
  return [
    ...programs.flatMap((each) => [line(each, base), ...each.differences.map((text) => `    ≠ ${text}`)]),
    '',
    `headers   ${agreed} of ${programs.length} programs are the same with our vmlinux.h as with bpftool's, ${built} of them build`,
    `          ${records} structs and unions, ${functions} functions compared; ${differences.length} differences`,
  ].join('\n');
}

function line({ file, refused, records, functions, differences }: ComparedProgram, base: string): string {
  const name = shortName(file, base);
  if (refused === null) return `✗ ${name}  builds with one of the headers only`;
  if (refused !== '') return `· ${name}  builds with neither: ${refused}`;
  return `${differences.length === 0 ? '✓' : '✗'} ${name}  ${records} structs and unions, ${functions} functions`;
}
