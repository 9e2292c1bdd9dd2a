/** A program that this host's verifier takes only in the plain instruction set: the verdict and the run agree on it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { engineForTests, plainSpec } from './support/engine.ts';

const { folder, engine } = engineForTests('isa');
const file = join(folder, 'sets.bpf.c');

const source = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#if __BPF_CPU_VERSION__ > 2
#define PLAIN_ONLY *(volatile int *)0x10
#else
#define PLAIN_ONLY 0
#endif
SEC("raw_tp/sched_process_exec")
int plain_only(void *ctx) { return PLAIN_ONLY; }
SEC("raw_tp/sched_process_exit")
int never(void *ctx) { return *(volatile int *)0x10; }
char LICENSE[] SEC("license") = "GPL";
`;

beforeAll(() => writeFileSync(file, source));

it('is accepted in it, beside one that no instruction set helps', { timeout: 60_000 }, async () => {
  const [report] = await engine().verify({ file, hosts: ['local'], programs: [], set: {} });
  if (report === undefined || 'error' in report) throw new Error('no verdict');
  expect(report.programs.map((p) => [p.name, p.verdict])).toEqual([
    ['plain_only', 'accepted'],
    ['never', 'rejected'],
  ]);
  expect(report.notes.join('\n')).toContain('takes it built with -mcpu=v2');

  const run = await engine().attach({ file, hosts: ['local'], ...plainSpec });
  expect(run.attachments.map((a) => a.program)).toEqual(['plain_only']);
  expect(run.leftOut.map((l) => [l.program, l.error.code])).toEqual([['never', 'verifier-rejected']]);
  await engine().detach(run.id);
});
