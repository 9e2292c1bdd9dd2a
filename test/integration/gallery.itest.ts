/** Every program of the gallery, attached to this machine, shows what really happened. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import type { FieldValue, RunEvent } from '../../core/src/model/index.ts';
import type { CreatedProgram } from '../../core/src/gallery.ts';
import { ledgerFault } from '../../core/src/events/index.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, startCli, type RunningCli } from './support/cli.ts';

let before: ReturnType<typeof bpfState>;
let folder: string;
beforeEach(() => {
  before = bpfState();
  folder = mkdtempSync(join(tmpdir(), 'ringside-gallery-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});
afterAll(removeCache);

type Fields = Record<string, FieldValue>;
type MapLine = Extract<RunEvent, { type: 'map' }>;
type Entry = MapLine['entries'][number];

/** Attaches a program of the gallery and waits until it is attached. */
async function attached(name: string, ...options: string[]): Promise<RunningCli> {
  const file = `bpf-snippets/${name}/${name}.bpf.c`;
  const run = startCli(['attach', file, '--host', 'local', '--json', ...options]);
  await run.waitFor((line: RunEvent) => line.type === 'attached');
  return run;
}

/** Ends a run and checks that it ended well with an account that adds up; gives its lines. */
async function finished(run: RunningCli): Promise<RunEvent[]> {
  run.child.kill('SIGINT');
  const { json, stderr } = await run.done;
  const lines = json as RunEvent[];
  const end = lines.at(-1);
  if (end?.type !== 'end') throw new Error(`The run did not end in order: ${stderr}`);
  expect(end.ledger.streams.map((stream) => stream.lostKernel)).not.toContain(null);
  expect(end.ledger.streams.map(ledgerFault).filter((fault) => fault !== null)).toEqual([]);
  expect(end.programs.filter((program) => program.runs === 0)).toEqual([]);
  return lines;
}

/** Waits for an event that passes. */
async function event(run: RunningCli, passes: (fields: Fields) => boolean = () => true): Promise<Fields> {
  const isOne = (line: RunEvent): boolean => line.type === 'event' && passes(line.fields);
  return ((await run.waitFor(isOne)) as Extract<RunEvent, { type: 'event' }>).fields;
}

const fieldsOf = (lines: RunEvent[]): Fields[] => lines.flatMap((line) => (line.type === 'event' ? [line.fields] : []));

it('execsnoop: process, parent, file and all arguments', async () => {
  const run = await attached('execsnoop', '--where', 'args ~ "ringside-gallery one"');
  const { pid } = spawnSync('/bin/echo', ['ringside-gallery', 'one', 'two words']);
  const fields = await event(run);
  await finished(run);
  expect(fields).toMatchObject({
    pid,
    ppid: process.pid,
    uid: process.getuid!(),
    comm: 'echo',
    filename: '/bin/echo',
    args: '/bin/echo ringside-gallery one two words',
  });
});

it('exitsnoop: exit code, signal and duration', async () => {
  const run = await attached('exitsnoop', '--set', 'only_failed=true');
  const code = spawnSync('/bin/sh', ['-c', 'sleep 0.2; exit 42']).pid;
  const killed = spawnSync('/bin/sh', ['-c', 'kill -9 $$']).pid;
  await event(run, (fields) => fields.pid === killed);
  const events = fieldsOf(await finished(run));
  const first = events.find((fields) => fields.pid === code);
  expect(first).toMatchObject({ ppid: process.pid, exit_code: 42, signal: 0, core_dumped: false, comm: 'sh' });
  expect(first!.duration_ns).toBeGreaterThan(200_000_000);
  expect(events.find((fields) => fields.pid === killed)).toMatchObject({ exit_code: 0, signal: 9 });
  expect(events.every((fields) => fields.exit_code !== 0 || fields.signal !== 0)).toBe(true);
});

it('opensnoop: file, result and latency', async () => {
  const missing = join(folder, 'missing');
  const run = await attached('opensnoop', '--where', `filename == "${missing}" && ret == -ENOENT`);
  const { pid } = spawnSync('/bin/cat', [missing]);
  const fields = await event(run);
  await finished(run);
  expect(fields).toMatchObject({ pid, comm: 'cat', filename: missing, ret: -2 });
  expect(fields.latency_ns).toBeGreaterThan(0);
  expect(fields.latency_ns).toBeLessThan(1_000_000_000);
});

function listening(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve({ server, port: (server.address() as AddressInfo).port }));
  });
}

function connected(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });
}

it('tcpconnect: addresses of both versions, ports, and how it went', async () => {
  const { server, port } = await listening('127.0.0.1');
  const closed = await listening('::1');
  await new Promise((resolve) => closed.server.close(resolve));
  const run = await attached('tcpconnect', '--where', `dport == ${port} || dport == ${closed.port}`);
  expect(await connected('127.0.0.1', port)).toBe(true);
  expect(await connected('::1', closed.port)).toBe(false);
  await event(run, (fields) => fields.dport === closed.port);
  server.close();
  const events = fieldsOf(await finished(run));
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({
    pid: process.pid,
    version: 'IPV4',
    outcome: 'CONNECTED',
    daddr: { v4: '127.0.0.1' },
  });
  expect(events[1]).toMatchObject({ pid: process.pid, version: 'IPV6', outcome: 'FAILED', daddr: { v6: '::1' } });
  expect(events[0]!.sport).toBeGreaterThan(1023);
});

