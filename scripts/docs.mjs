#!/usr/bin/env node
// npm run docs: writes the generated pages (docs/errors.md).
import { readFileSync, writeFileSync } from 'node:fs';
import { errorPage } from './lib/errorDocs.mjs';
import { at } from './lib/paths.mjs';
import { script } from './lib/steps.mjs';

await script(async () => {
  writeFileSync(at('docs/errors.md'), errorPage(readFileSync(at('core/src/errors.ts'), 'utf8')));
  console.log('docs/errors.md is written.');
});
