import { expect, test } from 'vitest';
import type { ProgramVerdict, VerdictStats } from '@ringside/core/model';
import { nearLimit, verdictWords } from '../../panels/shared/verdict.ts';
import { describeVerdict } from './verdictText.ts';

const cost = (given: Partial<VerdictStats> = {}): VerdictStats => ({
  ...{ instructions: 40, processed: 1310, limitPercent: 0.1, totalStates: 9, peakStates: 9, stackBytes: 8 },
  verifyMicros: 90,
  ...given,
});
const accepted = (given: Partial<VerdictStats> = {}): ProgramVerdict => ({
  ...{ name: 'p', section: 'xdp', verdict: 'accepted', reason: null },
  stats: cost(given),
});

test('says what an accepted program costs the verifier, and how the last change changed it', () => {
  expect(describeVerdict(accepted(), 'web-1', null)).toBe('✓ web-1 · 1,310 insns · stack 8 B');
  expect(describeVerdict(accepted(), 'web-1', cost())).toBe('✓ web-1 · 1,310 insns · stack 8 B');
  expect(describeVerdict(accepted(), 'web-1', cost({ processed: 10, stackBytes: 1024 }))).toBe(
    '✓ web-1 · 1,310 insns (+1,300) · stack 8 B (−1,016)',
  );
  expect(describeVerdict(accepted({ processed: 400_000, limitPercent: 40 }), 'web-1', null)).toBe(
    '✓ web-1 · 400,000 insns, 40 % of the limit · stack 8 B',
  );
});

test('says nothing of figures that the kernel did not give', () => {
  const unknown = { instructions: null, processed: null, limitPercent: null, stackBytes: null };
  expect(describeVerdict(accepted(unknown), 'web-1', cost())).toBe('✓ web-1');
  expect(describeVerdict(accepted({ ...unknown, instructions: 7 }), 'web-1', cost())).toBe('✓ web-1 · 7 insns');
  expect(describeVerdict(accepted({ stackBytes: 0 }), 'web-1', cost({ processed: null }))).toBe(
    '✓ web-1 · 1,310 insns',
  );
});

test('warns near the limits of instructions and of the stack, and only of accepted programs', () => {
  expect(nearLimit(accepted())).toBeNull();
  const slow = accepted({ processed: 812_000, limitPercent: 81.2 });
  expect(nearLimit(slow)).toContain('812,000 instructions to check, 81 % of what it may take');
  expect(describeVerdict(slow, 'web-1', null)).toBe('⚠ web-1 · 812,000 insns, 81 % of the limit · stack 8 B');
  expect(nearLimit(accepted({ stackBytes: 464 }))).toContain('464 of 512 bytes');
  expect(nearLimit({ ...slow, verdict: 'rejected' })).toBeNull();
});

test('a rejected program is told by its reason, one that was not loaded as such', () => {
  expect(describeVerdict({ ...accepted(), verdict: 'rejected' }, 'web-1', null)).toBe('✗ web-1: rejected');
  expect(describeVerdict({ ...accepted(), verdict: 'skipped' }, 'web-1', null)).toBe('web-1: not loaded');
  expect(verdictWords({ ...accepted(), verdict: 'rejected' })).toBe('✗ rejected');
  expect(verdictWords({ ...accepted(), verdict: 'skipped' })).toBe('– not loaded');
  expect(verdictWords(accepted())).toBe('✓ 1,310 insns · stack 8 B');
});
