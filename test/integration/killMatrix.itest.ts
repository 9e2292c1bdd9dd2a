/**
 * Whatever dies or stops, on whichever side: everything is as it was before when the lease is over at the latest. One run has
 * a program for each way in which something can stay with the kernel; each fault gets a row of the printed table.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { agents, supervisors } from './support/agents.ts';
import { bpfState, newSince, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root, startCli, type RunningCli } from './support/cli.ts';

const FIXTURE = join(root, 'test', 'fixtures', 'programs', 'leftovers.bpf.c');
const LEASE_MS = 3_000;
const NETNS = 'rskill';
const HOST_ADDRESS = '10.203.77.1';
const CPUS = '/sys/fs/bpf/rskill_cpus';
const BY_NAME = '/sys/fs/bpf/rs_left_pin';
const CONTROLS = '/proc/sys/net/ipv4/tcp_available_congestion_control';

/** What each column of the table is about, and the program that is attached for it. */
const KINDS = {
  tracepoint: 'rs_tracepoint',
  uprobe: 'rs_uprobe',
  'perf event': 'rs_perf_event',
  xdp: 'rs_xdp',
  tc: 'rs_tc',
  cgroup: 'rs_cgroup',
  sockmap: 'rs_sockmap',
  'cpumap entry': 'rs_cpumap',
  "other's socket": 'rs_socket',
  reuseport: 'rs_reuseport',
  struct_ops: 'rs_ssthresh',
  pin: 'rs_left_pin',
} as const;
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];

let sshd: TestSshd;
let neighbour: ChildProcess;
let sockets: string[];
let cgroup: string;
const rows: [string, Record<Kind, number>][] = [];

const sh = (script: string): string => execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Ids of the programs of the fixture that the kernel has, by name. */
function programs(): Map<string, number> {
  const list = JSON.parse(sh('bpftool -j prog list')) as { id: number; name?: string }[];
  return new Map(list.filter((one) => one.name?.startsWith('rs_')).map((one) => [one.name!, one.id]));
}

/** All that may be changed on this machine by an attachment, as text that is compared. */
const hostState = () => ({
  pins: readdirSync('/sys/fs/bpf').sort(),
  qdiscs: sh('tc qdisc show'),
  xdp: sh("ip -o link show | grep -o 'xdp[^ ]*' || true"),
  probes: sh('cat /sys/kernel/tracing/kprobe_events /sys/kernel/tracing/uprobe_events 2>/dev/null || true'),
  instances: sh('ls /sys/kernel/tracing/instances'),
  controls: readFileSync(CONTROLS, 'utf8'),
  journals: existsSync('/run/ringside') ? readdirSync('/run/ringside').sort() : [],
  sysctls: sh('cat /proc/sys/kernel/bpf_stats_enabled /proc/sys/kernel/perf_event_paranoid'),
});

