#!/usr/bin/env node
// npm run docs: writes the generated pages (docs/errors.md, docs/verifier.md, docs/diagnostics.md,
// docs/settings.md).
import { readFileSync, writeFileSync } from 'node:fs';
import { checkKinds, checkPage } from './lib/checkDocs.mjs';
import { errorPage } from './lib/errorDocs.mjs';
import { at } from './lib/paths.mjs';
import { settingEntries, settingPage } from './lib/settingDocs.mjs';
import { script } from './lib/steps.mjs';
import { verifierCategories, verifierPage } from './lib/verifierDocs.mjs';

await script(async () => {
  writeFileSync(at('docs/errors.md'), errorPage(readFileSync(at('core/src/errors.ts'), 'utf8')));
  writeFileSync(at('docs/verifier.md'), verifierPage(await verifierCategories()));
  writeFileSync(at('docs/diagnostics.md'), checkPage(await checkKinds()));
  writeFileSync(at('docs/settings.md'), settingPage(await settingEntries()));
  console.log('docs/errors.md, docs/verifier.md, docs/diagnostics.md and docs/settings.md are written.');
});
