/** A run that is kept goes on without the command, over a real sshd: found again, gone on with, ended, removed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, newSince, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root, startCli } from './support/cli.ts';
import type { Line } from './support/lines.ts';

const EXEC = join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c');
/** execsnoop has one program, and prints nothing. */
const LINKS = 1;
const KEPT = '/run/ringside/kept';
let sshd: TestSshd;
let before: ReturnType<typeof bpfState>;

const common = (): string[] => [
  '--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile, '--identity', sshd.identityFile, '--json',
]; // prettier-ignore
const host = (): string => `root@127.0.0.1:${sshd.port}`;

beforeAll(async () => {
  sshd = await startSshd();
  await cliRun(['build', EXEC]);
});
afterAll(async () => {
  await sshd.stop();
  removeCache();
});
beforeEach(() => {
  before = bpfState();
});

/** Attaches, keeps, and leaves: gives the run's name on the host and the last line. */
async function kept(time: string): Promise<{ run: string; end: Line }> {
  const cli = startCli(['attach', EXEC, '--host', host(), '--keep', time, ...common()]);
  const until = performance.now() + 30_000;
  while (newSince(before).links.length < LINKS) {
    if (performance.now() > until || cli.child.exitCode !== null) throw new Error((await cli.done).stdout);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  cli.child.kill('SIGINT');
  const { code, json } = await cli.done;
  expect(code).toBe(130);
  const end = json.at(-1)!;
  expect(end).toMatchObject({ type: 'end', reason: 'interrupt', kept: [{ host: host() }] });
  return { run: end.kept[0].run, end };
}

it('goes on after Ctrl+C, is listed, is gone on with from elsewhere with what came meanwhile, and is ended', async () => {
  const { run } = await kept('10m');
  expect(newSince(before).links).toHaveLength(LINKS);
  spawnSync('/bin/true', ['ringside-kept-meanwhile']);

  const listed = await cliRun(['runs', host(), ...common()]);
  expect(listed.json[0]).toMatchObject([{ run, name: 'execsnoop', host: host() }]);
  const status = await cliRun(['agent', 'status', host(), ...common()]);
  expect(status.json[0].kept).toMatchObject([{ run, name: 'execsnoop' }]);

  const adopted = startCli(['adopt', host(), run, '--where', 'filename == "/bin/true"', '--count', '2', ...common()]);
  const again = setInterval(() => spawnSync('/bin/true', ['ringside-kept-now']), 200);
  const { code, json } = await adopted.done;
  clearInterval(again);
  expect(code).toBe(0);
  const events = json.filter((line: Line) => line.type === 'event');
  expect(events).toHaveLength(2);
  expect(events[0].fields.args).toContain('ringside-kept-meanwhile');
  expect(events[1].fields.args).toContain('ringside-kept-now');
  expect(json.at(-1)).toMatchObject({ type: 'end', reason: 'count', kept: [{ run }] });
  expect(newSince(before).links).toHaveLength(LINKS);

  const ended = await cliRun(['end', host(), run, ...common()]);
  expect(ended.json[0]).toEqual({ host: host(), run, ended: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
  expect(existsSync(join(KEPT, run))).toBe(false);
  const gone = await cliRun(['adopt', host(), run, ...common()]);
  expect([gone.code, gone.json.at(-1)!.error.code]).toEqual([4, 'run-not-kept']);
});

it('ends when its time is over, though nobody is there', async () => {
  const { run } = await kept('3s');
  expect(await settled(before, 10_000)).toEqual(nothing);
  expect(existsSync(join(KEPT, run))).toBe(false);
});

it('is left by a command on this machine, which ends', async () => {
  const left = await cliRun(['attach', EXEC, '--host', 'local', '--keep', '10m', '--duration', '1', '--json']);
  const end = left.json.at(-1)!;
  expect([left.code, end]).toMatchObject([0, { type: 'end', reason: 'duration', kept: [{ host: 'local' }] }]);
  expect(newSince(before).links).toHaveLength(LINKS);
  await cliRun(['end', 'local', String(end.kept[0].run), '--json']);
  expect(await settled(before, 5_000)).toEqual(nothing);
});

it('outlives a killed connection, and `agent remove` ends it and leaves nothing', async () => {
  const cli = startCli(['attach', EXEC, '--host', host(), '--keep', '10m', ...common()]);
  await expect.poll(() => newSince(before).links.length, { timeout: 30_000 }).toBe(LINKS);
  await new Promise((resolve) => setTimeout(resolve, 500));
  sshd.dropConnections();
  const end = (await cli.done).json.find((line: Line) => line.type === 'end');
  expect(end).toMatchObject({ reason: 'host-lost', kept: [{ host: host() }] });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(newSince(before).links).toHaveLength(LINKS);
  await cliRun(['agent', 'remove', host(), ...common()]);
  expect(await settled(before, 5_000)).toEqual(nothing);
  expect(existsSync(KEPT)).toBe(false);
});

it.each([
  [['--keep', 'long'], 2, 'takes a time like'],
  [['--keep', '90d'], 2, '30 days at most'],
  [['--keep', '1h', '--ephemeral'], 2, '--ephemeral'],
])('refuses %j and leaves nothing attached', async (options, code, message) => {
  const result = await cliRun(['attach', EXEC, '--host', host(), ...options, ...common()]);
  expect(result.code).toBe(code);
  expect(result.json.at(-1)!.error.message).toContain(message);
  expect(await settled(before, 5_000)).toEqual(nothing);
});
