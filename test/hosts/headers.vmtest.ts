/** Programs see a kernel's types through our vmlinux.h as through bpftool's: for the kernels of the virtual machines. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compareHeaders, repositoryPrograms } from '../integration/support/headers.ts';
import { fetchKernels } from './vm/fetch.ts';
import { kernelBtf } from './vm/kernelBtf.ts';
import type { KernelWanted } from './vm/paths.ts';

const root = join(import.meta.dirname, '../..');
const all: KernelWanted[] = [
  { name: '5.10', arch: 'amd64' },
  { name: '6.1', arch: 'amd64' },
  { name: '6.12', arch: 'amd64' },
  { name: '7.3', arch: 'amd64' },
  { name: '6.12', arch: 'arm64' },
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-headers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// No machine is booted: the types are read from the kernel's image.
it.each(all)('every program has the same layouts and instructions with our header of $name $arch', async (wanted) => {
  const [kernel] = await fetchKernels([wanted]);
  const programs = repositoryPrograms(root);
  const { built, refused, records, differences } = await compareHeaders(
    {
      btf: kernelBtf(kernel!),
      arch: wanted.arch === 'arm64' ? 'aarch64' : 'x86_64',
      folder: join(folder, `${wanted.name}-${wanted.arch}`),
      resourceDir: join(root, 'core'),
    },
    programs,
  );
  expect(differences).toEqual([]);
  // What an old kernel has no types for does not build with either.
  expect(built + refused.length).toBe(programs.length);
  expect(built, refused.join('\n')).toBeGreaterThan(programs.length / 2);
  expect(records).toBeGreaterThan(100);
});
