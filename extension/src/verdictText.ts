import type { ProgramVerdict, VerdictStats } from '@ringside/core/model';
import { costWords, nearLimit } from '../../panels/shared/verdict.ts';

/** The verdict as the CodeLens says it: "✓ web-1 · 1,310 insns (+42)", "✗ web-1: `e` may be NULL". */
export function describeVerdict(verdict: ProgramVerdict, host: string, before: VerdictStats | null): string {
  switch (verdict.verdict) {
    case 'accepted':
      return [`${nearLimit(verdict) === null ? '✓' : '⚠'} ${host}`, ...costWords(verdict.stats, before)].join(' · ');
    case 'rejected':
      return `✗ ${host}: ${verdict.reason?.title ?? 'rejected'}`;
    case 'skipped':
      return `${host}: not loaded`;
  }
}