function link(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

beforeAll(async () => {
  link('netns', 'add', NETNS);
  link('link', 'add', 'rskill0', 'type', 'veth', 'peer', 'name', 'rskill1', 'netns', NETNS);
  link('address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'rskill0');
  link('-n', NETNS, 'address', 'add', '10.203.77.2/24', 'dev', 'rskill1');
  link('link', 'set', 'rskill0', 'up');
  link('-n', NETNS, 'link', 'set', 'rskill1', 'up');
  link('link', 'add', 'rskillx', 'type', 'veth', 'peer', 'name', 'rskilly');
  link('link', 'set', 'rskillx', 'up');
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  cgroup = join(mounts.map((line) => line.split(' ')).find((fields) => fields[2] === 'cgroup2')![1]!, 'rskill');
  mkdirSync(cgroup, { recursive: true });
  sh(`bpftool map create ${CPUS} type cpumap key 4 value 8 entries 64 name rs_cpus`);
  neighbour = spawn('perl', [
    '-e',
    `use Socket; $| = 1; socket(my $p, AF_INET, SOCK_DGRAM, 0) or die; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
     setsockopt($s, SOL_SOCKET, 15, 1) or die; bind($s, sockaddr_in(4361, INADDR_LOOPBACK)) or die;
     print fileno($p), ' ', fileno($s), "\\n"; <STDIN>;`,
  ]);
  const line = await new Promise<string>((resolve) =>
    neighbour.stdout!.once('data', (b: Buffer) => resolve(String(b))),
  );
  sockets = line.trim().split(' ');
  sshd = await startSshd({ config: [`ListenAddress ${HOST_ADDRESS}`] });
  const known = readFileSync(sshd.knownHostsFile, 'utf8');
  appendFileSync(sshd.knownHostsFile, known.replaceAll('[127.0.0.1]', `[${HOST_ADDRESS}]`));
  // Warm: with a lease of seconds, a client that is busy making vmlinux.h for the first time would lose it.
  await cliRun(['build', FIXTURE]);
}, 120_000);

afterAll(async () => {
  await sshd.stop();
  neighbour.kill();
  rmSync(CPUS, { force: true });
  rmdirSync(cgroup);
  for (const name of ['rskill0', 'rskillx']) link('link', 'delete', name);
  link('netns', 'delete', NETNS);
  removeCache();
});

const at = (address: string): string[] => [
  '--host', `root@${address}:${sshd.port}`, '--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile,
  '--identity', sshd.identityFile,
]; // prettier-ignore

const target = (program: string, choices: Record<string, string>): string[] =>
  Object.entries(choices).flatMap(([key, value]) => ['--target', `${program}:${key}=${value}`]);

/** A run with everything attached. */
async function attached(address: string, netns?: string): Promise<RunningCli> {
  const pid = String(neighbour.pid);
  const args = [
    'attach', FIXTURE, ...at(address), '--json', '--output', 'none', '--pin', `rs_cpus=${CPUS}`,
    ...target('rs_uprobe', { binary: '/bin/true', offset: '0x1000' }),
    ...target('rs_perf_event', { event: 'cpu-clock', freq: '1' }),
    ...target('rs_xdp', { iface: 'rskillx' }),
    ...target('rs_tc', { iface: 'rskillx' }),
    ...target('rs_cgroup', { cgroup }),
    ...target('rs_cpumap', { map: 'rs_cpus:0' }),
    ...target('rs_socket', { pid, fd: sockets[0]! }),
    ...target('rs_reuseport', { pid, fd: sockets[1]! }),
  ]; // prettier-ignore
  const options = { env: { RINGSIDE_LEASE_MS: String(LEASE_MS) } };
  const cli = startCli(args, netns === undefined ? options : { ...options, netns });
  const end = performance.now() + 30_000;
  // Operations come last.
  while (!readFileSync(CONTROLS, 'utf8').includes('rs_leftover')) {
    if (performance.now() > end || cli.child.exitCode !== null) throw new Error(JSON.stringify(await cli.done));
    await sleep(20);
  }
  const there = programs();
  expect(kinds.filter((kind) => kind !== 'pin' && !there.has(KINDS[kind]))).toEqual([]);
  expect([existsSync(BY_NAME), entryOf(CPUS)]).toEqual([true, there.get('rs_cpumap')]);
  return cli;
}

/** Id of the program in the first entry of a pinned CPU map; undefined without an entry. */
function entryOf(path: string): number | undefined {
  const text = sh(`bpftool -j map lookup pinned ${path} key 0 0 0 0 2>/dev/null || true`);
  const value = /"value":\[([^\]]*)\]/
    .exec(text)?.[1]
    ?.split(',')
    .map((byte) => Number(JSON.parse(byte)));
  return value && Buffer.from(value).readUInt32LE(4);
}

/** Seconds from now until each kind is gone. */
async function untilClean(ids: Map<string, number>): Promise<Record<Kind, number>> {
  const begin = performance.now();
  const seconds: Partial<Record<Kind, number>> = {};
  while (kinds.some((kind) => seconds[kind] === undefined) && performance.now() - begin < LEASE_MS + 10_000) {
    const now = new Set((JSON.parse(sh('bpftool -j prog list')) as { id: number }[]).map((one) => one.id));
    const left = (kind: Kind): boolean => {
      if (kind === 'pin') return existsSync(BY_NAME);
      // Its programs go a moment later, when no CPU can be in them any more; that is what `settled` waits for below.
      if (kind === 'struct_ops') return readFileSync(CONTROLS, 'utf8').includes('rs_leftover');
      return now.has(ids.get(KINDS[kind])!);
    };
    const passed = (performance.now() - begin) / 1000;
    for (const kind of kinds) if (seconds[kind] === undefined && !left(kind)) seconds[kind] = passed;
    await sleep(15);
  }
  return Object.fromEntries(kinds.map((kind) => [kind, seconds[kind] ?? Infinity])) as Record<Kind, number>;
}

interface Fault {
  name: string;
  strike: (cli: RunningCli) => unknown;
  /** Undoes it, once all is measured. */
  heal?: (cli: RunningCli) => unknown;
  halfOpen?: true;
}

const signal = (pids: number[], name: NodeJS.Signals): void => {
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, name);
};