/** The newest dump of a map that has what is looked for. */
async function mapDump(run: RunningCli, map: string, has: (entries: Entry[]) => boolean): Promise<Entry[]> {
  const isOne = (line: RunEvent): boolean => line.type === 'map' && line.map === map && has(line.entries);
  return ((await run.waitFor(isOne)) as MapLine).entries;
}

it('syscount: calls of a process', async () => {
  const run = await attached('syscount', '--maps', '0.5');
  // dd makes a read and a write for each of its blocks.
  const { pid } = spawnSync('/bin/dd', ['if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=5000', 'status=none']);
  const entries = await mapDump(run, 'processes', (list) => list.some((entry) => entry.key === pid));
  await finished(run);
  const value = entries.find((entry) => entry.key === pid)!.value as unknown as { calls: number; comm: string };
  // The name is that of the first call, which may come before dd is started.
  expect(value.comm).not.toBe('');
  expect(value.calls).toBeGreaterThan(10_000);
  expect(value.calls).toBeLessThan(12_000);
});

it('openlat: every call in a slot of the histogram', async () => {
  const run = await attached('openlat', '--maps', '0.5');
  for (let i = 0; i < 20; i++) spawnSync('/bin/cat', [join(folder, 'missing')]);
  const total = (list: Entry[]): number => list.reduce((sum, entry) => sum + (entry.value as number), 0);
  const entries = await mapDump(run, 'latency_ns', (list) => total(list) >= 40);
  await finished(run);
  expect(entries.map((entry) => entry.key as number)).toEqual(Array.from({ length: 36 }, (_, slot) => slot));
  // Nothing takes less than 16 ns or more than a minute.
  expect(total(entries.slice(0, 4)) + total(entries.slice(35))).toBe(0);
});

it('cpuprofile: samples of a busy process with its stack', async () => {
  const run = await attached('cpuprofile', '--target', 'freq=99', '--where', 'comm == "dd"');
  const { pid } = spawnSync('/bin/dd', ['if=/dev/zero', 'of=/dev/null', 'bs=1M', 'count=20000', 'status=none']);
  await event(run, (fields) => fields.pid === pid);
  const samples = fieldsOf(await finished(run));
  expect(samples.every((sample) => sample.comm === 'dd')).toBe(true);
  const sample = samples.find((candidate) => Number(candidate.kernel_frames) > 0)!;
  const stack = (sample.kernel_stack as string[]).map(BigInt);
  expect(stack).toHaveLength(64);
  expect(stack.slice(Number(sample.kernel_frames)).every((address) => address === 0n)).toBe(true);
  // Addresses of the kernel lie in the upper half.
  expect(stack[0]! >> 63n).toBe(1n);
});

interface Traffic {
  packets: number;
  bytes: number;
}
interface Counted {
  perCpu: Traffic[];
  sum: Traffic;
}

it('xdpcount: packets and bytes per protocol, summed over CPUs', async () => {
  const { server, port } = await listening('127.0.0.1');
  const run = await attached('xdpcount', '--target', 'iface=lo', '--maps', '0.5');
  for (let i = 0; i < 10; i++) await connected('127.0.0.1', port);
  const tcp = (list: Entry[]): Counted | undefined =>
    list.find((entry) => entry.key === 6)?.value as unknown as Counted | undefined;
  const entries = await mapDump(run, 'protocols', (list) => (tcp(list)?.sum.packets ?? 0) >= 30);
  server.close();
  await finished(run);
  const { perCpu, sum } = tcp(entries)!;
  expect(sum.packets).toBe(perCpu.reduce((total, cpu) => total + cpu.packets, 0));
  // An Ethernet, an IP and a TCP header at least.
  expect(sum.bytes).toBeGreaterThanOrEqual(sum.packets * 54);
});

it('asks for the interface that XDP needs', async () => {
  const result = await cliRun(['attach', 'bpf-snippets/xdpcount/xdpcount.bpf.c', '--host', 'local', '--json']);
  expect(result.code).toBe(2);
  expect(result.json.at(-1)).toMatchObject({
    error: { code: 'target-needed', remedy: expect.stringMatching(/\blo\b/) as string },
  });
});

it('a program made by `ringside new` builds and attaches', async () => {
  const made = await cliRun(['new', 'execsnoop', join(folder, 'mine'), '--json']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const { source } = JSON.parse(made.stdout) as CreatedProgram;
  const noise = setInterval(() => spawnSync('/bin/true'), 50);
  const result = await cliRun(['attach', source, '--host', 'local', '--json', '--count', '1'], { cwd: folder });
  clearInterval(noise);
  expect(result).toMatchObject({ code: 0 });
  expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'count' });
});
