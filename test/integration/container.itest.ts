/** An unprivileged container: BPF by a token that is delegated to it, and what is said where there is none. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agents } from './support/agents.ts';
import { cliRun, removeCache, root } from './support/cli.ts';

const fixtures = join(root, 'test', 'fixtures');
const RAW_TRACEPOINT = join(fixtures, 'programs', 'container.bpf.c');
const TRACEPOINT = 'bpf-snippets/execsnoop/execsnoop.bpf.c';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-container-'));
  const source = join(fixtures, 'container', 'container.c');
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(folder, 'container'), source]);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  removeCache();
});

/** The command in a container of its own. */
const inside = (kind: 'token' | 'plain', args: string[]) =>
  cliRun([...args, '--json'], { through: [join(folder, 'container'), kind] });
const attach = (kind: 'token' | 'plain', file: string) =>
  inside(kind, ['attach', file, '--host', 'local', '--count', '3', '--duration', '20']);
const privilege = async (kind: 'token' | 'plain') => {
  const { json } = await inside(kind, ['doctor', 'local']);
  return (json[0].checks as { id: string }[]).find(({ id }) => id === 'privilege');
};

describe('in a container to which BPF is delegated', () => {
  it('what the token allows is attached and delivers; prints that cannot be told apart are a note', async () => {
    const run = await attach('token', RAW_TRACEPOINT);
    expect(run.code).toBe(0);
    expect(run.json.find((line) => line.type === 'note')).toMatchObject({
      about: 'bpf_printk',
      text: expect.stringMatching(/^Not shown: .* cannot be told from others'/),
    });
    expect(run.json.filter((line) => line.type === 'event')).toHaveLength(3);
    expect(agents()).toEqual([]);
  });

  it('what needs perf events is refused with the reason', async () => {
    const run = await attach('token', TRACEPOINT);
    expect(run.code).toBe(4);
    const { error } = run.json.at(-1);
    expect(error).toMatchObject({
      code: 'no-permission',
      message: expect.stringContaining('BPF token of /sys/fs/bpf'),
    });
    expect(error.remedy).toContain('raw_tp');
  });

  it('the doctor names the token', async () => {
    expect(await privilege('token')).toMatchObject({ status: 'warn', detail: expect.stringContaining('/sys/fs/bpf') });
  });
});

describe('in a container without a token', () => {
  it('nothing is attached, and the way to one is named', async () => {
    const run = await attach('plain', RAW_TRACEPOINT);
    expect(run.code).toBe(4);
    const { error } = run.json.at(-1);
    expect(error).toMatchObject({ code: 'no-permission', message: expect.stringContaining('user namespace') });
    expect(error.remedy).toContain('delegate_cmds');
    expect(await privilege('plain')).toMatchObject({
      status: 'fail',
      remedy: expect.stringContaining('delegate_cmds=any'),
    });
  });
});
