import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodes } from '../core/src/errors.ts';
import { checkKinds, checkPage } from './lib/checkDocs.mjs';
import { errorGroups, errorPage } from './lib/errorDocs.mjs';
import { at } from './lib/paths.mjs';
import { settingEntries, settingPage } from './lib/settingDocs.mjs';

const source = readFileSync(at('core/src/errors.ts'), 'utf8');

test('docs/errors.md is what the table says (else run `npm run docs`)', () => {
  expect(readFileSync(at('docs/errors.md'), 'utf8')).toBe(errorPage(source));
});

test('docs/diagnostics.md is what the table of checks says (else run `npm run docs`)', async () => {
  expect(readFileSync(at('docs/diagnostics.md'), 'utf8')).toBe(checkPage(await checkKinds()));
});

test('docs/settings.md is what the typed settings say (else run `npm run docs`), each once', async () => {
  const page = readFileSync(at('docs/settings.md'), 'utf8');
  const settings = await settingEntries();
  expect(page).toBe(settingPage(settings));
  const headings = [...page.matchAll(/^### `(.+)`$/gm)].map(([, id]) => id);
  expect(headings.toSorted()).toEqual(Object.keys(settings).toSorted());
});

test('each code of the table is in the page, once', () => {
  const documented = errorGroups(source).flatMap((group) => group.codes.map(({ code }) => code));
  expect(documented.toSorted()).toEqual(Object.keys(errorCodes).toSorted());
});

test('a code without a meaning is refused', () => {
  expect(() => errorGroups('export const errorCodes = {\n  // group\n  usage: Exit.usage,\n} as const')).toThrow(
    'no meaning',
  );
});
