/**
 * Programs that cut the very connection over which they are attached: asked about, and when somebody says yes, taken back by
 * the host itself. In a virtual machine, because on this one it would be everybody's connection.
 */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorData } from '../../core/src/errors.ts';
import { cliRun, removeCache, root, startCli, type CliResult } from '../integration/support/cli.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine, type MachineOptions } from './vm/machine.ts';

const source = join(root, 'test', 'fixtures', 'programs', 'cutting.bpf.c');
const mostSeconds = 30;
/** Silence that is no slowness. */
const deadSeconds = 5;
const MINUTES = 60_000;

/** A machine, and what programs are attached to there. */
interface Place {
  machine: Machine;
  iface: string;
}
let newer: Place;
let older: Promise<Cut[]>;

async function place(name: string, options: MachineOptions = {}): Promise<Place> {
  const [kernel] = await fetchKernels([{ name, arch: 'amd64' }]);
  const machine = await startMachine(kernel!, options);
  const interfaces = (await machine.ssh('ls /sys/class/net')).split(/\s+/);
  return { machine, iface: interfaces.find((one) => one !== 'lo' && one !== '')! };
}

/** All cuts on the old kernel, one after the other, beside what is tried on the newer one. */
async function cutOlder(): Promise<Cut[]> {
  // Debian's 5.10 knows BPF as a security module and does not start it.
  const there = await place('5.10', { append: ['lsm=lockdown,capability,yama,apparmor,bpf'] });
  try {
    const cuts: Cut[] = [];
    for (const one of cases(there)) cuts.push(await cut(there, one));
    return cuts;
  } finally {
    await there.machine.stop();
  }
}

beforeAll(async () => {
  newer = await place('6.12', { processors: 2 });
  older = cutOlder();
  older.catch(() => undefined); // its own test says what went wrong
}, 10 * MINUTES);
afterAll(async () => {
  await older.catch(() => undefined);
  await newer.machine.stop();
  removeCache();
}, 10 * MINUTES);

const common = ({ machine }: Place): string[] => [
  '--json',
  '--ssh-config',
  machine.configFile,
  '--known-hosts',
  machine.knownHostsFile,
];
const attachArgs = (there: Place, programs: string[], more: string[]): string[] => [
  'attach',
  source,
  '--host',
  'vm-root',
  ...programs.flatMap((program) => ['--program', program]),
  ...more,
  ...common(there),
];

/** A login of its own, as somebody would try from elsewhere. */
const answers = ({ machine }: Place): Promise<boolean> =>
  promisify(execFile)('ssh', ['-F', machine.configFile, '-o', 'ControlPath=none', 'vm-root', 'true'], {
    timeout: 30_000,
  }).then(
    () => true,
    () => false,
  );

/** Names of the programs that are loaded on the machine. */
async function loaded(there: Place): Promise<string[]> {
  const result = await cliRun(['programs', 'vm-root', ...common(there)]);
  expect(result.stderr).toBe('');
  return (result.json[0] as { name: string }[]).map((program) => program.name);
}

const errorOf = (result: CliResult): ErrorData => (result.json.at(-1) as { error: ErrorData }).error;

interface Case {
  what: 'XDP' | 'tc' | 'cgroup' | 'LSM';
  programs: string[];
  target: string[];
  rule: string;
}
const cases = ({ iface }: Place): Case[] => [
  { what: 'XDP', programs: ['xdp_drop'], target: ['--target', `iface=${iface}`], rule: 'ssh-interface' },
  { what: 'tc', programs: ['tc_drop'], target: ['--target', `iface=${iface}`], rule: 'ssh-interface' },
  { what: 'cgroup', programs: ['skb_drop'], target: ['--target', 'cgroup=/'], rule: 'ssh-cgroup' },
  { what: 'LSM', programs: ['deny_send', 'deny_receive'], target: [], rule: 'lsm-deny' },
];

/** What became of a machine whose connection was cut on purpose. */
interface Cut {
  what: Case['what'];
  /** The longest time without an answer to a new connection. */
  seconds: number;
  code: number | null;
  error: ErrorData;
  left: string[];
}

/** Whether sshd shows itself to a new connection: a whole login takes too long in an emulated machine to tell seconds. */
const greets = ({ machine }: Place): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(machine.port, '127.0.0.1');
    const end = (greeted: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeted);
    };
    const timer = setTimeout(end, 10_000, false);
    socket
      .once('data', () => end(true))
      .once('error', () => end(false))
      .once('close', () => end(false));
  });

