/**
 * The set of rejected programs, for real: each is built and verified on this machine, the verdict is what its golden file
 * says, and where a repair is proposed it is applied and the program loaded again.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ProgramVerdict } from '../../core/src/model/index.ts';
import { applyEdits, goldenText, rejectedFolder } from '../../core/src/verifier/testGolden.ts';
import { engineForTests } from './support/engine.ts';

const { folder, engine } = engineForTests('rejected');
const programs = readdirSync(rejectedFolder).filter((f) => f.endsWith('.bpf.c'));
/** Programs whose first repair removes this reason and leads to the next one. */
const moreToRepair = new Set<string>([]);
const repaired: string[] = [];

async function verify(file: string): Promise<ProgramVerdict> {
  const request = { file, hosts: ['local'], programs: [], targets: [], set: {} };
  const [outcome] = await engine().verify(request);
  if (!outcome || 'error' in outcome) throw new Error(outcome?.error.message ?? 'no answer');
  expect(outcome.programs).toHaveLength(1);
  return outcome.programs[0]!;
}

for (const header of readdirSync(rejectedFolder).filter((f) => f.endsWith('.h')))
  copyFileSync(join(rejectedFolder, header), join(folder, header));

describe('rejected programs', () => {
  it.each(programs)('%s', async (program) => {
    const name = basename(program, '.bpf.c');
    const file = join(folder, program);
    copyFileSync(join(rejectedFolder, program), file);
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

  it('at least thirty can be repaired with one click', () => {
    expect(repaired.length).toBeGreaterThanOrEqual(30);
  });
});
