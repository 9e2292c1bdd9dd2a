import { expect, it, vi } from 'vitest';
import type { ProgramCost, RunSummary } from '@ringside/core/model';
import { aRun } from '../test/builders.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { CostHistory } = await import('./costHistory.ts');

const cost = (given: Partial<ProgramCost>): ProgramCost => ({
  ...{ name: 'p', runs: 0, sampled: false, nanosPerRun: 60, cpuPercent: 0.5, missed: 0 },
  ...given,
});

function history() {
  let now = 10_000;
  const runs = new Map<string, RunSummary>();
  const costs = new CostHistory(
    { onDidChange: () => ({ dispose: () => undefined }), get: (id: string) => runs.get(id) },
    () => now,
  );
  const take = (ms: number, given: Partial<ProgramCost>, run: Partial<RunSummary> = {}) => {
    now += ms;
    return costs.take(aRun({ programs: [cost(given)], ...run }));
  };
  return { costs, take };
}

it('makes rates of the counters of two summaries', () => {
  const { costs, take } = history();
  expect(take(0, { runs: 100 })).toBeNull();
  expect(take(500, { runs: 600, missed: 5 })).toEqual({
    at: 10_500,
    programs: [{ name: 'p', runsPerSecond: 1000, nanosPerRun: 60, cpuPercent: 0.5, missedPerSecond: 10 }],
  });
  expect(costs.of('run-1')).toHaveLength(1);
});

it('calls unknown what the kernel does not count, and what began anew', () => {
  const { take } = history();
  take(0, { runs: null, missed: 7 });
  expect(take(500, { runs: 5, missed: 3 })!.programs[0]).toMatchObject({ runsPerSecond: null, missedPerSecond: null });
});

it('takes no sample of a moment too short, nor of a run that is over', () => {
  const { take } = history();
  take(0, {});
  expect(take(100, {})).toBeNull();
  expect(take(500, {}, { state: 'ended' })).toBeNull();
});

it('keeps a bounded past', () => {
  const { costs, take } = history();
  for (let i = 0; i < 1500; i++) take(500, { runs: i });
  expect(costs.of('run-1')).toHaveLength(1200);
});
