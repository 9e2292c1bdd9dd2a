/** What a verdict cost the verifier, in words: for the lenses of the editor and for the table of verdicts. */
import type { ProgramVerdict, VerdictStats } from '@ringside/core/model';

/** Stack of a chain of calls, in bytes (MAX_BPF_STACK of include/linux/filter.h). */
const MOST_STACK = 512;
/** Shares of a limit from which people should know before the next edit goes over it. */
const NEAR_PERCENT = 75;
const NEAR_STACK = 448;

const withThousands = (value: number): string => value.toLocaleString('en-US');

/** What a host's verifier says of a program: "✓ 1,310 insns · stack 8 B", "✗ `e` may be NULL". */
export function verdictWords(verdict: ProgramVerdict, before: VerdictStats | null = null): string {
  switch (verdict.verdict) {
    case 'accepted':
      return [nearLimit(verdict) === null ? '✓' : '⚠', costWords(verdict.stats, before).join(' · ')].join(' ').trim();
    case 'rejected':
      return `✗ ${verdict.reason?.title ?? 'rejected'}`;
    case 'skipped':
      return `– ${verdict.reason?.title ?? 'not loaded'}`;
  }
}

/** What it costs the verifier: instructions with their change, their share of the limit and the stack from where they matter. */
export function costWords(stats: VerdictStats, before: VerdictStats | null): string[] {
  const { processed, limitPercent, stackBytes } = stats;
  const words: string[] = [];
  if (processed !== null) {
    const share = limitPercent !== null && limitPercent >= 10 ? `, ${Math.round(limitPercent)} % of the limit` : '';
    words.push(`${withThousands(processed)} insns${change(processed, before?.processed)}${share}`);
  } else if (stats.instructions !== null) {
    words.push(`${withThousands(stats.instructions)} insns`);
  }
  if (stackBytes !== null && stackBytes > 0)
    words.push(`stack ${stackBytes} B${change(stackBytes, before?.stackBytes)}`);
  return words;
}

function change(now: number, before: number | null | undefined): string {
  if (before === null || before === undefined || before === now) return '';
  return ` (${now > before ? '+' : '−'}${withThousands(Math.abs(now - before))})`;
}

/** Which limit of the verifier an accepted program is near, in words; null when none. */
export function nearLimit({ verdict, stats }: ProgramVerdict): string | null {
  if (verdict !== 'accepted') return null;
  const { processed, limitPercent, stackBytes } = stats;
  if (processed !== null && limitPercent !== null && limitPercent >= NEAR_PERCENT)
    return `it took ${withThousands(processed)} instructions to check, ${Math.round(limitPercent)} % of what it may take. Move a loop's body or a branch into a global function, which is checked once.`;
  if (stackBytes !== null && stackBytes >= NEAR_STACK)
    return `its stack takes ${stackBytes} of ${MOST_STACK} bytes. Keep large variables in a per-CPU array map.`;
  return null;
}
