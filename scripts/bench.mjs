// Bundles test/bench and runs it. Needs `npm run setup` and `npm run build` before; never the network.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(root, 'dist', 'cli.js')) || !existsSync(join(root, 'dist', 'agents', 'manifest.json'))) {
  console.error('The product is not built: run `npm run setup` and `node scripts/build.mjs --agents` first.');
  process.exit(1);
}
// Two folders below the root, as scripts/lib is: its modules find the root from where they stand.
const folder = join(root, '.cache', 'bench');
const bundle = join(folder, 'main.mjs');
await build({
  entryPoints: ['main', 'openLog'].map((name) => join(root, 'test', 'bench', `${name}.ts`)),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  external: ['cpu-features', 'playwright-core', 'esbuild'],
  loader: { '.node': 'empty' },
  logLevel: 'error',
});
const child = spawn(process.execPath, [bundle, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: root,
  env: { ...process.env, RINGSIDE_ROOT: root },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
