#!/usr/bin/env node
// npm run docs: writes the generated pages (docs/errors.md, docs/verifier.md, docs/diagnostics.md).
import { readFileSync, writeFileSync } from 'node:fs';
import { checkKinds, checkPage } from './lib/checkDocs.mjs';
import { errorPage } from './lib/errorDocs.mjs';
import { at } from './lib/paths.mjs';
import { script } from './lib/steps.mjs';
import { verifierCategories, verifierPage } from './lib/verifierDocs.mjs';

await script(async () => {
  writeFileSync(at('docs/errors.md'), errorPage(readFileSync(at('core/src/errors.ts'), 'utf8')));
  writeFileSync(at('docs/verifier.md'), verifierPage(await verifierCategories()));
  writeFileSync(at('docs/diagnostics.md'), checkPage(await checkKinds()));
  console.log('docs/errors.md, docs/verifier.md and docs/diagnostics.md are written.');
});
