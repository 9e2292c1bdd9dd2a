/** What costs a host too much is detached by the host itself, and the command says what to change. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root, startCli } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';

const SLOW = join(root, 'test', 'fixtures', 'programs', 'slow.bpf.c');
const EXEC = join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c');

describe('the command', () => {
  let before: ReturnType<typeof bpfState>;
  beforeAll(async () => {
    before = bpfState();
    await cliRun(['build', SLOW]);
  });
  afterAll(async () => {
    removeCache();
    expect(await settled(before, 5_000)).toEqual(nothing);
  });

  it('a slow program on every context switch is detached: share, limit and what to change are said, exit 1', async () => {
    // A machine that does nothing else switches too seldom.
    const busy = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1)']);
    const result = await cliRun(['attach', SLOW, '--host', 'local', '--json']).finally(() => busy.kill());
    expect(result.code).toBe(1);
    const end = result.json.find((line) => line.type === 'end');
    expect(end).toMatchObject({ reason: 'agent', error: { code: 'cpu-limit' } });
    expect(end.programs[0]).toMatchObject({ name: 'slow_switch', runs: expect.any(Number) });
    const { error } = result.json.at(-1);
    expect(error.message).toMatch(
      /^Detached on local: Program slow_switch took \d+ % of a processor over \d\.\d s; the limit of this run is 30 % over 2 s\.$/,
    );
    expect(error.remedy).toContain('cpu=PERCENT');
  });

  it('limits are said at the attach and can be other ones; a run that a command waits for is renewed', async () => {
    const cli = startCli(['attach', EXEC, '--host', 'local', '--duration', '4', '--limit', 'cpu=77', '--limit', 'rate=off', '--limit', 'time=2']); // prettier-ignore
    const { code, stderr, stdout } = await cli.done;
    expect(code).toBe(0);
    expect(stderr).toContain('Limits: 77 % of a processor a program, 2 s without anybody watching.');
    expect(stdout).toContain('Detached (duration)');
  });

  it.each([
    ['memory=1', '"memory" is no limit'],
    ['cpu=much', 'takes a whole number, or off'],
    ['cpu', 'takes NAME=VALUE'],
  ])('--limit %s is wrong use', async (limit, message) => {
    const result = await cliRun(['attach', EXEC, '--host', 'local', '--json', '--limit', limit]);
    expect(result.code).toBe(2);
    expect(result.json.at(-1).error.message).toContain(message);
  });
});

describe('a panel', () => {
  const { engine } = engineForTests('limits');

  it('a run that nobody looks at ends after its time; looking at it keeps it', async () => {
    const spec = { ...plainSpec, file: EXEC, hosts: ['local'], limits: { timeSeconds: 2 } };
    const ended = new Promise<{ code: string | undefined; reason: string | null }>((resolve) => {
      engine().on('run', (run) => {
        if (run.state === 'ended') resolve({ code: run.error?.code, reason: run.endReason });
      });
    });
    const run = await engine().attach(spec);
    expect(run.limits).toEqual({ cpuPercent: 30, recordsPerSecond: 2_000_000, timeSeconds: 2 });
    const changed = await engine().setLimits(run.id, { timeSeconds: 3 });
    expect(changed.limits).toMatchObject({ cpuPercent: 30, timeSeconds: 3 });
    const until = performance.now() + 5_000;
    while (performance.now() < until) {
      await engine().rows({ runId: run.id, stream: 'events', where: '', first: 0, count: 10 });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect((await engine().runs())[0]).toMatchObject({ state: 'running' });
    // A look counts for a few seconds; after that the host ends it by itself.
    expect(await ended).toEqual({ code: 'time-limit', reason: 'agent' });
  }, 60_000);
});
