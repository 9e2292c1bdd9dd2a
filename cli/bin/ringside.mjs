#!/usr/bin/env node
// The `ringside` command of a checkout: hands over to the bundle that the build makes.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundle = new URL('../../dist/cli.js', import.meta.url);
if (existsSync(fileURLToPath(bundle))) {
  await import(bundle.href);
} else {
  console.error(
    'ringside is not built yet.\n\nWhat to do: run `npm run setup && npm run build -- --agents` in the checkout.',
  );
  process.exitCode = 6;
}
