/**
 * The set of rejected programs on Linux 5.10, 6.1, 6.12 and 7.3: their logs as test/hosts/verdicts.vmtest.ts took them are
 * read and explained, and docs/verdicts-by-kernel.md says where a kernel's verdict is another one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LineKind, parseVerifierLog } from './log/index.ts';
import { allReasons, kernelPage, rows } from './testKernelPage.ts';
import { goldenText, rejectedFolder } from './testGolden.ts';
import { explained, kernelsFolder, readKernel, recordedKernels, rejectedPrograms, said } from './testKernels.ts';

interface Golden {
  message: string;
  cause: string[];
  fixes: { title: string }[];
}

const kernels = recordedKernels.map((name) => readKernel(name));

describe.each(kernels)('Linux $name', ({ verdicts }) => {
  it('was asked about every program', () => {
    expect(verdicts.map((v) => v.name).sort()).toEqual([...rejectedPrograms].sort());
  });

  it.each(verdicts.filter((v) => v.log !== ''))('$name', (recorded) => {
    const log = parseVerifierLog(recorded.log);
    const unknown = Array.from({ length: log.lineCount }, (_, i) => i).filter((i) => log.kind(i) === LineKind.message);
    // What is not known by its shape is the reason, and no more than that.
    expect(unknown).toEqual(log.messageLines);
    expect(log.messages.length).toBeLessThanOrEqual(2);
    expect(log.stats.processed).not.toBeNull();
    expect(said(recorded).category).not.toBe('unknown');
  });
});

describe('what is said', () => {
  /** Figures and lists that are the kernel's own. */
  const others = new Set(['argument-not-pointer 5.10', 'stack-too-large-calls 6.1', 'stack-too-large-struct 6.1']);
  const words = ({ message, cause, fixes }: Golden) => ({
    message: message.replace(/ The verifier says: [^]*$/, ''),
    ...{ cause, fixes: fixes.map((fix) => fix.title) },
  });

  it.each(kernels)('on Linux $name is the same in words, chain and repairs where the verdict is', (kernel) => {
    for (const { name, other } of rows([kernel])) {
      const recorded = kernel.verdicts.find((v) => v.name === name)!;
      if (other[kernel.name] !== null || recorded.log === '' || others.has(`${name} ${kernel.name}`)) continue;
      const own = JSON.parse(readFileSync(join(rejectedFolder, `${name}.golden.json`), 'utf8')) as Golden;
      const now = JSON.parse(goldenText(explained(recorded))) as Golden;
      expect(words(now), name).toEqual(words(own));
    }
  });
});

describe("the kernel's own report", () => {
  const { verdicts } = kernels.find((k) => k.name === '7.3')!;
  const reported = verdicts.filter((v) => v.log.includes('\nVerification failed: '));

  it('is there for most of what Linux 7.3 refuses, whole', () => {
    expect(reported.length).toBeGreaterThan(40);
    for (const { name, log } of reported) {
      const { report } = parseVerifierLog(log);
      for (const part of ['title', 'reason', 'suggestion'] as const)
        expect(report?.[part], `${name}: ${part}`).not.toBe('');
      // As the kernel printed it: nothing of the block is lost.
      if (log.includes('\nCausal path:')) expect(log).toContain(`\nCausal path:\n${report!.causalText}\n`);
      expect(report!.causalText === '').toBe(!log.includes('\nCausal path:'));
      expect(log.replaceAll(/\s+/g, ' ')).toContain(`Suggestion: ${report!.suggestion} `);
      expect(log).toContain(`\n${report!.text}\n`);
      expect(report!.text).toMatch(/^Verification failed: [^]*\nReason:\n[^]*\nSuggestion:\n/);
      // What the verifier says after its report is no part of it.
      expect(report!.text).not.toMatch(/^(?:BPF_EXIT|processed \d)/m);
    }
  });

  it.each(['packet-unchecked', 'record-not-submitted', 'null-in-callee'])('of %s stands beside ours', async (name) => {
    const verdict = explained(verdicts.find((v) => v.name === name)!);
    await expect(goldenText(verdict)).toMatchFileSnapshot(join(kernelsFolder, `7.3-${name}.golden.json`));
  });

  it('is not made up where the kernel has none', () => {
    const older = kernels.filter((k) => k.name !== '7.3').flatMap((k) => k.verdicts);
    for (const recorded of older.filter((v) => v.log !== '')) {
      const { reason } = explained(recorded);
      expect(reason).not.toHaveProperty('kernelReport');
      expect(reason!.kernelSuggestion).toBe('');
    }
  });
});

describe('the table of verdicts by kernel', () => {
  const differing = rows(kernels).flatMap(({ name, other }) =>
    Object.keys(other)
      .filter((kernel) => other[kernel] !== null)
      .map((kernel) => `${name} ${kernel}`),
  );

  it('has a reason for every verdict that is another one, and for no other', () => {
    expect(allReasons().sort()).toEqual(differing.sort());
  });

  it('is up to date', async () => {
    const page = join(import.meta.dirname, '../../../docs/verdicts-by-kernel.md');
    await expect(kernelPage(kernels)).toMatchFileSnapshot(page);
  });
});
