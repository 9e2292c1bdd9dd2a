// npm run test:corpus -- FOLDER…: bundles test/corpus and runs it. Needs `npm run build` before, and root for a local host.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (!existsSync(join(root, 'dist', 'resources')) || !existsSync(join(root, 'dist', 'agents', 'manifest.json'))) {
  console.error('The product is not built: run `npm run setup` and `node scripts/build.mjs --agents` first.');
  process.exit(1);
}
// Modules that look beside themselves (test/hosts/vm) find there what they look for.
const bundle = join(root, '.cache', 'corpus', 'bundle', 'main.mjs');
await build({
  entryPoints: [join(root, 'test', 'corpus', 'main.ts')],
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // ssh2 is CommonJS and asks for both.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __dirname = new URL('.', import.meta.url).pathname;",
  },
  outfile: bundle,
  external: ['cpu-features', 'esbuild'],
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'test', 'hosts', 'vm')) },
  loader: { '.node': 'empty' },
  logLevel: 'error',
});
const child = spawn(process.execPath, [bundle, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, RINGSIDE_ROOT: root },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
