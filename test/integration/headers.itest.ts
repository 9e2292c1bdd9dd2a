/** Programs see the kernel's types through our vmlinux.h as through bpftool's: for this machine's kernel. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareHeaders, repositoryPrograms } from './support/headers.ts';

const root = join(import.meta.dirname, '../..');

test('every program of the repository has the same layouts and instructions with our header as with bpftool’s', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-headers-'));
  try {
    const btf = readFileSync('/sys/kernel/btf/vmlinux');
    const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    const programs = repositoryPrograms(root);
    const kernel = { btf, arch, folder, resourceDir: join(root, 'core') };
    const { built, refused, records, differences } = await compareHeaders(kernel, programs);
    expect(differences).toEqual([]);
    expect(refused).toEqual([]);
    expect(built).toBe(programs.length);
    expect(records).toBeGreaterThan(100);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
