/**
 * The set of rejected programs (test/fixtures/rejected) on the kernels that people run: each is built for the machine and
 * verified there, and its verdict is the one that is recorded in test/fixtures/rejected/kernels.
 *   RINGSIDE_VERDICTS_WRITE=1          writes those files from what was found; then `npx vitest run --project unit
 *                                      core/src/verifier/kernels.test.ts -u` writes docs/verdicts-by-kernel.md
 *   RINGSIDE_VERDICTS_KERNELS=5.10,7.3 only these      RINGSIDE_VERDICTS_ONLY=REGEXP  only these programs
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgramVerdict } from '../../core/src/model/index.ts';
import { noPrompter } from '../../core/src/prompt.ts';
import { createEngine } from '../../core/src/runs/engine.ts';
import type { Engine } from '../../core/src/runs/api.ts';
import { defaultSshOptions } from '../../core/src/ssh/options.ts';
import { parseVerifierLog } from '../../core/src/verifier/index.ts';
import { rejectedFolder } from '../../core/src/verifier/testGolden.ts';
import {
  kernelsFolder,
  kernelText,
  placeText,
  readKernel,
  recordedKernels,
  rejectedPrograms,
  said,
  shortened,
  type RecordedVerdict,
} from '../../core/src/verifier/testKernels.ts';
import { root } from '../integration/support/cli.ts';
import { buildRejected, sameCode } from '../integration/support/rejectedObjects.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

const {
  RINGSIDE_VERDICTS_WRITE: write,
  RINGSIDE_VERDICTS_KERNELS: only,
  RINGSIDE_VERDICTS_ONLY: programs = '.',
} = process.env;
const kernels = recordedKernels.filter((name) => only?.split(',').includes(name) ?? true);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-verdicts-'));
  for (const file of readdirSync(rejectedFolder).filter((f) => /\.[ch]$/.test(f)))
    copyFileSync(join(rejectedFolder, file), join(folder, file));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(kernels)('Linux %s', (kernelName) => {
  let machine: Machine;
  let engine: Engine;
  const found: RecordedVerdict[] = [];

  beforeAll(async () => {
    const [kernel] = await fetchKernels([{ name: kernelName, arch: 'amd64' }]);
    machine = await startMachine(kernel!);
    const { configFile, knownHostsFile } = machine;
    engine = createEngine({
      resourceDir: join(root, 'dist'),
      cacheDir: join(folder, 'cache'),
      compilerPath: '',
      ssh: { ...defaultSshOptions, configFile, knownHostsFile },
      prompter: noPrompter,
    });
    await engine.connect('vm-root');
  }, 600_000);
  afterAll(async () => {
    await engine.dispose();
    await machine.stop();
  });

  it.each(rejectedPrograms.filter((name) => new RegExp(programs).test(name)))('%s', async (name) => {
    const { recorded, verdict } = await verdictOf(name);
    found.push(recorded);
    if (write) return;
    const then = readKernel(kernelName).verdicts.find((v) => v.name === name)!;
    const { reason } = verdict;
    const now = { verdict: verdict.verdict, category: reason?.category ?? '', place: placeText(reason) };
    expect(now).toEqual(said(then));
    expect(parseVerifierLog(recorded.log).messages).toEqual(parseVerifierLog(then.log).messages);
  });

  async function verdictOf(name: string): Promise<{ recorded: RecordedVerdict; verdict: ProgramVerdict }> {
    const file = join(folder, `${name}.bpf.c`);
    const output = join(folder, `${name}-${kernelName}.o`);
    const { cpu = '', compiler } = await engine.build({ file, host: 'vm-root', output });
    const fullLog = join(folder, `${name}-${kernelName}.log`);
    const request = { file, hosts: ['vm-root'], programs: [], targets: [], set: {}, fullLog };
    const [outcome] = await engine.verify(request);
    if (!outcome || 'error' in outcome) throw new Error(outcome?.error.message ?? 'no answer');
    expect(outcome.programs).toHaveLength(1);
    const verdict = outcome.programs[0]!;
    // Where it was refused, it was built a second time with older instructions and verified again: the first log counts.
    const logs = readFileSync(fullLog, 'utf8')
      .split(/^==== .*\n/m)
      .slice(1);
    const log = shortened((verdict.verdict === 'accepted' ? logs.at(-1) : logs[0]) ?? '');
    if (write) await keepObject(name, cpu, compiler.path, output);
    const { stepCount, messages } = parseVerifierLog(log);
    const { reason } = verdict;
    const unasked = reason !== null && stepCount === 0 && messages.length === 0;
    const recorded = {
      ...{ name, program: verdict.name, section: verdict.section, cpu, verdict: verdict.verdict },
      category: unasked ? reason.category : '',
      place: unasked ? placeText(reason) : '',
      message: unasked ? reason.message : '',
      log: unasked || reason === null ? '' : log,
    };
    return { recorded, verdict };
  }

  /** Only where its code differs from that of the object beside the program. */
  async function keepObject(name: string, cpu: string, compiler: string, built: string): Promise<void> {
    const beside = join(rejectedFolder, `${name}.o`);
    if (sameCode(built, beside)) return;
    const kept = join(kernelsFolder, cpu, `${name}.o`);
    mkdirSync(join(kernelsFolder, cpu), { recursive: true });
    await buildRejected(compiler, name, cpu, kept);
    expect(sameCode(kept, built)).toBe(true);
  }

  if (write)
    it('is recorded', () => {
      // Programs that were not asked about this time keep what is recorded.
      const kept = programs === '.' ? [] : readKernel(kernelName).verdicts;
      const verdicts = [...found, ...kept.filter((v) => !found.some((f) => f.name === v.name))]
        .filter((v) => rejectedPrograms.includes(v.name))
        .sort((x, y) => (x.name < y.name ? -1 : 1));
      const text = kernelText({ name: kernelName, release: machine.kernel.release, verdicts });
      writeFileSync(join(kernelsFolder, `${kernelName}.log`), text);
    });
});
