/** A run has an agent for itself; one more answers the questions about the host. */
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../core/src/model/index.ts';
import { createEngine, type EngineOptions } from '../../core/src/runs/engine.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { defaultSshOptions } from '../../core/src/ssh/options.ts';
import { startSshd, type SshdOptions, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { root } from './support/cli.ts';
import { plainSpec } from './support/engine.ts';
import { answering, nobody } from './ssh-fixtures.ts';

const PROGRAM = join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c');
const folder = mkdtempSync(join(tmpdir(), 'ringside-agents-'));
const before = bpfState();
const engines: Engine[] = [];
const servers: TestSshd[] = [];

afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.dispose()));
  await Promise.all(servers.splice(0).map((sshd) => sshd.stop()));
  expect(await settled(before, 5_000)).toEqual(nothing);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newEngine(more: Partial<EngineOptions> = {}): Engine {
  const engine = createEngine({
    resourceDir: join(root, 'dist'),
    cacheDir: join(folder, 'cache'),
    compilerPath: '',
    ssh: defaultSshOptions,
    prompter: nobody,
    ...more,
  });
  engines.push(engine);
  return engine;
}

async function serve(options: SshdOptions): Promise<TestSshd> {
  const sshd = await startSshd(options);
  servers.push(sshd);
  return sshd;
}

/** Pids of the agents below a process; workers and confined children are counted with the agent that started them. */
function agentsOf(pids: readonly number[]): number[] {
  const found = pids.filter((pid) => nameOf(pid).startsWith('ringside-agent'));
  return found.filter((pid) => !found.includes(parentOf(pid)));
}
const statOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
};
const nameOf = (pid: number): string => statOf(pid).replace(/^[^(]*\(/, '');
const parentOf = (pid: number): number =>
  Number(
    statOf(pid)
      .replace(/^.*\) \S /s, '')
      .split(' ')[0],
  );

const attach = (engine: Engine, host: string): Promise<RunSummary> =>
  engine.attach({ ...plainSpec, file: PROGRAM, hosts: [host], emitEvents: false });

describe('over ssh', () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());
  const options = (): Partial<EngineOptions> => ({ ssh: { ...defaultSshOptions, configFile: sshd.configFile } });
  const running = (): number[] => agentsOf(sshd.processes());

  it('the first run takes the agent that was started for the connection; each other has one of its own', async () => {
    const engine = newEngine(options());
    await engine.connect(sshd.alias);
    expect(running()).toHaveLength(1);
    const first = await attach(engine, sshd.alias);
    expect(running()).toHaveLength(1);
    const second = await attach(engine, sshd.alias);
    expect(running()).toHaveLength(2);
    expect((await engine.programs(sshd.alias)).length).toBeGreaterThan(0);
    expect(running()).toHaveLength(3);
    expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(1);

    await engine.detach(first.id);
    await expect.poll(running).toHaveLength(2);
    expect((await engine.hostStates())[0]).toMatchObject({ state: 'ready' });
    expect((await engine.runs()).map((r) => r.state)).toEqual(['ended', 'running']);
    await engine.detach(second.id);
    await engine.disconnect(sshd.alias);
    await expect.poll(running).toEqual([]);
    expect((await engine.hostStates())[0]).toMatchObject({ state: 'disconnected', error: null });
  });

  it('a run whose agent is killed ends alone', async () => {
    const engine = newEngine(options());
    const first = await attach(engine, sshd.alias);
    const [pid] = running();
    const second = await attach(engine, sshd.alias);
    process.kill(pid!, 'SIGKILL');
    await expect
      .poll(async () => (await engine.runs()).map((r) => r.state), { timeout: 5_000 })
      .toEqual(['ended', 'running']);
    const [ended] = await engine.runs();
    expect(ended).toMatchObject({ id: first.id, endReason: expect.stringMatching(/agent|host-lost/) });
    expect((await engine.hostStates())[0]).toMatchObject({ state: 'ready', error: null });
    expect((await engine.detach(second.id)).error).toBeNull();
  });

  it('all runs end with the connection, and the host is lost once', async () => {
    const engine = newEngine(options());
    const states: string[] = [];
    engine.on('host', ({ state }) => states.push(state));
    await attach(engine, sshd.alias);
    await attach(engine, sshd.alias);
    sshd.dropConnections();
    await expect.poll(async () => (await engine.runs()).map((r) => r.endReason)).toEqual(['host-lost', 'host-lost']);
    expect(states.filter((s) => s === 'lost')).toHaveLength(1);
    await attach(engine, sshd.alias);
    expect(states.at(-1)).toBe('ready');
    expect(states).toContain('reconnecting');
  });

  it('a source that does not build costs no agent', async () => {
    const file = join(folder, 'broken.bpf.c');
    writeFileSync(file, 'int broken(void) { return missing; }\n');
    const engine = newEngine(options());
    await engine.connect(sshd.alias);
    const [pid] = running();
    const failed = engine.attach({ ...plainSpec, file, hosts: [sshd.alias], emitEvents: false });
    await expect(failed).rejects.toMatchObject({ code: 'build-failed' });
    await attach(engine, sshd.alias);
    expect(running()).toEqual([pid]);
  });

  it('with a reserve, the next run finds its agent started', async () => {
    const engine = newEngine({ ...options(), keepSpare: true });
    await attach(engine, sshd.alias);
    await expect.poll(running, { timeout: 5_000 }).toHaveLength(2);
    const started = running();
    await attach(engine, sshd.alias);
    expect(running().filter((pid) => !started.includes(pid))).toEqual([]);
    await expect.poll(running, { timeout: 5_000 }).toHaveLength(3);
  });

  it('ephemeral agents leave nothing, however many there were', async () => {
    const engine = newEngine({ ssh: { ...defaultSshOptions, configFile: sshd.configFile, ephemeral: true } });
    const runs = [await attach(engine, sshd.alias), await attach(engine, sshd.alias)];
    const folders = running().map((pid) => readlinkSync(`/proc/${pid}/exe`).replace(/\/ringside-agent.*$/, ''));
    expect(new Set(folders).size).toBe(2);
    await Promise.all(runs.map((run) => engine.detach(run.id)));
    await engine.dispose();
    for (const path of folders) expect(existsSync(path)).toBe(false);
  });
});

