/** What bpftool says of programs, maps and links equals what the agent says; maps are read and written through the CLI. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LinkItem, MapItem, ProgramCode, ProgramItem } from '../../core/src/model/index.ts';
import { cliRun, removeCache, startCli, type RunningCli } from './support/cli.ts';
import type { Line } from './support/lines.ts';

const tool = (name: string): string => {
  const found = ['/usr/sbin', '/usr/bin', '/sbin', '/usr/local/sbin'].map((dir) => join(dir, name)).find(existsSync);
  if (!found) throw new Error(`${name} is missing: npm run setup installs it`);
  return found;
};
const run = (name: string, ...args: string[]): string => execFileSync(tool(name), args, { encoding: 'utf8' });
const bpftool = (...args: string[]): Line => JSON.parse(run('bpftool', '-j', ...args));

const BPFFS = '/sys/fs/bpf';
const PINS = join(BPFFS, `ringside-test-${process.pid}`);
const IFACE = `rs-inv-${process.pid % 10_000}`;
let folder: string;
let mounted = false;
let attached: RunningCli | undefined;

const cgroup2 = (): string =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find((fields) => fields[2] === 'cgroup2')![1]!;

async function build(file: string): Promise<string> {
  const object = join(folder, `${file.replaceAll('/', '-')}.o`);
  const built = await cliRun(['build', file, '-o', object, '--json']);
  expect(built.stdout).toContain('"ok":true');
  return object;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-inventory-'));
  if (!readFileSync('/proc/mounts', 'utf8').includes(` ${BPFFS} bpf `)) {
    run('mount', '-t', 'bpf', 'bpf', BPFFS);
    mounted = true;
  }
  mkdirSync(PINS);
  const object = await build('test/fixtures/programs/inventory.bpf.c');
  run('bpftool', 'prog', 'loadall', object, PINS, 'pinmaps', PINS);
  run('ip', 'link', 'add', IFACE, 'type', 'veth', 'peer', 'name', `${IFACE}p`);
  run('bpftool', 'net', 'attach', 'xdpgeneric', 'pinned', join(PINS, 'ringside_test_xdp'), 'dev', IFACE);
  run('tc', 'qdisc', 'add', 'dev', IFACE, 'clsact');
  const pin = join(PINS, 'ringside_test_classifier');
  run('tc', 'filter', 'add', 'dev', IFACE, 'egress', 'prio', '7', 'handle', '3', 'bpf', 'da', 'object-pinned', pin);
  // Links of several kinds, held by a Ringside agent.
  const targets = ['count_packets:iface=lo', `on_egress:cgroup=${cgroup2()}`, 'sample:freq=1'];
  const programs = ['count_packets', 'on_syscall', 'on_egress', 'on_lookup', 'sample'];
  attached = startCli([
    ...['attach', 'host-agent/tests/objects/kinds.bpf.c', '--host', 'local', '--json'],
    ...targets.flatMap((target) => ['--target', target]),
    ...programs.flatMap((name) => ['--program', name]),
  ]);
  await attached.waitFor((line: Line) => line.type === 'attached' && line.program === 'count_packets');
});

afterAll(async () => {
  attached?.child.kill('SIGINT');
  await attached?.done;
  if (existsSync(`/sys/class/net/${IFACE}`)) run('ip', 'link', 'delete', IFACE);
  rmSync(PINS, { recursive: true, force: true });
  if (mounted) run('umount', BPFFS);
  rmSync(folder, { recursive: true, force: true });
  removeCache();
});

interface Lists {
  programs: ProgramItem[];
  maps: MapItem[];
  links: LinkItem[];
}

async function list<C extends keyof Lists>(command: C): Promise<Lists[C]> {
  const result = await cliRun([command, 'local', '--json']);
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as Lists[C];
}

/** Others load and unload meanwhile: only what bpftool shows before and after is compared. */
async function compared<C extends keyof Lists>(
  kind: string,
  command: C,
  compare: (theirs: Line, ours: Lists[C][number]) => void,
): Promise<void> {
  const before = bpftool(kind, 'show') as Line[];
  const ours: Lists[C][number][] = await list(command);
  const after = new Set((bpftool(kind, 'show') as Line[]).map((one: Line) => one.id as number));
  const stayed = before.filter((one: Line) => after.has(one.id as number));
  expect(stayed.length).toBeGreaterThan(2);
  for (const { id } of stayed) {
    const own = ours.find((one) => one.id === id);
    expect(own, `${kind} ${id}`).toBeDefined();
    // One by one: this bpftool's list shows the BTF of the map before for a map that has none.
    compare(bpftool(kind, 'show', 'id', String(id)), own!);
  }
}

