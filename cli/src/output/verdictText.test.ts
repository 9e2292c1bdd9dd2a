import { join } from 'node:path';
import { expect, it } from 'vitest';
import { explained, kernelsFolder, readKernel } from '../../../core/src/verifier/testKernels.ts';
import { verdictText } from './verdictText.ts';

const { release, verdicts } = readKernel('7.3');
const rejected = verdicts.filter(({ log }) => log !== '');

/** What `ringside verify` prints of one program of the set on Linux 7.3. */
function printed(name: string): string {
  const recorded = rejected.find((one) => one.name === name)!;
  const programs = [explained(recorded)];
  return `${verdictText({ ok: false, host: 'web-1', kernel: release, programs, notes: [] })}\n`;
}

it.each(['packet-unchecked', 'record-not-submitted', 'null-in-callee'])(
  'a person reads our reason and repair of %s, and the report of Linux 7.3 whole below',
  (name) => expect(printed(name)).toMatchFileSnapshot(join(kernelsFolder, `7.3-${name}.printed.txt`)),
);

it('the report stands there as the kernel printed it, line by line, whatever was rejected', () => {
  let reports = 0;
  for (const { name, log } of rejected) {
    const lines = log.split('\n');
    const from = lines.findIndex((line) => line.startsWith('Verification failed: '));
    const text = printed(name);
    if (from < 0) {
      expect(text, name).not.toContain("the kernel's own report");
      continue;
    }
    const suggestion = lines.indexOf('Suggestion:', from);
    const to = lines.findIndex((line, i) => i > suggestion && !line.startsWith('  '));
    const block = lines.slice(from, to).map((line) => (line === '' ? '' : `        ${line}`));
    expect(text, name).toContain(`      the kernel's own report:\n${block.join('\n')}\n`);
    reports++;
  }
  expect(reports).toBeGreaterThan(40);
});
