/** Coverage for people: of each source how many lines ran, how many the verifier walked, and which did not. */
import { relative } from 'node:path';
import type { CoverageReport } from '@ringside/core';
import { bold, dim } from '../terminal.ts';

/** What the host's own header and libbpf's inline is nobody's to test. */
const isOwn = ({ file }: { file: string }): boolean => !/\/vmlinux\.h$/.test(file) && !/\/libbpf\/bpf\//.test(file);

export function coverageLines({ ran, unfollowed, walked }: CoverageReport): string[] {
  const lines = [bold('Coverage')];
  for (const { file, lines: all } of ran.filter(isOwn)) {
    const told = all.filter((line) => line.told > 0);
    const missed = told.filter((line) => line.ran === 0).map(({ line }) => line);
    lines.push(share('ran', file, told.length - missed.length, told.length, missed));
    const untold = all.filter((line) => line.told === 0).map(({ line }) => line);
    if (untold.length > 0) lines.push(dim(`      not known whether they ran: ${ranges(untold)}`));
  }
  for (const { file, lines: all } of walked.files.filter(isOwn)) {
    const missed = all.filter((line) => line.walked === 0).map(({ line }) => line);
    lines.push(share('walked by the verifier', file, all.length - missed.length, all.length, missed));
  }
  for (const { test, message } of unfollowed) lines.push(`  ${test}: its run was not followed. ${message}`);
  for (const { program, message } of walked.refused) lines.push(`  ${program}: ${message}`);
  for (const program of walked.cut) lines.push(`  ${program}: its log was cut, walked lines may be missing`);
  return lines;
}

function share(what: string, file: string, count: number, of: number, missed: number[]): string {
  const percent = of === 0 ? '–' : `${Math.floor((100 * count) / of)} %`;
  const not = missed.length === 0 ? '' : dim(`, not: ${ranges(missed)}`);
  return `  ${relative('', file)}: ${count} of ${of} lines ${what} (${percent})${not}`;
}

/** "3–5, 9" */
export function ranges(lines: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const line of lines) {
    const last = parts.at(-1);
    if (last && last[1] === line - 1) last[1] = line;
    else parts.push([line, line]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
}
