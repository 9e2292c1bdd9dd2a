/** Perf buffers have one ring a CPU: their records come out in one order by time, each once. */
import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamLedger } from '../../core/src/model/index.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache } from './support/cli.ts';
import { addsUp, type Line } from './support/lines.ts';

const PROGRAM = 'test/fixtures/programs/two_cpus.bpf.c';
/** Calls getppid in bursts for ever. */
const CALLER = 'setInterval(() => { for (let i = 0; i < 40; i++) void process.ppid; }, 2)';

let before: ReturnType<typeof bpfState>;
let callers: ChildProcess[];

beforeEach(() => {
  before = bpfState();
  callers = ['0', '1'].map((cpu) => spawn('taskset', ['-c', cpu, process.execPath, '-e', CALLER], { stdio: 'ignore' }));
});
afterEach(async () => {
  for (const caller of callers) caller.kill();
  expect(await settled(before, 5_000)).toEqual(nothing);
});
afterAll(removeCache);

describe('perf buffers on two CPUs', () => {
  it('are merged by time, and nothing is lost or doubled', async () => {
    const result = await cliRun([
      'attach',
      PROGRAM,
      '--host',
      'local',
      '--duration',
      '3',
      '--limit',
      'cpu=off',
      '--json',
    ]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    for (const stream of ['with_clock', 'without_clock']) {
      const events = result.json.filter((l: Line) => l.type === 'event' && l.stream === stream);
      const cpus = events.map((e: Line) => e.cpu as number);
      expect([...new Set(cpus)].sort()).toEqual([0, 1]);
      expect(cpus.filter((cpu, i) => i > 0 && cpu !== cpus[i - 1]).length).toBeGreaterThan(20);
      const times = events.map((e: Line) => BigInt(e.time as string));
      expect(times.filter((time, i) => i > 0 && time < times[i - 1]!)).toEqual([]);
      const ledger = (result.json.at(-1).ledger.streams as StreamLedger[]).find((s) => s.name === stream)!;
      expect(addsUp(ledger)).toBe(true);
      expect(ledger.outOfOrder).toBeUndefined();
      const numbers = events.map((e: Line) => Number(e.fields.number)).sort((a, b) => a - b);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(numbers).toHaveLength(ledger.delivered);
      expect(numbers.at(-1)! + 1 - numbers.length).toBeLessThanOrEqual(ledger.lostKernel!);
    }
  });
});
