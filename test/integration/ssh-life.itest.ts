/** The life of connections: lost and found again, dead without a word, many at once. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { machine, release, tmpdir } from 'node:os';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { HostState, MapLook, MapRowsPage, MapTarget } from '../../core/src/model/index.ts';
import type { Prompter } from '../../core/src/prompt.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { createEngine, type EngineOptions } from '../../core/src/runs/engine.ts';
import { defaultSshOptions } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { cliRun, removeCache, root } from './support/cli.ts';
import { plainSpec } from './support/engine.ts';
import { answering, nobody } from './ssh-fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-life-'));
const engines: Engine[] = [];
let sshd: TestSshd;
beforeAll(async () => {
  sshd = await startSshd({ auth: ['publickey', 'password'], users: [{ name: 'rs-life', password: 'once typed' }] });
  writeFileSync(sshd.knownHostsFile, readFileSync(sshd.knownHostsFile, 'utf8').replace(/^\[.*?\]:\d+/m, 'wired'));
});
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.dispose()));
});
afterAll(async () => {
  await sshd.stop();
  removeCache();
  rmSync(folder, { recursive: true, force: true });
});

const quick = { firstMs: 100, mostMs: 400, giveUpMs: 60_000 };

function newEngine(configFile: string, more: Partial<EngineOptions> = {}): { engine: Engine; states: HostState[] } {
  const engine = createEngine({
    ...{ resourceDir: join(root, 'dist'), cacheDir: join(folder, 'cache'), compilerPath: '', prompter: nobody },
    ...{ ssh: { ...defaultSshOptions, configFile }, reconnect: quick },
    ...more,
  });
  engines.push(engine);
  const states: HostState[] = [];
  engine.on('host', (state) => states.push(state));
  return { engine, states };
}

async function until(holds: () => boolean, what: string, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A network between client and sshd that can be cut, with or without a word. */
interface Wire {
  port: number;
  /** Connections end, and none is taken. */
  cut(): void;
  /** Nothing comes through any more, and nobody is told. */
  freeze(): void;
  mend(): Promise<void>;
  close(): void;
}

async function wire(): Promise<Wire> {
  const sockets = new Set<Socket>();
  const serve = (): Server =>
    createServer((near) => {
      const far = connect(sshd.port, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => [near, far].forEach((each) => each.destroy()));
      }
      near.pipe(far).pipe(near);
    });
  let server = serve();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port,
    cut,
    freeze: () => sockets.forEach((socket) => socket.unpipe().pause()),
    mend: () => {
      server = serve();
      return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    },
    close: cut,
  };
}

function through(port: number, user = 'root', more = ''): string {
  const file = join(folder, `config_${port}_${user}`);
  const text = readFileSync(sshd.configFile, 'utf8').replace(/^ {2}Port .*/gm, `  Port ${port}\n  HostKeyAlias wired`);
  writeFileSync(file, `${more}${text}`);
  return file;
}

it('a host that was lost comes back by itself when the network does', async () => {
  const net = await wire();
  try {
    const { engine, states } = newEngine(through(net.port));
    await engine.connect(sshd.alias);
    net.cut();
    await until(() => states.at(-1)?.state === 'lost', 'lost');
    await until(() => states.filter(({ state }) => state === 'reconnecting').length >= 2, 'two attempts');
    expect(states.at(-1)?.error?.code).not.toBe('auth-failed');
    await net.mend();
    await until(() => states.at(-1)?.state === 'ready', 'ready again');
    expect(states.at(-1)?.error).toBeNull();
    expect((await engine.programs(sshd.alias)).length).toBeGreaterThanOrEqual(0);
    // What was disconnected on purpose stays so.
    await engine.disconnect(sshd.alias);
    const count = states.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(states.slice(count)).toEqual([]);
  } finally {
    net.close();
  }
});

