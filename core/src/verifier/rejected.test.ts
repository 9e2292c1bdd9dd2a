/**
 * The set of rejected programs: each with the object and the log of its rejection on Linux 6.18, and a golden file of what is
 * said about it. test/integration/rejected.itest.ts builds and loads them all, and repairs them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rejectionRules, verdictFromAgent } from './index.ts';
import { goldenText, rejectedFolder } from './testGolden.ts';

const names = readdirSync(rejectedFolder)
  .filter((f) => f.endsWith('.log'))
  .map((f) => f.slice(0, -4));
const path = (name: string) => join(rejectedFolder, name);

function recorded(name: string) {
  const text = readFileSync(path(`${name}.log`), 'utf8');
  const [head, program, section, verdict] = /^==== \S+ (\S+) \((.*)\): (\w+)\n/.exec(text)!;
  const agent = { name: program!, section: section!, verdict: verdict!, error: null, log: text.slice(head.length) };
  const read = (file: string) => (existsSync(path(file)) ? readFileSync(path(file), 'utf8') : null);
  return verdictFromAgent(
    { ...agent, ...{ instructions: 0, verifyMicros: 0, libbpfLog: '' } },
    readFileSync(path(`${name}.o`)),
    read,
  );
}

describe('rejected programs', () => {
  it('are many', () => {
    expect(names.length).toBeGreaterThanOrEqual(60);
  });

  it.each(names)('%s', async (name) => {
    const verdict = recorded(name);
    expect(verdict.verdict).toBe('rejected');
    expect(verdict.reason!.category).not.toBe('unknown');
    await expect(goldenText(verdict)).toMatchFileSnapshot(path(`${name}.golden.json`));
  });
});

describe('categories', () => {
  const ids = rejectionRules.map((rule) => rule.id);

  it('are at least forty, each once, in kebab-case and with a text of its own', () => {
    expect(ids.length).toBeGreaterThanOrEqual(40);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, title, about } of rejectionRules) {
      expect(id).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(about).toMatch(/^[A-Z][^]*\.$/);
    }
  });

  it('are documented, each by its id', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/verifier.md'), 'utf8');
    for (const { id, title, about } of rejectionRules) {
      expect(page).toContain(`| \`${id}\` | ${title} |`);
      expect(page).toContain(about.replaceAll('|', '\\|'));
    }
  });
});
