/**
 * The attach matrix: every kind of attachment on every kernel, from attach over its trigger to the record read back.
 *   RINGSIDE_MATRIX_KERNELS=6.12,local  only these      RINGSIDE_MATRIX_KINDS=REGEXP  only these rows
 *   RINGSIDE_MATRIX_WRITE=1             writes docs/attach-matrix.md from what was found
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds } from './matrix/kinds/index.ts';
import { buildObjects, type Objects } from './matrix/objects.ts';
import { localReach, machineReach } from './matrix/place.ts';
import { runMatrix, type HostOutcomes } from './matrix/run.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine } from './vm/machine.ts';

const chosenKinds = kinds.filter((k) => new RegExp(process.env['RINGSIDE_MATRIX_KINDS'] ?? '.').test(k.name));
const chosenKernels = (process.env['RINGSIDE_MATRIX_KERNELS'] ?? '5.10,6.1,6.12,7.3,local').split(',');

let cache: string;
let objects: Objects;
beforeAll(async () => {
  cache = mkdtempSync(join(tmpdir(), 'ringside-matrix-cache-'));
  objects = await buildObjects(cache);
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

async function onMachine(name: string): Promise<HostOutcomes> {
  const [kernel] = await fetchKernels([{ name, arch: 'amd64' }]);
  // Debian's 5.10 knows BPF as a security module and does not start it.
  const append = name === '5.10' ? ['lsm=lockdown,capability,yama,apparmor,bpf'] : [];
  const machine = await startMachine(kernel!, { append });
  try {
    return await runMatrix(machineReach(machine), chosenKinds, objects, cache);
  } finally {
    await machine.stop();
  }
}

describe.each(chosenKernels)('%s', (kernel) => {
  it('runs', async () => {
    const found = kernel === 'local' ? await runMatrix(localReach, chosenKinds, objects, cache) : await onMachine(kernel);
    for (const [name, outcome] of found.outcomes) console.log(`${found.column}\t${name}\t${JSON.stringify(outcome)}`);
    console.log(found.kernel, found.seconds, found.left);
    expect(found.left).toEqual([]);
  }, 600_000); // prettier-ignore
});