describe('where the server allows few sessions', () => {
  it('a further connection carries the next run, and goes with it', async () => {
    const sshd = await serve({ config: ['MaxSessions 2'] });
    const logins = (): number => sshd.log().match(/Accepted publickey/g)?.length ?? 0;
    const engine = newEngine({ ssh: { ...defaultSshOptions, configFile: sshd.configFile } });
    const runs = [await attach(engine, sshd.alias), await attach(engine, sshd.alias)];
    expect(logins()).toBe(1);
    const third = await attach(engine, sshd.alias);
    expect(logins()).toBe(2);
    const sessions = sshd.sessions().length;
    await engine.detach(third.id);
    await expect.poll(() => sshd.sessions().length).toBeLessThan(sessions);
    // The server has a place again when the agent has gone, which is later than its run.
    const running = (): number => agentsOf(sshd.processes()).length;
    const full = running();
    await engine.detach(runs[0]!.id);
    await expect.poll(running).toBeLessThan(full);
    await attach(engine, sshd.alias);
    expect(logins()).toBe(2);
  });

  it('one that allows none says so', async () => {
    const sshd = await serve({ config: ['MaxSessions 0'] });
    const engine = newEngine({ ssh: { ...defaultSshOptions, configFile: sshd.configFile } });
    await expect(engine.connect(sshd.alias)).rejects.toMatchObject({
      code: 'ssh-sessions',
      remedy: expect.stringContaining('MaxSessions'),
    });
  });
});

it("sudo's password and the login's are asked for once a connection", async () => {
  const users = [{ name: 'rs-once', sudo: 'password' as const, password: 'correct horse' }];
  const sshd = await serve({ users, auth: ['password'], config: ['MaxSessions 2'] });
  const prompter = answering({ secrets: ['correct horse', 'correct horse'] });
  const engine = newEngine({ prompter, ssh: { ...defaultSshOptions, configFile: sshd.configFile } });
  const host = sshd.aliasOf('rs-once');
  for (let i = 0; i < 3; i++) await attach(engine, host);
  expect(prompter.secrets.map((s) => s.kind)).toEqual(['password', 'sudo']);
  await engine.disconnect(host);
  await expect(engine.connect(host)).rejects.toMatchObject({ code: 'auth-failed' });
  expect(prompter.secrets.length).toBeGreaterThan(2);
});
