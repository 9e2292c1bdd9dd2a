// Bundles a program of the tree and runs it with this process's arguments. Needs `npm run setup` and a build before.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './paths.mjs';

/**
 * Ends this process with the program's exit status.
 * @param {string} name folder below .cache
 * @param {string[]} entries sources below the root; the first one is run
 */
export async function bundleAndRun(name, entries) {
  if (!existsSync(join(root, 'dist', 'cli.js')) || !existsSync(join(root, 'dist', 'agents', 'manifest.json'))) {
    console.error('The product is not built: run `npm run setup` and `node scripts/build.mjs --agents` first.');
    process.exit(1);
  }
  // Two folders below the root, as scripts/lib is: its modules find the root from where they stand.
  const folder = join(root, '.cache', name);
  await build({
    entryPoints: entries.map((entry) => join(root, entry)),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    external: ['cpu-features', 'playwright-core', 'esbuild'],
    loader: { '.node': 'empty' },
    logLevel: 'error',
  });
  const first = entries[0].split('/').at(-1).replace(/\.ts$/, '.mjs');
  const child = spawn(process.execPath, [join(folder, first), ...process.argv.slice(2)], {
    stdio: 'inherit',
    cwd: root,
    env: { ...process.env, RINGSIDE_ROOT: root },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
}