/** Asks a machine twice a second, and gives the moments of its answers. */
function listen(there: Place): { answered: number[]; stop: () => void } {
  const answered = [performance.now()];
  const ask = async (): Promise<void> => {
    if (await greets(there)) answered.push(performance.now());
  };
  const timer = setInterval(() => void ask(), 500);
  return { answered, stop: () => clearInterval(timer) };
}

async function cut(there: Place, { what, programs, target, rule }: Case): Promise<Cut> {
  const { answered, stop } = listen(there);
  const result = await startCli(attachArgs(there, programs, [...target, '--confirm', rule, '--duration', '120'])).done;
  const over = performance.now();
  while (answered.at(-1)! < over && performance.now() < over + 2 * mostSeconds * 1000)
    await new Promise((resolve) => setTimeout(resolve, 100));
  stop();
  const gaps = answered.slice(1).map((moment, i) => (moment - answered[i]!) / 1000);
  const seconds = answered.at(-1)! < over ? Infinity : Math.max(...gaps);
  const error = errorOf(result);
  console.log(
    `${there.machine.kernel.name}, ${what}: silent for ${seconds.toFixed(1)} s; the command said ${error.code}: ${error.message}`,
  );
  // Right after it sshd turns some away: those that asked while it was silent come all at once (MaxStartups).
  await expect.poll(() => answers(there), { timeout: mostSeconds * 1000 }).toBe(true);
  const names = await loaded(there);
  const left = programs.filter((program) => names.includes(program));
  return { what, seconds, code: result.code, error, left };
}

function expectHealed({ what, seconds, code, error, left }: Cut): void {
  expect(seconds).toBeLessThan(mostSeconds);
  // What denies socket operations is detached before anybody else can look, and the agent says that it was itself denied; or
  // the connection of this very command was cut first.
  if (what === 'LSM') expect(['agent-denied', 'host-lost', 'agent-exited']).toContain(error.code);
  else expect(seconds).toBeGreaterThan(deadSeconds);
  expect(code).not.toBe(0);
  expect(error.message + error.remedy).toMatch(/detached/);
  expect(left).toEqual([]);
}

describe('guards over the ssh connection of Linux 6.12', () => {
  it('refuses everything that can cut the connection while nobody confirms it, and attaches nothing', async () => {
    for (const { programs, target, rule } of cases(newer)) {
      const result = await cliRun(attachArgs(newer, programs, target));
      expect(result.code).toBe(4);
      const error = errorOf(result);
      expect(error.code).toBe('guard-confirmation-needed');
      expect(error.findings?.map((f) => [f.rule, f.program, f.cutting])).toEqual(
        programs.map((program) => [rule, program, true]),
      );
      expect(error.remedy).toContain(`--confirm ${rule}`);
    }
    const names = await loaded(newer);
    expect(cases(newer).flatMap((c) => c.programs.filter((program) => names.includes(program)))).toEqual([]);
    expect(await answers(newer)).toBe(true);
  });

  it.each([0, 1, 2, 3])(
    'confirmed and the connection then dead, the machine answers again within 30 s (%i: XDP, tc, cgroup, LSM)',
    async (which) => expectHealed(await cut(newer, cases(newer)[which]!)),
    3 * MINUTES,
  );

  it('attaches what lets everything pass to that interface, and a hook that only hands on, without any question', async () => {
    const more = ['--target', `xdp_pass:iface=${newer.iface}`, '--duration', '2'];
    const result = await cliRun(attachArgs(newer, ['xdp_pass', 'hand_on'], more));
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    const attached = (result.json as { type: string; program: string }[]).filter((line) => line.type === 'attached');
    expect(attached.map((line) => line.program).sort()).toEqual(['hand_on', 'xdp_pass']);
  });

  it('keeps what was confirmed and did not cut the connection, beyond the time of the rollback', async () => {
    const more = ['--target', `iface=${newer.iface}`, '--confirm', 'ssh-interface'];
    const run = startCli(attachArgs(newer, ['xdp_rarely'], more));
    await run.waitFor((line: { type?: string }) => line.type === 'attached', 60_000);
    await new Promise((resolve) => setTimeout(resolve, 27_000));
    expect(await loaded(newer)).toContain('xdp_rarely');
    run.child.kill('SIGINT');
    const result = await run.done;
    expect(result.code).toBe(130);
    expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'interrupt' });
    expect(await loaded(newer)).not.toContain('xdp_rarely');
  });
});

describe('guards over the ssh connection of Linux 5.10', () => {
  it(
    'have the machine answer again within 30 s, whatever has cut it',
    async () => {
      const cuts = await older;
      expect(cuts.map(({ what }) => what)).toEqual(['XDP', 'tc', 'cgroup', 'LSM']);
      cuts.forEach(expectHealed);
    },
    10 * MINUTES,
  );
});
