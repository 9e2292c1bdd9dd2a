import { describe, expect, test } from 'vitest';
import type { MapFill, ProgramCost } from '@ringside/core/model';
import { fillTooltip, fillWords, isNearlyFull, liveTooltip, liveWords } from './liveText.ts';
import { aRun } from './test/builders.ts';

const cost = (given: Partial<ProgramCost> = {}): ProgramCost => ({
  ...{ name: 'p', runs: 1_310_000, sampled: false, nanosPerRun: 61, cpuPercent: 0.31, missed: 0 },
  ...given,
});
const rate = { name: 'p', perSecond: 48_190, nanosPerRun: 58, cpuPercent: 0.28 };
const fill = (given: Partial<MapFill> = {}): MapFill => ({
  ...{ map: 'm', host: 'web-1', unit: 'entries', count: 1204, more: false, of: 10_240 },
  ...given,
});

describe('figures above an attached program', () => {
  test('say what it did in the last second', () => {
    expect(liveWords(aRun({ programs: [cost()], rates: [rate] }), 'p')).toBe('48.2 k/s · 58 ns each · 0.3 % CPU');
  });

  test('say that they are concluded, and what was missed', () => {
    const run = aRun({ programs: [cost({ sampled: true, missed: 12 })], rates: [rate] });
    expect(liveWords(run, 'p')).toBe('≈ 48.2 k/s · 58 ns each · ≈ 0.3 % CPU · 12 missed');
  });

  test('are those of the whole run before there is a rate, and never 0 for what is not known', () => {
    expect(liveWords(aRun({ programs: [cost()] }), 'p')).toBe('attached · 1.31 M runs · 61 ns each');
    const hidden = cost({ runs: null, nanosPerRun: null, cpuPercent: null, missed: null });
    const unknown = { name: 'p', perSecond: null, nanosPerRun: null, cpuPercent: null };
    expect(liveWords(aRun({ programs: [hidden], rates: [unknown] }), 'p')).toBe('attached · runs unknown');
    expect(liveTooltip(aRun({ programs: [hidden], rates: [unknown] }), 'p')).toContain('not counted by this kernel');
  });

  test('are left out in the first second, when nothing has been counted yet', () => {
    for (const runs of [0, null]) {
      const fresh = aRun({ programs: [cost({ runs, nanosPerRun: null, cpuPercent: null })], rates: [] });
      expect(liveWords(fresh, 'p')).toBe('attached');
      expect(liveTooltip(fresh, 'p')).toBe('p on web-1\nIts runs are not counted yet.');
    }
  });

  test('of a program that rests have the average of before', () => {
    const resting = { name: 'p', perSecond: 0, nanosPerRun: null, cpuPercent: 0 };
    expect(liveWords(aRun({ programs: [cost()], rates: [resting] }), 'p')).toBe('0/s · 61 ns each · 0 % CPU');
  });

  test('end with the run', () => {
    expect(liveWords(aRun({ state: 'ended', programs: [cost()], rates: [rate] }), 'p')).toBe('attached');
  });
});

describe('figures beside a map', () => {
  test('say how full it is, in its own unit', () => {
    expect(fillWords([fill()])).toBe('1,204 of 10,240');
    expect(fillWords([fill({ more: true })])).toBe('1,204+ of 10,240');
    expect(fillWords([fill({ unit: 'set', count: 3, of: 256 })])).toBe('3 of 256 set');
    expect(fillWords([fill({ unit: 'waiting', count: 12_800, of: 262_144 })])).toBe('13 KiB of 256 KiB waiting');
  });

  test('name the hosts when there are several, and warn when one is nearly full', () => {
    const two = [fill(), fill({ host: 'web-2', count: 9900 })];
    expect(fillWords(two)).toBe('web-1: 1,204 of 10,240 · web-2: 9,900 of 10,240');
    expect(two.map(isNearlyFull)).toEqual([false, true]);
    expect(fillTooltip(two)).toContain('web-2: nearly full');
    expect(isNearlyFull(fill({ unit: 'set', count: 256, of: 256 }))).toBe(false);
  });
});
