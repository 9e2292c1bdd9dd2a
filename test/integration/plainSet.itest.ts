/** What the verifier refuses in the newest instruction set is built with the plain one, and that is said. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RunSummary } from '../../core/src/model/index.ts';
import { root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';

const { folder, engine } = engineForTests('plain');
const file = join(folder, 'plain_set.bpf.c');
const source = readFileSync(join(root, 'test/fixtures/programs/plain_set.bpf.c'), 'utf8');
const saysPlainSet = /refuses it built with -mcpu=v[34] and takes it built with -mcpu=v2, which is used\.$/;

function expectPlain({ attachments, leftOut, notes }: RunSummary, programs: string[]): void {
  expect(attachments.map((a) => a.program)).toEqual(programs);
  expect(leftOut).toEqual([]);
  expect(notes.map((n) => n.text)).toContainEqual(expect.stringMatching(saysPlainSet));
}

/** The numbers that the programs tell when a process asks for its parent. */
async function told(run: RunSummary): Promise<Set<string>> {
  execFileSync('python3', ['-c', 'import os; os.getppid()']);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { columns, rows } = await engine().rows({ runId: run.id, stream: 'events', where: '', first: 0, count: 1000 });
  const at = columns.findIndex((c) => c.id === 'program');
  return new Set(rows.map((row) => row.cells[at]!));
}

it('takes a program along that would be left out, also in later versions', async () => {
  writeFileSync(file, source);
  const run = await engine().attach({ file, hosts: ['local'], ...plainSpec });
  expectPlain(run, ['takes_any', 'takes_plain']);
  expect(await told(run)).toEqual(new Set(['1', '2']));
  writeFileSync(file, `${source}\n/* version 2 */\n`);
  expectPlain(await engine().redeploy(run.id, {}), ['takes_any', 'takes_plain']);
  expect((await engine().detach(run.id)).error).toBeNull();
});

it('takes an object whose only program would be refused', async () => {
  writeFileSync(file, source.replace('#ifndef ONLY_PLAIN', '#if 0'));
  const run = await engine().attach({ file, hosts: ['local'], ...plainSpec });
  expectPlain(run, ['takes_plain']);
  expect(await told(run)).toEqual(new Set(['2']));
  await engine().detach(run.id);
});

it('tells the reason of the newest set when the plain one is refused too', async () => {
  writeFileSync(file, source.replace('#ifndef ONLY_PLAIN', '#if 0').replace('return tell(2);', 'return *(int *)0;'));
  const attached = engine().attach({ file, hosts: ['local'], ...plainSpec });
  await expect(attached).rejects.toMatchObject({
    code: 'verifier-rejected',
    detail: expect.stringContaining('w1 = w1'),
  });
});
