/**
 * The set of rejected programs, for real: each is built and verified on this machine, the verdict is what its golden file
 * says, and where a repair is proposed it is applied and the program loaded again.
 *   RINGSIDE_REJECTED_WRITE=1    keeps object and log of programs that have none yet beside them
 *   RINGSIDE_REJECTED_ONLY=REGEXP  only these programs
 */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProgramVerdict } from '../../core/src/model/index.ts';
import { applyEdits, goldenText, rejectedFolder } from '../../core/src/verifier/testGolden.ts';
import { shortened } from '../../core/src/verifier/testKernels.ts';
import { engineForTests } from './support/engine.ts';
import { buildRejected } from './support/rejectedObjects.ts';

const { folder, engine } = engineForTests('rejected');
const { RINGSIDE_REJECTED_WRITE: write, RINGSIDE_REJECTED_ONLY: only = '.' } = process.env;
const programs = readdirSync(rejectedFolder).filter((f) => f.endsWith('.bpf.c') && new RegExp(only).test(f));
/** Programs whose first repair removes this reason and leads to the next one. */
const moreToRepair = new Set<string>([]);
const repaired: string[] = [];

async function verify(file: string, fullLog?: string): Promise<ProgramVerdict> {
  const request = { file, hosts: ['local'], programs: [], targets: [], set: {}, ...(fullLog && { fullLog }) };
  const [outcome] = await engine().verify(request);
  if (!outcome || 'error' in outcome) throw new Error(outcome?.error.message ?? 'no answer');
  expect(outcome.programs).toHaveLength(1);
  return outcome.programs[0]!;
}

/** What rejected.test.ts reads, without a kernel: the object, and the first log where it was verified twice. */
async function keep(name: string, file: string): Promise<void> {
  const [object, log] = [join(rejectedFolder, `${name}.o`), join(rejectedFolder, `${name}.log`)];
  if (existsSync(object) && existsSync(log)) return;
  const { cpu, compiler } = await engine().build({ file, host: 'local' });
  await buildRejected(compiler.path, name, cpu!, object);
  const fullLog = join(folder, 'full.log');
  await verify(file, fullLog);
  const [, head = '', text = ''] = readFileSync(fullLog, 'utf8').split(/^(==== .*\n)/m);
  writeFileSync(log, `${head}${shortened(text)}\n`);
}

for (const header of readdirSync(rejectedFolder).filter((f) => f.endsWith('.h')))
  copyFileSync(join(rejectedFolder, header), join(folder, header));

describe('rejected programs', () => {
  it.each(programs)('%s', async (program) => {
    const name = basename(program, '.bpf.c');
    const file = join(folder, program);
    copyFileSync(join(rejectedFolder, program), file);
    if (write) await keep(name, file);
    const verdict = await verify(file);
    expect(verdict.verdict).toBe('rejected');
    await expect(goldenText(verdict, folder)).toMatchFileSnapshot(join(rejectedFolder, `${name}.golden.json`));
    for (const [i, fix] of verdict.reason!.fixes.entries()) {
      const path = join(folder, `${name}-repaired-${i}.bpf.c`);
      const edits = fix.edits.map((e) => ({ ...e, file: basename(e.file) }));
      // A repair of a header is made in a copy of it that only this program sees.
      expect(edits.every((e) => e.file === program)).toBe(true);
      writeFileSync(path, applyEdits(readFileSync(file, 'utf8'), edits));
      const after = await verify(path);
      if (moreToRepair.has(name)) expect(after.reason?.message).not.toBe(verdict.reason!.message);
      else expect(`${after.verdict}: ${after.reason?.message ?? ''}`, fix.title).toBe('accepted: ');
      repaired.push(name);
    }
  });

  it.runIf(only === '.')('at least thirty can be repaired with one click', () => {
    expect(repaired.length).toBeGreaterThanOrEqual(30);
  });
});
