/**
 * What a host asks about before it attaches something, over a real sshd on loopback: the command with and without a
 * confirmation in advance, and the engine with somebody who answers. The programs only could do harm.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { GuardQuestion, Prompter } from '../../core/src/prompt.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { createEngine } from '../../core/src/runs/engine.ts';
import { defaultSshOptions } from '../../core/src/ssh/options.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root } from './support/cli.ts';
import { plainSpec } from './support/engine.ts';
import { failure, nobody } from './ssh-fixtures.ts';

const PROGRAM = join(root, 'test', 'fixtures', 'programs', 'cutting.bpf.c');
const ON_LOOPBACK = [{ program: '', key: 'iface', value: 'lo' }];
const before = bpfState();
const folder = mkdtempSync(join(tmpdir(), 'ringside-guards-'));
let sshd: TestSshd;

beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
  removeCache();
  rmSync(folder, { recursive: true, force: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});

const hasXdp = (): boolean => execFileSync('ip', ['-details', 'link', 'show', 'dev', 'lo']).includes('prog/xdp');

describe('the command', () => {
  const attach = (...more: string[]) =>
    cliRun(['attach', PROGRAM, '--host', sshd.alias, '--ssh-config', sshd.configFile, '--duration', '2', ...more]);

  it('without a terminal and a confirmation: exit 4, every finding on a line, nothing attached', async () => {
    const result = await attach(
      '--program',
      'xdp_rarely',
      '--program',
      'signalling',
      '--target',
      'xdp_rarely:iface=lo',
    );
    expect(result.code).toBe(4);
    expect(result.stderr).toContain('This needs your confirmation: [guard-confirmation-needed]');
    expect(result.stderr).toMatch(
      /^ {2}ssh-interface \(may cut the connection\): xdp_rarely on lo can cut your ssh connection from 127\.0\.0\.1: it can return XDP_DROP/m,
    );
    expect(result.stderr).toMatch(/^ {2}send-signal: signalling calls bpf_send_signal: /m);
    expect(result.stderr).toContain('--confirm ssh-interface,send-signal');
    expect(hasXdp()).toBe(false);
  });

  it('--json has the findings as data', async () => {
    const result = await attach('--program', 'signalling', '--json');
    expect(result.code).toBe(4);
    expect(result.json.at(-1).error).toMatchObject({
      code: 'guard-confirmation-needed',
      findings: [{ rule: 'send-signal', program: 'signalling', cutting: false }],
    });
  });

  it('--confirm says it in advance; what may cut the connection is committed over it, and stays', async () => {
    const rules = ['--confirm', 'ssh-interface', '--confirm', 'send-signal,lsm-deny'];
    const result = await attach('--program', 'xdp_rarely', '--program', 'signalling', '--target', 'xdp_rarely:iface=lo', '--json', ...rules); // prettier-ignore
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    const attached = (result.json as { type: string; program: string }[])
      .filter((l) => l.type === 'attached')
      .map((l) => l.program);
    expect(attached.sort()).toEqual(['signalling', 'xdp_rarely']);
    expect(result.json.at(-1)).toMatchObject({ type: 'end', reason: 'duration' });
  });

  it('a rule that does not exist is wrong use', async () => {
    const result = await attach('--confirm', 'everything', '--json');
    expect(result.code).toBe(2);
    expect(result.json.at(-1).error.remedy).toContain('ssh-interface');
  });

  it('without an ssh connection the same program on the same interface is not asked about', async () => {
    const args = ['attach', PROGRAM, '--host', 'local', '--duration', '1', '--json', '--program', 'xdp_rarely'];
    const env = { SSH_CONNECTION: '', RINGSIDE_SSH_CONNECTION: '' };
    const result = await cliRun([...args, '--target', 'iface=lo'], { env });
    expect(result.code).toBe(0);
  });
});

describe('somebody who answers', () => {
  let engine: Engine | undefined;
  const asked: GuardQuestion[] = [];
  const person = (answer: (question: GuardQuestion) => boolean): Prompter => ({
    ...nobody,
    confirmGuard: (question) => {
      asked.push(question);
      return Promise.resolve(answer(question));
    },
  });
  afterEach(async () => {
    asked.length = 0;
    await engine?.dispose();
  });
  const attach = (prompter: Prompter) => {
    engine = createEngine({
      resourceDir: join(root, 'dist'),
      cacheDir: join(folder, 'cache'),
      compilerPath: '',
      ssh: { ...defaultSshOptions, configFile: sshd.configFile },
      prompter,
    });
    return engine.attach({
      ...plainSpec,
      file: PROGRAM,
      hosts: [sshd.alias],
      programs: ['xdp_rarely'],
      targets: ON_LOOPBACK,
    });
  };

  it('is asked before and after, and keeps it with two times yes', async () => {
    const run = await attach(person(() => true));
    expect(asked.map((q) => [q.kind, q.findings.map((f) => f.rule), q.withinMs])).toEqual([
      ['attach', ['ssh-interface'], undefined],
      ['keep', ['ssh-interface'], 25_000],
    ]);
    expect(hasXdp()).toBe(true);
    expect((await engine!.redeploy(run.id, {})).state).toBe('running');
    expect(asked.map((q) => q.kind)).toEqual(['attach', 'keep', 'attach', 'keep']);
    await engine!.detach(run.id);
    expect(hasXdp()).toBe(false);
  });

  it('is obeyed with a no before', async () => {
    const error = await failure(attach(person(() => false)));
    expect(error.code).toBe('guard-confirmation-needed');
    expect(asked).toHaveLength(1);
    expect(hasXdp()).toBe(false);
  });

  it('is obeyed with a no after', async () => {
    const error = await failure(attach(person((question) => question.kind === 'attach')));
    expect(error.code).toBe('guard-rolled-back');
    expect(error.message).toContain('xdp_rarely was to be detached again, and is');
    expect(hasXdp()).toBe(false);
  });

  it('ends the run with a no after a redeploy, and nothing of either version stays', async () => {
    let times = 0;
    const run = await attach(person(() => ++times < 4));
    const error = await failure(engine!.redeploy(run.id, {}));
    expect(error.code).toBe('guard-rolled-back');
    await expect.poll(async () => (await engine!.runs())[0]?.state).toBe('ended');
    expect((await engine!.runs())[0]).toMatchObject({ endReason: 'agent', error: { code: 'guard-rolled-back' } });
    expect(hasXdp()).toBe(false);
  });
});
