/** The main job over every way to a host: typed events, an account that adds up, nothing left behind. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StreamLedger } from '../../core/src/model/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, startCli, type CliResult } from './support/cli.ts';
import { addsUp, eventMs, type Line } from './support/lines.ts';

const EXECSNOOP = 'bpf-snippets/execsnoop/execsnoop.bpf.c';
let before: ReturnType<typeof bpfState>;
let commands: ReturnType<typeof setInterval>;

beforeEach(() => {
  before = bpfState();
  commands = setInterval(() => spawnSync('/bin/true', ['ringside-test']), 50);
});
afterEach(async () => {
  clearInterval(commands);
  expect(await settled(before, 5_000)).toEqual(nothing);
});
afterAll(removeCache);

function expectEvents(result: CliResult, count: number, host: string): void {
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  const events = result.json.filter((l: Line) => l.type === 'event');
  expect(events).toHaveLength(count);
  for (const event of events) {
    expect(event).toMatchObject({
      host,
      stream: 'events',
      fields: { comm: expect.any(String), pid: expect.any(Number), ppid: expect.any(Number) },
    });
    expect(Math.abs(eventMs(event as { time: string }) - Date.now())).toBeLessThan(60_000);
  }
  expect(events.some((e: Line) => JSON.stringify(e.fields).includes('/bin/true'))).toBe(true);
  const attached = result.json.filter((l: Line) => l.type === 'attached');
  expect(attached.length).toBeGreaterThan(0);
  const end = result.json.at(-1);
  expect(end).toMatchObject({ type: 'end', reason: 'count' });
  const streams = end.ledger.streams as StreamLedger[];
  expect(streams.every((s) => addsUp(s) && s.shown === count)).toBe(true);
  expect((end.programs as Line[]).every((p: Line) => p.runs > 0 && p.nanosPerRun > 0)).toBe(true);
  expect(end.agent.rssBytes).toBeGreaterThan(500_000);
}

describe('on this machine', () => {
  it('gives typed exec events and an account that adds up', async () => {
    const result = await cliRun(['attach', EXECSNOOP, '--host', 'local', '--count', '5', '--json']);
    expectEvents(result, 5, 'local');
  });

  it('shows only rows that pass --where; what the agent leaves out is counted as filtered', async () => {
    const others = setInterval(() => spawnSync('/bin/sleep', ['0']), 50);
    const result = await cliRun([
      'attach',
      EXECSNOOP,
      '--host',
      'local',
      '--count',
      '3',
      '--json',
      '--where',
      'comm == "true"',
    ]);
    clearInterval(others);
    expect(result.code).toBe(0);
    const events = result.json.filter((l: Line) => l.type === 'event');
    expect(events.map((e: Line) => e.fields.comm as string)).toEqual(['true', 'true', 'true']);
    const [stream] = result.json.at(-1).ledger.streams as StreamLedger[];
    expect(stream).toMatchObject({ shown: 3 });
    expect(stream!.filtered).toBeGreaterThan(0);
    expect(addsUp(stream!)).toBe(true);
  });

  it('tells whether programs have streams of their own, as the kernel does', async () => {
    const { json } = await cliRun(['doctor', 'local', '--json']);
    const there = / bpf_prog_stream_read$/m.test(readFileSync('/proc/kallsyms', 'utf8'));
    expect(json[0].features.other.prog_stream).toEqual({ ok: there, reason: there ? '' : expect.stringMatching(/./) });
    expect(json[0].checks).toContainEqual(
      expect.objectContaining({ id: 'prog-stream', status: there ? 'ok' : 'warn', title: 'BPF streams' }),
    );
  });

  it('names the known fields when a filter names an unknown one, before anything is attached', async () => {
    const result = await cliRun(['attach', EXECSNOOP, '--host', 'local', '--json', '--where', 'pdi == 1']);
    expect(result.code).toBe(2);
    expect(result.json).toHaveLength(1);
    expect(result.json[0].error).toMatchObject({ code: 'unknown-field', remedy: expect.stringContaining('pid') });
  });

  it('detaches on Ctrl+C and ends with 130', async () => {
    const cli = startCli(['attach', EXECSNOOP, '--host', 'local', '--json']);
    await cli.waitFor((l: Line) => l.type === 'event');
    cli.child.kill('SIGINT');
    const result = await cli.done;
    expect(result.code).toBe(130);
    expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'interrupt' });
  });

  it('stops by itself after --duration', async () => {
    const result = await cliRun(['attach', EXECSNOOP, '--host', 'local', '--json', '--duration', '1']);
    expect(result.code).toBe(0);
    expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'duration' });
    expect(result.json.at(-1).seconds).toBeGreaterThan(0.9);
  });

  it('ends in order when --count is reached while programs are still being attached', async () => {
    const program = 'test/fixtures/programs/many_programs.bpf.c';
    let early = false;
    for (let tries = 0; tries < 5 && !early; tries++) {
      const result = await cliRun(['attach', program, '--host', 'local', '--json', '--count', '1']);
      expect(result.code).toBe(0);
      const attached = result.json.findLastIndex((l: Line) => l.type === 'attached');
      const first = result.json.findIndex((l: Line) => l.type === 'event');
      expect(first).toBeGreaterThan(-1);
      expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'count' });
      early = first < attached; // whether its record was here first is the machine's choice
    }
    expect(early).toBe(true); // else nothing was tested
  });

  it('dumps maps on request', async () => {
    const result = await cliRun([
      'attach',
      'bpf-snippets/syscount/syscount.bpf.c',
      '--host',
      'local',
      '--json',
      '--duration',
      '2',
      '--maps',
      '1',
    ]);
    expect(result.code).toBe(0);
    const maps = result.json.filter((l: Line) => l.type === 'map');
    expect(maps.length).toBeGreaterThan(0);
    expect(maps.at(-1).entries.length).toBeGreaterThan(0);
  });

  it('ends in order when the reader of its output goes away', async () => {
    const cli = startCli(['attach', EXECSNOOP, '--host', 'local', '--json']);
    await cli.waitFor((l: Line) => l.type === 'event');
    cli.child.stdout!.destroy();
    expect((await cli.done).code).toBe(130);
  });
});

describe('over ssh', () => {
  let sshd: TestSshd;
  let target: (user: string) => string[];

  beforeAll(async () => {
    sshd = await startSshd({
      auth: ['publickey', 'password'],
      users: [
        { name: 'rs-free', sudo: 'nopasswd' },
        { name: 'rs-asks', sudo: 'password', password: 'correct horse' },
        { name: 'rs-none', sudo: 'none', password: 'battery staple' },
      ],
    });
    target = (user) => [
      '--host', `${user}@127.0.0.1:${sshd.port}`, '--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile,
      '--identity', sshd.identityFile,
    ]; // prettier-ignore
  });
  afterAll(() => sshd.stop());

  it('as root', async () => {
    const result = await cliRun(['attach', EXECSNOOP, ...target('root'), '--count', '5', '--json']);
    expectEvents(result, 5, `root@127.0.0.1:${sshd.port}`);
  });

  it('as a user with sudo', async () => {
    const result = await cliRun(['attach', EXECSNOOP, ...target('rs-free'), '--count', '5', '--json']);
    expectEvents(result, 5, `rs-free@127.0.0.1:${sshd.port}`);
  });

  it('as a user whose sudo asks for a password, given on stdin', async () => {
    const args = ['attach', EXECSNOOP, ...target('rs-asks'), '--count', '5', '--json', '--password-stdin'];
    const result = await cliRun(args, { input: 'correct horse\n' });
    expectEvents(result, 5, `rs-asks@127.0.0.1:${sshd.port}`);
  });

  it('with a wrong sudo password: exit 4', async () => {
    const args = ['attach', EXECSNOOP, ...target('rs-asks'), '--json', '--password-stdin'];
    const result = await cliRun(args, { input: 'wrong\n' });
    expect(result.code).toBe(4);
    expect(result.json.at(-1).error.code).toBe('sudo-password-wrong');
  });

  it('with no sudo right: exit 4 and the line that would allow it', async () => {
    // sudo asks before it says that the user may not: without a password there is nothing more to know.
    const args = ['attach', EXECSNOOP, ...target('rs-none'), '--json'];
    const unasked = await cliRun(args);
    expect(unasked.code).toBe(4);
    expect(unasked.json.at(-1).error.code).toBe('sudo-password-needed');
    const result = await cliRun([...args, '--password-stdin'], { input: 'battery staple\n' });
    expect(result.code).toBe(4);
    expect(result.json.at(-1).error).toMatchObject({ code: 'sudo-denied', remedy: expect.stringContaining('rs-none') });
  });

  it('with an unknown host key and nobody to ask: exit 3', async () => {
    const unknown = target('root').map((a) => (a === sshd.knownHostsFile ? `${sshd.folder}/empty-known-hosts` : a));
    const result = await cliRun(['attach', EXECSNOOP, ...unknown, '--json']);
    expect(result.code).toBe(3);
    expect(result.json.at(-1).error).toMatchObject({
      code: 'host-key-unknown',
      message: expect.stringContaining(sshd.fingerprint()),
    });
  });

  it('over several hosts in one run', async () => {
    const hosts = `root@127.0.0.1:${sshd.port},local`;
    const args = target('root').map((a) => (a.startsWith('root@') ? hosts : a));
    const result = await cliRun(['attach', EXECSNOOP, ...args, '--count', '20', '--json']);
    expect(result.code).toBe(0);
    const seen = new Set(result.json.filter((l: Line) => l.type === 'event').map((e: Line) => e.host as string));
    expect([...seen].sort()).toEqual(['local', `root@127.0.0.1:${sshd.port}`]);
  });

  it('with a changed host key: exit 3 before any password was sent', async () => {
    await sshd.replaceHostKey();
    const before = sshd.log().length;
    const result = await cliRun(['attach', EXECSNOOP, ...target('rs-asks'), '--json', '--password-stdin'], {
      input: 'correct horse\n',
    });
    expect(result.code).toBe(3);
    expect(result.json.at(-1).error).toMatchObject({
      code: 'host-key-mismatch',
      links: [expect.stringContaining(`${sshd.knownHostsFile}:1`)],
    });
    expect(sshd.log().slice(before)).not.toMatch(/userauth-request|Accepted|Failed password/i);
  });
});
