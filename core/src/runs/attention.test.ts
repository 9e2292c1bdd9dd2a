import { expect, it, vi } from 'vitest';
import type { RunLimits } from '../model/index.ts';
import { Attention } from './attention.ts';
import type { HostRun } from './hostRun.ts';
import { limitsText } from './limitsText.ts';

const log = { error: vi.fn(), warn: vi.fn(), info: vi.fn(), debug: vi.fn() };
const limits: RunLimits = { cpuPercent: 30, recordsPerSecond: 2_000_000, timeSeconds: 900 };

function host(given: Partial<RunLimits> = {}): { run: HostRun; renewed: RunLimits[] } {
  const renewed: RunLimits[] = [];
  const own = { ...limits, ...given };
  const setLimits = (next: RunLimits): Promise<void> => Promise.resolve(void renewed.push(next));
  return { run: { name: 'web-1', limits: own, gone: false, setLimits } as unknown as HostRun, renewed };
}

it('renews the time of a run that somebody looks at, a few times within its time', async () => {
  const { run, renewed } = host({ timeSeconds: 40 });
  const attention = new Attention(false, log);
  const start = performance.now();
  for (let second = 1; second <= 25; second++) {
    vi.spyOn(performance, 'now').mockReturnValue(start + second * 1_000);
    attention.look();
    await attention.renew([run]);
  }
  vi.restoreAllMocks();
  expect(renewed).toHaveLength(2);
  expect(renewed[0]).toEqual({ ...limits, timeSeconds: 40 });
});

it('lets the time of a run run out that nobody looks at, unless a command waits for it', async () => {
  const unwatched = host();
  const later = performance.now() + 10 * 60_000;
  await new Attention(false, log).renew([unwatched.run], later);
  expect(unwatched.renewed).toEqual([]);
  const attended = host();
  await new Attention(true, log).renew([attended.run], later);
  expect(attended.renewed).toHaveLength(1);
});

it('asks for nothing where there is no time limit', async () => {
  const { run, renewed } = host({ timeSeconds: 0 });
  await new Attention(true, log).renew([run], performance.now() + 1e7);
  expect(renewed).toEqual([]);
});

it('says limits in words', () => {
  expect(limitsText(limits)).toBe(
    '30 % of a processor a program, 2,000,000 records/s a stream, 15 min without anybody watching',
  );
  expect(limitsText({ cpuPercent: 0, recordsPerSecond: 0, timeSeconds: 7200 })).toBe('2 h without anybody watching');
  expect(limitsText({ cpuPercent: 0, recordsPerSecond: 0, timeSeconds: 0 })).toBe('none');
});
