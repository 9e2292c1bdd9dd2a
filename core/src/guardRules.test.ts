import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { guardRules } from './guardRules.ts';

it('has the rules of the page, which the agent holds itself to as well', () => {
  const page = readFileSync(new URL('../../docs/guards.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]);
  expect(documented).toEqual([...guardRules]);
});
