// What esbuild makes of which entry. One table, so that a new panel or process is one line here.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { at, cache, dist } from './paths.mjs';
import { Failure } from './run.mjs';
import { vscodeModule } from './vscodeModule.mjs';

/** Bundles that run in Node: name in dist/ → entry, what stays outside, what is found under another name. */
const nodeBundles = {
  extension: {
    entry: 'extension/src/extension.ts',
    external: ['vscode', './language-client.js'],
    alias: { 'vscode-languageclient/node': './language-client.js' },
    plugins: [vscodeModule()],
  },
  // Two thirds of what the extension would be with it, and not needed to become active.
  'language-client': { entry: 'node_modules/vscode-languageclient/node.js', external: ['vscode'] },
  'engine-worker': { entry: 'core/src/rpc/worker.ts', external: [] },
  'language-server': { entry: 'language-server/src/main.ts', external: [] },
  cli: { entry: 'cli/src/main.ts', external: [] },
};

/** Panels: each folder of panels/ with a main.tsx. `shared` has none. */
export function panelNames() {
  return readdirSync(at('panels'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(at('panels', entry.name, 'main.tsx')))
    .map((entry) => entry.name)
    .sort();
}

/** Every name that `--only` takes. */
export function bundleNames() {
  return [...Object.keys(nodeBundles), 'panels', 'resources', 'snippets'];
}

// ssh2 tries to load cpu-features and its own .node file and does without: pure JavaScript is fast enough
// (docs/decisions), and a native file would tie the VSIX to one platform.
const withoutNatives = { external: ['cpu-features'], loader: { '.node': 'empty' } };

/** @typedef {{ release: boolean }} BuildMode */

/** @param {BuildMode} mode */
const common = (mode) => ({
  bundle: true,
  metafile: true,
  logLevel: 'silent',
  minify: mode.release,
  sourcemap: mode.release ? false : 'linked',
  legalComments: 'none',
});

/**
 * Builds one Node bundle to dist/NAME.js.
 * @param {string} name
 * @param {BuildMode} mode
 */
async function buildNode(name, mode) {
  const { entry, external, alias = {}, plugins = [] } = nodeBundles[name];
  if (!existsSync(at(entry))) {
    throw new Failure(
      `The bundle ${name} cannot be built: its entry ${entry} does not exist.`,
      'Use `npm run build -- --only NAME` for the parts that exist.',
    );
  }
  await esbuild(name, {
    ...common(mode),
    ...withoutNatives,
    entryPoints: [at(entry)],
    outfile: join(dist, `${name}.js`),
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: [...withoutNatives.external, ...external],
    alias,
    plugins,
    // A native import() would pass by VS Code, which gives the module `vscode` to whoever requires it.
    supported: { 'dynamic-import': false },
    // ESM sources may ask for import.meta.url; in a cjs bundle that is the bundle's own file.
    define: {
      'import.meta.url': 'importMetaUrl',
      'process.env.RINGSIDE_RELEASE': JSON.stringify(String(mode.release)),
    },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
}

/** Builds the webviews to dist/panels/NAME.js and NAME.css, with the icon font beside. @param {BuildMode} mode */
async function buildPanels(mode) {
  const names = panelNames();
  if (names.length === 0)
    throw new Failure(
      'No panel can be built: no folder of panels/ has a main.tsx.',
      'Use `npm run build -- --only NAME` for the parts that exist.',
    );
  for (const name of names) {
    await esbuild(`panel-${name}`, {
      ...common(mode),
      entryPoints: [{ in: at('panels', name, 'main.tsx'), out: name }],
      outdir: join(dist, 'panels'),
      platform: 'browser',
      format: 'iife',
      target: 'chrome124',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      define: { 'process.env.NODE_ENV': mode.release ? '"production"' : '"development"' },
      loader: { '.ttf': 'file' },
      assetNames: '[name]',
    });
  }
  for (const file of ['codicon.css', 'codicon.ttf']) {
    cpSync(at('node_modules/@vscode/codicons/dist', file), join(dist, 'panels', file));
  }
}

/** Copies what core reads at run time: libbpf's BPF headers and tables. */
function copyResources() {
  if (!existsSync(at('core/resources')))
    throw new Failure('core/resources does not exist.', 'It holds the bundled BPF headers; restore it from git.');
  replaceFolder(at('core/resources'), join(dist, 'resources'), () => true);
}

/** Copies the gallery: sources, manifests and headers, without its tests and pictures. */
function copySnippets() {
  const wanted = (path) => statSync(path).isDirectory() || /\.(c|h|json|md|code-snippets)$/.test(path);
  replaceFolder(
    at('bpf-snippets'),
    join(dist, 'bpf-snippets'),
    (path) => basename(path) !== 'node_modules' && wanted(path),
  );
}

function replaceFolder(from, to, filter) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter });
}

/** esbuild with its errors as a Failure, and the metafile kept for whoever asks what makes a bundle large. */
async function esbuild(name, options) {
  const { build, formatMessages } = await import('esbuild');
  try {
    const result = await build(options);
    mkdirSync(join(cache, 'meta'), { recursive: true });
    writeFileSync(join(cache, 'meta', `${name}.json`), JSON.stringify(result.metafile));
  } catch (error) {
    if (!Array.isArray(error?.errors)) throw error;
    const text = await formatMessages(error.errors, { kind: 'error', color: false });
    throw new Failure(`The bundle ${name} did not build:\n${text.join('')}`, 'Repair the source that is named above.');
  }
}

/**
 * Builds one part by its name.
 * @param {string} name one of bundleNames()
 * @param {BuildMode} mode
 */
export async function buildPart(name, mode) {
  if (name === 'panels') return buildPanels(mode);
  if (name === 'resources') return copyResources();
  if (name === 'snippets') return copySnippets();
  if (!Object.hasOwn(nodeBundles, name))
    throw new Failure(`No part is called ${name}.`, `Parts: ${bundleNames().join(', ')}.`);
  return buildNode(name, mode);
}
