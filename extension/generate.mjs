// Writes the generated parts of the root package.json (contributes, activationEvents, capabilities …) from
// src/contributionsManifest.ts. Run: node extension/generate.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = await build({
  entryPoints: [here('./src/contributionsManifest.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  external: ['vscode'],
});
const code = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
const { applyManifest } = await import(`data:text/javascript;base64,${code}`);

const path = here('../package.json');
const before = readFileSync(path, 'utf8');
const after = applyManifest(before);
if (process.argv.includes('--check')) {
  if (before !== after) {
    console.error('package.json differs from extension/src/contributionsManifest.ts: run node extension/generate.mjs');
    process.exitCode = 1;
  }
} else if (before !== after) {
  writeFileSync(path, after);
  console.log('package.json written');
}
