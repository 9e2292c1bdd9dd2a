#!/usr/bin/env node
// npm run docs: writes the generated pages (docs/errors.md, docs/verifier.md).
import { readFileSync, writeFileSync } from 'node:fs';
import { errorPage } from './lib/errorDocs.mjs';
import { at } from './lib/paths.mjs';
import { script } from './lib/steps.mjs';
import { verifierCategories, verifierPage } from './lib/verifierDocs.mjs';

await script(async () => {
  writeFileSync(at('docs/errors.md'), errorPage(readFileSync(at('core/src/errors.ts'), 'utf8')));
  writeFileSync(at('docs/verifier.md'), verifierPage(await verifierCategories()));
  console.log('docs/errors.md and docs/verifier.md are written.');
});
