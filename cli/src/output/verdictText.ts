/** The verdicts of a host for people. */
import type { ProgramVerdict, VerifyOutcome } from '@ringside/core';
import { bold, dim, green, red, yellow } from '../terminal.ts';
import { hostFailure } from './outcomes.ts';

/** Why each rejected program was rejected, the way there, what repairs it, and what the kernel says itself. */
export function verdictText(outcome: VerifyOutcome): string {
  if ('error' in outcome) return hostFailure(outcome);
  return [
    bold(`${outcome.host} (kernel ${outcome.kernel})`),
    ...outcome.programs.map(programLines),
    ...outcome.notes.map((n) => dim(`  ${n}`)),
  ].join('\n');
}

function programLines(p: ProgramVerdict): string {
  const mark = { accepted: green('✓'), rejected: red('✗'), skipped: yellow('–') }[p.verdict];
  const { processed, limitPercent, verifyMicros } = p.stats;
  const stats =
    processed === null
      ? ''
      : dim(`  ${processed} instructions processed (${limitPercent ?? '?'} %), ${verifyMicros ?? '?'} µs`);
  const lines = [`  ${mark} ${p.name} ${dim(p.section)}${stats}`];
  if (p.reason) {
    const { category, title, message, file, line, column, cause, fixes, kernelReport } = p.reason;
    // The form of a compiler's line: terminals link it, and problem matchers read it.
    const place = file ? `${file}:${line}:${column}: ${red('error')}: ` : '';
    lines.push(`      ${place}${bold(title)}: ${message} ${dim(`[${category}]`)}`);
    for (const c of cause) lines.push(dim(`      ${c.file}:${c.line}:${c.column}: ${c.message}`));
    for (const f of fixes) lines.push(`      fix: ${f.title}`);
    if (kernelReport !== undefined) {
      lines.push(`      the kernel's own report:`);
      lines.push(...kernelReport.text.split('\n').map((line) => (line === '' ? '' : dim(`        ${line}`))));
    }
  }
  return lines.join('\n');
}
