import type { RingsideError } from '@ringside/core';
import { bold, dim, red } from '../terminal.ts';

/** Errors under --json are the last line of stdout; for people: what, why and what to do on stderr. */
export function printError(error: RingsideError, json: boolean): void {
  const { code, message, remedy, detail, links } = error.toData();
  if (json) {
    process.stdout.write(`${JSON.stringify({ error: { code, message, remedy, detail, links } })}\n`);
    return;
  }
  if (code === 'cancelled') {
    process.stderr.write('Cancelled.\n');
    return;
  }
  const lines = [`${red('error')} ${bold(message)} ${dim(`[${code}]`)}`];
  if (remedy !== '') lines.push(`  ${remedy}`);
  for (const link of links) lines.push(`  ${link}`);
  if (detail !== '')
    lines.push(
      ...detail
        .trimEnd()
        .split('\n')
        .map((l) => dim(`  | ${l}`)),
    );
  process.stderr.write(`${lines.join('\n')}\n`);
}
