import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recallHost, rememberHost } from './hostMemory.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'ringside-memory-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const seen = { arch: 'x86_64', kernel: '6.12.1', btfSha256: 'a'.repeat(64) };

it('recalls what it was told, host by host', async () => {
  await rememberHost(dir, 'root@web-1:22', seen);
  expect(await recallHost(dir, 'root@web-1:22')).toEqual(seen);
  expect(await recallHost(dir, 'web-2')).toBeUndefined();
});

it('takes the newest, and ignores a damaged file', async () => {
  await rememberHost(dir, 'web-1', seen);
  await rememberHost(dir, 'web-1', { ...seen, arch: 'aarch64' });
  expect(await recallHost(dir, 'web-1')).toEqual({ ...seen, arch: 'aarch64' });
  const [file] = readdirSync(join(dir, 'hosts'));
  for (const damaged of ['{', '[]', 'null', '{"arch":1}']) {
    writeFileSync(join(dir, 'hosts', file!), damaged);
    expect(await recallHost(dir, 'web-1')).toBeUndefined();
  }
});

it('does not mind a cache that cannot be written', async () => {
  writeFileSync(join(dir, 'hosts'), 'in the way');
  await expect(rememberHost(dir, 'web-1', seen)).resolves.toBeUndefined();
});
