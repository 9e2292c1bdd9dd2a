/** What the fuzzers found worth keeping (`npm run fuzz -- --minimize`) is read again with every test run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { targets } from './targets.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

it.each(Object.entries(targets))('%s', { timeout: 60_000 }, (name, target) => {
  const folder = join(root, 'test/fuzz/corpus', name);
  const inputs = readdirSync(folder).map((file) => new Uint8Array(readFileSync(join(folder, file))));
  expect(inputs.length).toBeGreaterThan(10);
  expect(inputs.reduce((sum, bytes) => sum + bytes.length, 0)).toBeLessThanOrEqual(300_000);
  for (const bytes of [...target.seeds(root), ...inputs]) target.run(bytes);
});