it('maps that are looked at are old while their host is away, keep what they held, and are read again after it', async () => {
  const net = await wire();
  const pin = `/sys/fs/bpf/ringside-life-${process.pid}`;
  const bpftool = (...args: string[]) => execFileSync('bpftool', ['map', ...args]);
  const put = (value: number) =>
    bpftool('update', 'pinned', pin, 'key', '1', '0', '0', '0', 'value', `${value}`, '0', '0', '0');
  // It has no types: its values are bytes.
  bpftool('create', pin, ...'type hash key 4 value 4 entries 8 name stays'.split(' '));
  try {
    put(1);
    const { engine, states } = newEngine(through(net.port));
    const file = join(root, 'test/fixtures/programs/recorded.bpf.c');
    const set = { only_pid: String(process.pid) };
    const run = await engine.attach({ ...plainSpec, file, hosts: [sshd.alias], set });
    const ppid = (): number => process.ppid;
    for (let i = 0; i < 10; i++) ppid();
    const ofRun = await engine.openMapsView({ kind: 'run', runId: run.id });
    const ofHost = await engine.openMapsView({ kind: 'host', host: sshd.alias });
    const list = (view: number) => engine.askMapsView(view, { ask: 'list' });
    const targetOf = async (view: number, name: string): Promise<MapTarget> => {
      const { host, id } = (await list(view)).maps.find((map) => map.name === name)!;
      return { host, id };
    };
    const sort = { column: '', descending: false };
    const look: MapLook = { where: '', sort, split: false, rateOf: '', paused: false };
    /** Asks as a panel does, until the page is as wanted. */
    const shown = (view: number, target: MapTarget, wanted: (page: MapRowsPage) => boolean) =>
      vi.waitUntil(
        async () => {
          await list(view);
          const page = await engine.askMapsView(view, { ask: 'rows', target, look, first: 0, count: 5 });
          return wanted(page) && page;
        },
        { timeout: 20_000, interval: 50 },
      );
    const [perPid, stays] = [await targetOf(ofRun, 'per_pid'), await targetOf(ofHost, 'stays')];
    const holds = (value: string) => (page: MapRowsPage) => page.trouble === null && page.rows[0]?.cells[1] === value;
    await shown(ofRun, perPid, holds('10'));
    await shown(ofHost, stays, holds('01000000'));

    net.cut();
    for (const [view, target, value] of [
      [ofRun, perPid, '10'],
      [ofHost, stays, '01000000'],
    ] as const) {
      const old = await shown(view, target, ({ trouble }) => trouble?.kind === 'away');
      expect(old.rows[0]!.cells[1]).toBe(value);
      expect(old.readAt).not.toBeNull();
      const listing = await list(view);
      expect(listing.maps.length).toBeGreaterThan(0);
      expect(listing.maps.map((map) => map.changesPerSecond)).toEqual(listing.maps.map(() => null));
      expect(listing.restartable).toBeUndefined();
    }
    expect((await list(ofRun)).note).toContain('The run is over');
    expect((await list(ofHost)).away).toMatchObject([{ host: sshd.alias }]);

    put(2);
    await net.mend();
    await until(() => states.at(-1)?.state === 'ready', 'ready again');
    await shown(ofHost, stays, holds('02000000'));
    // The run's maps went with its connection: what they held stays, and it can be started again.
    expect(await list(ofRun)).toMatchObject({ restartable: true });
    await shown(ofRun, perPid, ({ trouble, rows }) => trouble?.kind === 'away' && rows[0]?.cells[1] === '10');
  } finally {
    net.close();
    rmSync(pin, { force: true });
  }
});

it('a host that asks for a password is not tried again by itself after it was asked for in vain', async () => {
  const net = await wire();
  try {
    const prompter: Prompter = answering({ secrets: ['once typed', 'once typed'] });
    const file = through(net.port, 'rs-life', 'Host *\n  IdentityFile none\n  PubkeyAuthentication no\n');
    const ssh = { ...defaultSshOptions, configFile: file, sudo: 'never' as const };
    const { engine, states } = newEngine(file, { prompter, ssh });
    const host = sshd.aliasOf('rs-life');
    await engine.connect(host);
    const logins = (): number => sshd.log().split('userauth-request for user rs-life').length;
    net.cut();
    await until(() => states.at(-1)?.state === 'lost', 'lost');
    await net.mend();
    await until(() => states.at(-1)?.error?.code === 'auth-failed', 'one attempt that nobody could answer');
    const before = logins();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(logins()).toBe(before);
    // A person who asks for it is asked.
    expect((await engine.connect(host)).state).toBe('ready');
  } finally {
    net.close();
  }
});

it('a connection that is dead without a word is noticed within 45 s', async () => {
  const net = await wire();
  try {
    const { engine, states } = newEngine(through(net.port));
    await engine.connect(sshd.alias);
    net.freeze();
    const begin = performance.now();
    await until(() => states.at(-1)?.state === 'lost', 'noticed', 50_000);
    expect(performance.now() - begin).toBeLessThan(45_500);
  } finally {
    net.close();
  }
}, 70_000);

it('twenty hosts are ready together', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
  const file = join(folder, 'many');
  const text = readFileSync(sshd.configFile, 'utf8').replace(/^Host ringside-test$/m, `Host ${names.join(' ')}`);
  const plain = text.replace(/^ {2}Port .*/gm, `  Port ${sshd.port}\n  HostKeyAlias wired`);
  writeFileSync(file, plain);
  const { engine } = newEngine(file);
  // The first one installs the agent if it is not there.
  await engine.connect(names[0]!);
  const begin = performance.now();
  const states = await Promise.all(names.map((name) => engine.connect(name)));
  const seconds = (performance.now() - begin) / 1000;
  console.log(`20 hosts ready in ${seconds.toFixed(1)} s`);
  expect(states.every(({ state }) => state === 'ready')).toBe(true);
  expect(seconds).toBeLessThan(60);
});

it.each(['ssh2', 'openssh'])('doctor through a jump host (%s)', async (way) => {
  const file = join(folder, `jump_${way}`);
  const direct = readFileSync(sshd.configFile, 'utf8').replace(
    /^ {2}Port .*/gm,
    `  Port ${sshd.port}\n  HostKeyAlias wired`,
  );
  const jumped = direct
    .replaceAll('Host ringside-test', 'Host behind')
    .replace('Host behind', 'Host behind\n  ProxyJump ringside-test');
  writeFileSync(file, `${jumped.split('\n\n')[0] ?? ''}\n\n${direct}`);
  const { code, json, stderr } = await cliRun(['doctor', 'behind', '--json', '--ssh-config', file, '--transport', way]);
  expect(stderr).toBe('');
  const [report] = json;
  expect([0, 4]).toContain(code);
  expect(report.host).toMatchObject({ name: 'behind', kernel: release(), arch: machine(), uid: 0 });
  for (const check of report.checks) if (check.status === 'fail') expect(check.remedy).not.toBe('');
});
