/** A host whose root lets only some objects run, through the command: `/etc` of its own, which only the command sees. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root } from './support/cli.ts';

const EXEC = join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c');
const OPEN = join(root, 'bpf-snippets', 'opensnoop', 'opensnoop.bpf.c');
const folder = mkdtempSync(join(tmpdir(), 'ringside-allowed-'));
const etc = join(folder, 'etc');
const ringside = join(etc, 'ringside');
const object = join(folder, 'execsnoop.bpf.o');
const before = bpfState();

const mounted = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc && exec "$@"', etc];
const onHost = (...args: string[]) => cliRun([...args, '--json'], { through: mounted });
const attach = (file: string) => onHost('attach', file, '--host', 'local', '--duration', '1', '--output', 'none');
const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

const put = (name: string, text: string): void => writeFileSync(join(ringside, name), text, { mode: 0o644 });

/** What ssh-keygen makes of the list with the key of that name. */
function sign(key: string, list: string): string {
  const file = join(folder, 'list');
  writeFileSync(file, list);
  rmSync(`${file}.sig`, { force: true });
  execFileSync('ssh-keygen', ['-Y', 'sign', '-q', '-n', 'ringside-objects', '-f', join(folder, key), file], {
    stdio: 'ignore',
  });
  return readFileSync(`${file}.sig`, 'utf8');
}

beforeAll(async () => {
  execFileSync('cp', ['-a', '/etc', etc]);
  for (const key of ['ops', 'eve']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', join(folder, key)]);
  }
  const built = await cliRun(['build', EXEC, '--host', 'local', '-o', object, '--json']);
  expect(built.code).toBe(0);
  expect((built.json[0] as { sha256: string }).sha256).toBe(hashOf(object));
});
beforeEach(() => {
  rmSync(ringside, { recursive: true, force: true });
  mkdirSync(ringside, { mode: 0o755 });
});
afterAll(async () => {
  removeCache();
  rmSync(folder, { recursive: true, force: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});

async function checks(): Promise<{ id: string; status: string; detail: string }[]> {
  const { json } = await onHost('doctor', 'local');
  return (json[0] as { checks: { id: string; status: string; detail: string }[] }).checks;
}

it('runs what a signed list names, by the hash of its file, and refuses everything else', async () => {
  const inspected = await cliRun(['inspect', object, '--json']);
  expect(inspected.json[0]).toMatchObject({ sha256: hashOf(object) });
  const list = `${hashOf(object)}  execsnoop.bpf.o\n`;
  put('allowed-objects', list);
  put('allowed-objects.sig', sign('ops', list));
  put('allowed-signers', `ops@example.com ${readFileSync(join(folder, 'ops.pub'), 'utf8')}`);
  expect(await checks()).toContainEqual(
    expect.objectContaining({
      id: 'allowed-objects',
      status: 'ok',
      detail: '1 object, on a list signed by ops@example.com',
    }),
  );

  const allowed = await attach(object);
  expect([allowed.code, allowed.stderr]).toEqual([0, '']);
  expect((allowed.json as { type: string }[]).at(-1)).toMatchObject({ type: 'end', reason: 'duration' });
  expect((await onHost('verify', object, '--host', 'local')).code).toBe(0);

  for (const result of [await attach(OPEN), await onHost('verify', OPEN, '--host', 'local')]) {
    expect(result.code).toBe(4);
    const { error } = result.json.at(-1) as { error: { code: string; message: string; remedy: string } };
    expect(error.code).toBe('object-not-allowed');
    expect(error.message).toMatch(/opensnoop \(SHA-256 [0-9a-f]{64}\).*allowed-objects, signed by ops@example\.com\.$/);
    expect(error.remedy).toContain('ringside inspect');
  }
});

it('runs nothing when the signature is not that of a signer, and doctor says so', async () => {
  const list = `${hashOf(object)}\n`;
  put('allowed-objects', list);
  put('allowed-objects.sig', sign('eve', list));
  put('allowed-signers', `ops@example.com ${readFileSync(join(folder, 'ops.pub'), 'utf8')}`);
  const refused = await attach(object);
  expect(refused.code).toBe(4);
  expect(refused.json.at(-1)).toMatchObject({
    error: { code: 'object-not-allowed', message: expect.stringContaining('a key that allowed-signers does not name') },
  });
  expect(await checks()).toContainEqual(
    expect.objectContaining({
      id: 'allowed-objects',
      status: 'fail',
      detail: expect.stringContaining('/etc/ringside/allowed-objects.sig: '),
    }),
  );
});

it('says whether an audit log is kept, and restricts nothing without a list', async () => {
  const found = await checks();
  expect(found.find((check) => check.id === 'allowed-objects')).toMatchObject({ status: 'ok' });
  expect(found.find((check) => check.id === 'audit-log')?.status).toMatch(/^(ok|warn)$/);
  expect((await attach(object)).code).toBe(0);
});
