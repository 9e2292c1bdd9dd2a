import type { RingsideError } from '@ringside/core';
import { bold, dim, findingLine, red } from '../terminal.ts';
import { detailLines } from './outcomes.ts';

/** Errors under --json are the last line of stdout; for people: what, why and what to do on stderr. */
export function printError(error: RingsideError, json: boolean): void {
  const { code, message, remedy, detail, links, findings = [] } = error.toData();
  if (json) {
    const data = { code, message, remedy, detail, links, ...(findings.length > 0 && { findings }) };
    process.stdout.write(`${JSON.stringify({ error: data })}\n`);
    return;
  }
  if (code === 'cancelled') {
    process.stderr.write('Cancelled.\n');
    return;
  }
  // Each finding stands on a line of its own below.
  const said = findings.length > 0 ? 'This needs your confirmation:' : message;
  const lines = [`${red('error')} ${bold(said)} ${dim(`[${code}]`)}`, ...findings.map(findingLine)];
  if (remedy !== '') lines.push(`  ${remedy}`);
  for (const link of links) lines.push(`  ${link}`);
  lines.push(...detailLines(detail).map(dim));
  process.stderr.write(`${lines.join('\n')}\n`);
}
