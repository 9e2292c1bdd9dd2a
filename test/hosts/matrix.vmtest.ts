/**
 * The attach matrix: every kind of attachment on every kernel, from attach over its trigger to the record read back.
 *   RINGSIDE_MATRIX_KERNELS=6.12,local  only these      RINGSIDE_MATRIX_KINDS=REGEXP  only these rows
 *   RINGSIDE_MATRIX_WRITE=1             writes docs/attach-matrix.md from what was found
 *   RINGSIDE_MATRIX_MACHINES=1          one virtual machine at a time, where others need the processors too
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sectionForms } from '../../core/src/bpf/sections.ts';
import { root } from '../integration/support/cli.ts';
import { drift, fault, OWN, printed } from './matrix/document.ts';
import { families, kinds } from './matrix/kinds/index.ts';
import { buildObjects, type Objects } from './matrix/objects.ts';
import { localReach, machineReach, type Reach } from './matrix/place.ts';
import { runMatrix, type HostOutcomes } from './matrix/run.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine } from './vm/machine.ts';

const page = join(root, 'docs', 'attach-matrix.md');
const everyKernel = [OWN, '5.10', '6.1', '6.12', '7.3'];
const {
  RINGSIDE_MATRIX_KERNELS: onlyKernels,
  RINGSIDE_MATRIX_KINDS: onlyKinds,
  RINGSIDE_MATRIX_WRITE: write,
  RINGSIDE_MATRIX_MACHINES: machines = '2',
} = process.env;
const chosenKinds = kinds.filter((k) => new RegExp(onlyKinds ?? '.').test(k.name));
const chosenKernels = onlyKernels?.split(',').map((name) => (name === 'local' ? OWN : name)) ?? everyKernel;
const whole = chosenKinds.length === kinds.length && chosenKernels.length === everyKernel.length;

let cache: string;
let objects: Objects;
beforeAll(async () => {
  cache = mkdtempSync(join(tmpdir(), 'ringside-matrix-cache-'));
  objects = await buildObjects(cache);
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** Machines run in pairs, in the background of each other's tests; this machine's own kernel is alone. */
const running = new Map<string, Promise<HostOutcomes>>();
async function outcomesOf(kernel: string): Promise<HostOutcomes> {
  const startNext = (): void => {
    const next = chosenKernels.find((name) => name !== OWN && !running.has(name));
    if (next === undefined) return;
    const run = onMachine(next);
    running.set(next, run);
    run.then(startNext, startNext); // its own test says what went wrong
  };
  if (kernel === OWN) return on(localReach);
  if (running.size === 0) for (let i = 0; i < Number(machines); i++) startNext();
  return running.get(kernel)!;
}

async function onMachine(name: string): Promise<HostOutcomes> {
  const [kernel] = await fetchKernels([{ name, arch: 'amd64' }]);
  // Debian's 5.10 knows BPF as a security module and does not start it.
  const append = name === '5.10' ? ['lsm=lockdown,capability,yama,apparmor,bpf'] : [];
  const machine = await startMachine(kernel!, { append });
  try {
    return await on(machineReach(machine));
  } finally {
    await machine.stop();
  }
}

const on = (reach: Reach): Promise<HostOutcomes> =>
  runMatrix(reach, chosenKinds, objects, cache, (kind, outcome, seconds) => {
    const why = outcome.result === 'yes' ? '' : outcome.reason;
    process.stdout.write(`${reach.column}  ${kind.name.padEnd(36)} ${outcome.result.padEnd(6)} ${seconds.toFixed(1)} s  ${why}\n`);
  }); // prettier-ignore

it('has a row for every SEC() form that libbpf knows', () => {
  const covered = new Set(kinds.flatMap((k) => k.sections));
  expect(sectionForms.map((f) => f.pattern).filter((pattern) => !covered.has(pattern))).toEqual([]);
  expect([...covered].filter((pattern) => !sectionForms.some((f) => f.pattern === pattern))).toEqual([]);
});

describe('the attach matrix', () => {
  const found: HostOutcomes[] = [];

  it.each(chosenKernels)('%s: attaches, triggers and reads back, or says what the kernel lacks', async (kernel) => {
    const host = await outcomesOf(kernel);
    found.push(host);
    const faults = chosenKinds.flatMap((k) => {
      const wrong = fault(k, host.outcomes.get(k.name)!);
      return wrong === undefined ? [] : [`${k.name}: ${wrong}`];
    });
    expect(faults).toEqual([]);
    expect(host.left).toEqual([]);
  }, 900_000); // prettier-ignore

  it('is what docs/attach-matrix.md says', () => {
    const text = printed(families, found);
    console.log(text);
    if (write === '1' && whole) writeFileSync(page, text);
    expect(drift(readFileSync(page, 'utf8'), families, found)).toEqual([]);
  });
});
