/**
 * Programs that cut the very connection over which they are attached: asked about, and when somebody says yes, taken back by
 * the host itself. In a virtual machine, because on this one it would be everybody's connection.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorData } from '../../core/src/errors.ts';
import { cliRun, removeCache, root, startCli, type CliResult } from '../integration/support/cli.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

const source = join(root, 'test', 'fixtures', 'programs', 'cutting.bpf.c');
const mostSeconds = 30;
let machine: Machine;
let iface: string;

beforeAll(async () => {
  const [kernel] = await fetchKernels([{ name: '6.12', arch: 'amd64' }]);
  machine = await startMachine(kernel!, { processors: 2 });
  iface = (await machine.ssh('ls /sys/class/net')).split(/\s+/).find((name) => name !== 'lo' && name !== '')!;
}, 600_000);
afterAll(async () => {
  await machine.stop();
  removeCache();
});

const common = (): string[] => ['--json', '--ssh-config', machine.configFile, '--known-hosts', machine.knownHostsFile];
const attachArgs = (programs: string[], more: string[]): string[] => [
  'attach',
  source,
  '--host',
  'vm-root',
  ...programs.flatMap((program) => ['--program', program]),
  ...more,
  ...common(),
];

/** A login of its own, as somebody would try from elsewhere. */
const answers = (): Promise<boolean> =>
  promisify(execFile)(
    'ssh',
    ['-F', machine.configFile, '-o', 'ControlPath=none', '-o', 'ConnectTimeout=2', 'vm-root', 'true'],
    {
      timeout: 6_000,
    },
  ).then(
    () => true,
    () => false,
  );

/** Names of the programs that are loaded on the machine. */
async function loaded(): Promise<string[]> {
  const result = await cliRun(['programs', 'vm-root', ...common()]);
  expect(result.stderr).toBe('');
  return (result.json[0] as { name: string }[]).map((program) => program.name);
}

const errorOf = (result: CliResult): ErrorData => (result.json.at(-1) as { error: ErrorData }).error;

const cases = (): { what: string; programs: string[]; target: string[]; rule: string }[] => [
  { what: 'XDP', programs: ['xdp_drop'], target: ['--target', `iface=${iface}`], rule: 'ssh-interface' },
  { what: 'tc', programs: ['tc_drop'], target: ['--target', `iface=${iface}`], rule: 'ssh-interface' },
  { what: 'cgroup', programs: ['skb_drop'], target: ['--target', 'cgroup=/'], rule: 'ssh-cgroup' },
  { what: 'LSM', programs: ['deny_send', 'deny_receive'], target: [], rule: 'lsm-deny' },
];

describe('guards over the ssh connection of Linux 6.12', () => {
  it('refuses everything that can cut the connection while nobody confirms it, and attaches nothing', async () => {
    for (const { programs, target, rule } of cases()) {
      const result = await cliRun(attachArgs(programs, target));
      expect(result.code).toBe(4);
      const error = errorOf(result);
      expect(error.code).toBe('guard-confirmation-needed');
      expect(error.findings?.map((f) => [f.rule, f.program, f.cutting])).toEqual(
        programs.map((program) => [rule, program, true]),
      );
      expect(error.remedy).toContain(`--confirm ${rule}`);
    }
    const names = await loaded();
    expect(cases().flatMap((c) => c.programs.filter((program) => names.includes(program)))).toEqual([]);
    expect(await answers()).toBe(true);
  });

  it.each(['XDP', 'tc', 'cgroup', 'LSM'])(
    '%s: confirmed and the connection then dead, the machine answers again within 30 s',
    async (what) => {
      const { programs, target, rule } = cases().find((c) => c.what === what)!;
      const run = startCli(attachArgs(programs, [...target, '--confirm', rule, '--duration', '120']));
      const ended = run.done.then(() => true);
      let [lastAnswer, wasDead] = [performance.now(), false];
      let seconds = 0;
      for (;;) {
        const asked = performance.now();
        const over = await Promise.race([ended, Promise.resolve(false)]);
        if (await answers()) {
          if (wasDead || over) {
            seconds = (performance.now() - lastAnswer) / 1000;
            if (over) break;
          } else lastAnswer = asked;
        } else wasDead = true;
        if ((performance.now() - lastAnswer) / 1000 > 60) break;
      }
      const result = await run.done;
      const error = errorOf(result);
      console.log(
        `${what}: ${wasDead ? 'dead, ' : ''}answers again after ${seconds.toFixed(1)} s; the command said ${error.code}: ${error.message}`,
      );
      expect(seconds).toBeLessThan(mostSeconds);
      // What denies socket operations ends the agent before anybody else can look.
      if (what !== 'LSM') expect(wasDead).toBe(true);
      expect(result.code).not.toBe(0);
      expect(error.message + error.remedy).toMatch(/detached/);
      const names = await loaded();
      expect(programs.filter((program) => names.includes(program))).toEqual([]);
    },
    120_000,
  );

  it('attaches what lets everything pass to that interface, and a hook that only hands on, without any question', async () => {
    const more = ['--target', `xdp_pass:iface=${iface}`, '--duration', '2'];
    const result = await cliRun(attachArgs(['xdp_pass', 'hand_on'], more));
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    const attached = (result.json as { type: string; program: string }[]).filter((line) => line.type === 'attached');
    expect(attached.map((line) => line.program).sort()).toEqual(['hand_on', 'xdp_pass']);
  });

  it('keeps what was confirmed and did not cut the connection, beyond the time of the rollback', async () => {
    const more = ['--target', `iface=${iface}`, '--confirm', 'ssh-interface'];
    const run = startCli(attachArgs(['xdp_rarely'], more));
    await run.waitFor((line: { type?: string }) => line.type === 'attached', 60_000);
    await new Promise((resolve) => setTimeout(resolve, 27_000));
    expect(await loaded()).toContain('xdp_rarely');
    run.child.kill('SIGINT');
    const result = await run.done;
    expect(result.code).toBe(130);
    expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'interrupt' });
    expect(await loaded()).not.toContain('xdp_rarely');
  });
});