const FAULTS: Fault[] = [
  { name: 'kill -9 worker', strike: () => signal(agents(), 'SIGKILL') },
  { name: 'kill -9 supervisor', strike: () => signal(supervisors(), 'SIGKILL') },
  { name: 'kill -9 both', strike: () => signal([...supervisors(), ...agents()], 'SIGKILL') },
  { name: "kill -9 sshd's child", strike: () => sshd.dropConnections() },
  { name: 'kill -9 client', strike: (cli) => cli.child.kill('SIGKILL') },
  { name: 'SIGSTOP worker', strike: () => signal(agents(), 'SIGSTOP') },
  { name: 'SIGSTOP supervisor', strike: () => signal(supervisors(), 'SIGSTOP') },
  {
    name: 'SIGSTOP client',
    strike: (cli) => cli.child.kill('SIGSTOP'),
    heal: (cli) => cli.child.kill('SIGCONT'),
  },
  {
    name: 'half-open TCP',
    halfOpen: true,
    // What either side sends is lost: nobody hears of the other's end.
    strike: () => link('-n', NETNS, 'link', 'set', 'rskill1', 'down'),
    heal: (cli) => {
      cli.child.kill('SIGKILL');
      link('-n', NETNS, 'link', 'set', 'rskill1', 'up');
    },
  },
];

function table(): string {
  const names = ['fault \\ kind (s)', ...kinds];
  const cells = rows.map(([name, seconds]) => [name, ...kinds.map((kind) => seconds[kind].toFixed(2))]);
  const widths = names.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: string[]): string => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ');
  return [line(names), ...cells.map(line)].join('\n');
}

describe('nothing is left', () => {
  it.each(FAULTS)(
    '$name',
    async ({ name, strike, heal, halfOpen }) => {
      const bpf = bpfState();
      const host = hostState();
      const cli = await attached(halfOpen ? HOST_ADDRESS : '127.0.0.1', halfOpen ? NETNS : undefined);
      const ids = programs();
      strike(cli);
      const seconds = await untilClean(ids);
      rows.push([name, seconds]);
      heal?.(cli);
      expect(Object.entries(seconds).filter(([, s]) => s > LEASE_MS / 1000)).toEqual([]);
      await expect.poll(() => [...agents(), ...supervisors()], { timeout: LEASE_MS + 5_000 }).toEqual([]);
      await cli.done;
      expect(await settled(bpf, 5_000)).toEqual(nothing);
      await expect.poll(hostState, { timeout: 5_000 }).toEqual(host);
      expect([entryOf(CPUS), newSince(bpf)]).toEqual([undefined, nothing]);
    },
    60_000,
  );

  it('no row is above the lease', () => {
    console.log(`\n${table()}\nlease: ${(LEASE_MS / 1000).toFixed(2)} s\n`);
    expect(rows.map(([name]) => name)).toEqual(FAULTS.map(({ name }) => name));
  });
});