it('the code of a program is what bpftool dumps, and its machine code too', async () => {
  const [ours] = (await list('programs')).filter((program) => program.name === 'ringside_test_xdp');
  const id = String(ours!.id);
  const { stdout, code } = await cliRun(['programs', 'local', id, '--json']);
  expect(code).toBe(0);
  const shown = JSON.parse(stdout) as ProgramCode;
  const lines = shown.functions.flatMap((fn) => fn.lines);
  // bpftool writes names of maps otherwise than by their ids, and says so less.
  const plain = (text: string): string => text.replace(/^(\(18\) r\d+ = ).*/, '$1…').replace(/#.*/, '');
  const dumped = [...run('bpftool', 'prog', 'dump', 'xlated', 'id', id).matchAll(/^ *(\d+): (\([0-9a-f]{2}\) .*)$/gm)];
  expect(lines.flatMap((line) => line.xlated.map(({ index, text }) => `${index}: ${plain(text)}`))).toEqual(
    dumped.map(([, index, text]) => `${index!}: ${plain(text!)}`),
  );
  expect(dumped.length).toBeGreaterThan(2);
  expect(lines.reduce((sum, line) => sum + (line.jited?.bytes.length ?? 0) / 2, 0)).toBe(shown.jitedBytes);
  expect(shown).toMatchObject({ xlatedBytes: ours!.instructionBytes, jitedBytes: ours!.jitedBytes, xlatedUnknown: '' });
  expect((await cliRun(['programs', 'local', '4294967295', '--xlated'])).code).toBe(2);
});

it('programs are what bpftool says', async () => {
  await compared('prog', 'programs', (theirs, ours) => {
    expect({
      type: ours.type,
      name: ours.name,
      tag: ours.tag,
      gpl: ours.gpl,
      uid: ours.uid,
      xlated: ours.instructionBytes ?? 0,
      jited: ours.jitedBytes ?? 0,
      memory: ours.memoryBytes,
      maps: ours.mapIds,
      btf: ours.btfId ?? undefined,
    }).toEqual({
      type: theirs.type,
      name: theirs.name ?? '',
      tag: theirs.tag,
      gpl: theirs.gpl_compatible,
      uid: theirs.uid ?? 0,
      xlated: theirs.bytes_xlated,
      jited: theirs.bytes_jited ?? 0,
      memory: theirs.bytes_memlock,
      maps: theirs.map_ids ?? [],
      btf: theirs.btf_id,
    });
    expect(Math.abs(Number(BigInt(ours.loadedAt) / 1_000_000_000n) - (theirs.loaded_at as number))).toBeLessThan(3);
  });
});

it('maps are what bpftool says', async () => {
  await compared('map', 'maps', (theirs, ours) => {
    expect({
      type: ours.type,
      name: ours.name,
      flags: ours.flags,
      key: ours.keySize,
      value: ours.valueSize,
      entries: ours.maxEntries,
      frozen: Number(ours.frozen),
      btf: ours.btfId ?? undefined,
    }).toEqual({
      type: theirs.type,
      name: theirs.name ?? '',
      flags: theirs.flags,
      key: theirs.bytes_key,
      value: theirs.bytes_value,
      entries: theirs.max_entries,
      frozen: theirs.frozen ?? 0,
      btf: theirs.btf_id,
    });
  });
});

it('links are what bpftool says, with more words', async () => {
  const kinds = new Set<string>();
  await compared('link', 'links', (theirs, ours) => {
    kinds.add(ours.kind);
    // bpftool of this distribution has no name for the newest kinds.
    if (theirs.type !== undefined && !/^\d+$|^type/.test(String(theirs.type))) expect(ours.kind).toBe(theirs.type);
    expect(ours.program?.id).toBe(theirs.prog_id);
    if (theirs.tp_name !== undefined) expect(ours.target).toBe(theirs.tp_name);
    for (const detail of ['cgroup_id', 'netns_ino', 'target_name'])
      if (theirs[detail] !== undefined) expect(ours.details[detail]).toBe(String(theirs[detail]));
  });
  for (const kind of ['xdp', 'raw_tracepoint', 'cgroup', 'netns', 'perf_event']) expect([...kinds]).toContain(kind);
});

it("knows which are Ringside's, whose the rest is, and the targets in words", async () => {
  const links = await list('links');
  const of = (program: string) => links.find((link) => link.program?.name === program)!;
  expect(of('count_packets')).toMatchObject({ kind: 'xdp', target: 'lo', ringside: true });
  expect(of('on_syscall')).toMatchObject({ target: 'sys_enter', ringside: true });
  expect(of('on_egress')).toMatchObject({ target: cgroup2(), attachType: 'cgroup_inet_egress' });
  expect(of('on_egress').details['cgroup_id']).toBe(String(statSync(cgroup2()).ino));
  expect(of('on_lookup').target).toBe('this network namespace');
  expect(of('count_packets').owners!.every((owner) => owner.command.startsWith('ringside-agent'))).toBe(true);
  const programs = await list('programs');
  const pinned = programs.find((program) => program.name === 'ringside_test_xdp')!;
  expect(pinned).toMatchObject({ ringside: false, owners: [], pins: [join(PINS, 'ringside_test_xdp')] });
  const running = programs.find((program) => program.name === 'on_syscall')!;
  expect(Number(running.runs)).toBeGreaterThan(0);
  expect(running.nanosPerRun).toBeGreaterThan(0);
});

it('shows what interfaces carry without a link', async () => {
  const result = await cliRun(['links', 'local', '--json']);
  const own = (result.json[0] as LinkItem[]).filter((link) => link.target.startsWith(`${IFACE} `));
  expect(own.map((link) => [link.id, link.kind, link.program?.name, link.target])).toEqual([
    [null, 'xdp', 'ringside_test_xdp', `${IFACE} generic`],
    [null, 'tc', 'ringside_test_classifier', `${IFACE} egress`],
  ]);
  expect(own[1]!.details).toMatchObject({ handle: '0x3', priority: '7', direction: 'egress' });
});

const map = (...args: string[]) => cliRun(['map', ...args, '--json']);
const KEY = '{"addr":"10.0.0.7","port":443}';
const VALUE = '{"packets":18446744073709551615,"last_error":-110,"state":"HALF_OPEN","name":"web"}';

it('sets, gets, lists and deletes typed entries as bpftool sees them', async () => {
  const pin = join(PINS, 'endpoints');
  const expected = {
    key: { addr: '10.0.0.7', port: 443 },
    value: { packets: '18446744073709551615', last_error: -110, state: 'HALF_OPEN', name: 'web' },
  };
  expect((await map('set', 'local', 'endpoints', KEY, VALUE)).json[0]).toEqual(expected);
  expect((await map('get', 'local', pin, KEY)).json[0]).toEqual(expected);
  const theirs = bpftool('map', 'dump', 'pinned', pin)[0].formatted;
  expect(theirs.value).toMatchObject({ last_error: -110, state: 'HALF_OPEN' });
  expect(theirs.key.port).toBe(443);
  const dump = await cliRun(['maps', 'local', pin, '--json']);
  expect(dump.json.map((line: Line) => line.type as string)).toEqual(['map', 'entry', 'end']);
  expect(dump.json[1]).toEqual({ type: 'entry', ...expected });
  expect(dump.json[2]).toMatchObject({ entries: 1, restarted: false });
  const again = await map('set', 'local', pin, KEY, VALUE, '--mode', 'new');
  expect([again.code, again.json[0].error.code]).toEqual([1, 'key-exists']);
  expect((await map('delete', 'local', pin, KEY)).json[0]).toEqual({ deleted: true });
  const gone = await map('get', 'local', pin, KEY);
  expect([gone.code, gone.json[0].error.code]).toEqual([1, 'no-such-key']);
});

it('says what is wrong with a value, a name, a map', async () => {
  const wrong = await map('set', 'local', 'endpoints', KEY, '{"packets":-1,"last_error":0,"state":0,"name":""}');
  expect([wrong.code, wrong.json[0].error.code]).toEqual([2, 'bad-value']);
  expect(wrong.json[0].error.message).toContain('value.packets');
  const missing = await map('get', 'local', 'no_such_map', '1');
  expect([missing.code, missing.json[0].error.code]).toEqual([2, 'unknown-map']);
  expect(missing.json[0].error.remedy).toContain('endpoints');
  const keys = await map('get', 'local', 'waiting', '1');
  expect([keys.code, keys.json[0].error.code]).toEqual([2, 'usage']);
});

it('splits and sums per-CPU values, and takes one for all', async () => {
  const pin = join(PINS, 'per_cpu');
  await map('set', 'local', pin, '1', '5');
  const { value } = (await map('get', 'local', pin, '1')).json[0] as { value: { perCpu: number[]; sum: number } };
  expect(value.perCpu.every((one) => one === 5)).toBe(true);
  expect(value.sum).toBe(5 * value.perCpu.length);
  const each = JSON.stringify({ perCpu: value.perCpu.map((_, cpu) => cpu) });
  await map('set', 'local', pin, '1', each);
  const theirs = bpftool('map', 'dump', 'pinned', pin)[1].formatted.values as { cpu: number; value: number }[];
  expect(theirs.map((one) => one.value)).toEqual(value.perCpu.map((_, cpu) => cpu));
});

it('pushes to a queue, looks at its front and takes it', async () => {
  const pin = join(PINS, 'waiting');
  for (const value of ['1', '2']) await map('set', 'local', pin, value);
  expect((await map('get', 'local', pin)).json[0]).toEqual({ value: 1 });
  expect((await map('delete', 'local', pin)).json[0]).toEqual({ value: 1 });
  expect((await map('get', 'local', pin)).json[0]).toEqual({ value: 2 });
});

it('watches: the whole map first, then what is different', async () => {
  const pin = join(PINS, 'endpoints');
  const watching = startCli(['map', 'watch', 'local', pin, '--interval', '0.2', '--json']);
  await watching.waitFor((line: Line) => line.type === 'changes' && line.entries === 0);
  await map('set', 'local', pin, KEY, VALUE);
  const set = await watching.waitFor((line: Line) => line.changed?.length === 1);
  expect(set.changed[0].value.state).toBe('HALF_OPEN');
  await map('delete', 'local', pin, KEY);
  const deleted = await watching.waitFor((line: Line) => line.deleted?.length === 1);
  expect(deleted.deleted[0]).toEqual({ addr: '10.0.0.7', port: 443 });
  watching.child.kill('SIGINT');
  expect((await watching.done).code).toBe(130);
});

it('takes away what others have attached or pinned, when it is said so', async () => {
  const before = bpftool('net', 'show', 'dev', IFACE);
  const asked = await cliRun(['detach', 'local', `${IFACE}:xdp`, '--json']);
  expect([asked.code, asked.json[0].error.code]).toEqual([4, 'guard-confirmation-needed']);
  expect(asked.json[0].error.message).toContain('ringside_test_xdp');
  expect(bpftool('net', 'show', 'dev', IFACE)).toEqual(before);
  const detach = async (name: string) => await cliRun(['detach', 'local', name, '--yes', '--json']);
  for (const place of [`${IFACE}:xdp`, `${IFACE}:tc:egress`]) {
    expect((await detach(place)).json[0].taken).toMatchObject({ kind: 'hook' });
    const again = await detach(place);
    expect([again.code, again.json[0].error.code]).toEqual([1, 'not-there']);
  }
  expect(bpftool('net', 'show', 'dev', IFACE)[0]).toMatchObject({ xdp: [], tc: [] });
  const pin = join(PINS, 'ringside_test_classifier');
  expect((await detach(pin)).json[0].taken).toMatchObject({ kind: 'pin', of: 'program' });
  expect(existsSync(pin)).toBe(false);
  // What Ringside has attached ends with its run.
  const links = (await cliRun(['links', 'local', '--json'])).json[0] as LinkItem[];
  const ours = links.find((link) => link.ringside && link.id !== null)!;
  const refused = await detach(String(ours.id));
  expect([refused.code, refused.json[0].error.code]).toEqual([2, 'bad-value']);
});
