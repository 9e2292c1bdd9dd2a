import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtins, functions, probeTypes } from './words.ts';

interface Rule {
  name?: string;
  match?: string;
  begin?: string;
  end?: string;
  include?: string;
  patterns?: Rule[];
}
const path = join(import.meta.dirname, '../../../extension/media/languages/bpftrace.tmLanguage.json');
const grammar = JSON.parse(readFileSync(path, 'utf8')) as { patterns: Rule[]; repository: Record<string, Rule> };

function* rules(rule: Rule): Generator<Rule> {
  yield rule;
  for (const inner of rule.patterns ?? []) yield* rules(inner);
}
const all = Object.values(grammar.repository).flatMap((rule) => [...rules(rule)]);
/** \A is the grammar's own. */
const pattern = (text: string): RegExp => new RegExp(text.replace('\\A', '^'), 'm');

describe('the colours of bpftrace scripts', () => {
  it('are by patterns that are right, and by parts that are there', () => {
    expect(all.length).toBeGreaterThan(15);
    for (const { match, begin, end } of all) for (const text of [match, begin, end]) if (text) pattern(text);
    for (const { include } of grammar.patterns) expect(grammar.repository).toHaveProperty(include!.slice(1));
  });

  const scopes = (text: string): string[] =>
    all.flatMap(({ name, match }) => (name && match && pattern(match).exec(text)?.[0].trim() === text ? [name] : []));

  it('know every probe, variable and function that is completed', () => {
    const probe = grammar.repository['probes']!.patterns![0]!.match!;
    for (const { name } of probeTypes.filter((each) => each.name.includes(':')))
      expect(pattern(probe).exec(name.replace(':', ':x'))?.[1], name).toBe(name.split(':')[0]);
    for (const { name } of builtins) expect(scopes(name), name).toContain('variable.language.bpftrace');
    for (const { name } of functions) {
      const word = /^\w+/.exec(name)![0];
      expect(pattern('\\b[a-z_][a-z0-9_]*(?=\\s*\\()').test(`${word}(`), name).toBe(true);
    }
  });
});
