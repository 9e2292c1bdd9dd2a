/** The VSIX holds exactly what is needed: this list is the second half of .vscodeignore's allow-list. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { filesBelow } from '../../scripts/lib/hash.mjs';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { largestVsix } from '../../scripts/lib/vsix.mjs';
import { readZipEntries } from '../../scripts/lib/zip.mjs';

const fixed = [
  '[Content_Types].xml',
  'extension.vsixmanifest',
  'extension/LICENSE.txt',
  'extension/NOTICE',
  'extension/changelog.md',
  'extension/dist/THIRD-PARTY.txt',
  'extension/dist/agents/aarch64/ringside-agent',
  'extension/dist/agents/manifest.json',
  'extension/dist/agents/x86_64/ringside-agent',
  'extension/dist/cli.js',
  'extension/dist/engine-worker.js',
  'extension/dist/extension.js',
  'extension/dist/language-client.js',
  'extension/dist/language-server.js',
  'extension/dist/panels/charts.css',
  'extension/dist/panels/charts.js',
  'extension/dist/panels/codicon.css',
  'extension/dist/panels/codicon.ttf',
  'extension/dist/panels/doctor.css',
  'extension/dist/panels/doctor.js',
  'extension/dist/panels/explorer.css',
  'extension/dist/panels/explorer.js',
  'extension/dist/panels/maps.css',
  'extension/dist/panels/maps.js',
  'extension/dist/panels/source-editor.css',
  'extension/dist/panels/source-editor.js',
  'extension/dist/panels/trace.css',
  'extension/dist/panels/trace.js',
  'extension/dist/panels/verdicts.css',
  'extension/dist/panels/verdicts.js',
  'extension/package.json',
  'extension/readme.md',
];

/** Folders whose content goes in as it is in git. */
const folders: { from: string; to: string; wanted: RegExp }[] = [
  { from: 'core/resources', to: 'extension/dist/resources', wanted: /./ },
  { from: 'bpf-snippets', to: 'extension/dist/bpf-snippets', wanted: /\.(c|h|json|md|code-snippets)$/ },
  { from: 'extension/media', to: 'extension/extension/media', wanted: /./ },
];

let names: string[];

beforeAll(() => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  names = readZipEntries(vsixFile()).map((entry: { name: string }) => entry.name);
});

test('the VSIX holds exactly these files', () => {
  const copied = folders.flatMap(({ from, to, wanted }) =>
    filesBelow(at(from), ['node_modules'])
      .filter((file: string) => wanted.test(file))
      .map((file: string) => file.replace(at(from), to)),
  );
  expect(names.toSorted()).toEqual([...fixed, ...copied].toSorted());
});

test('nothing that is only for developers is inside', () => {
  // NAME.bpf.test.json is for users: the tests of a program of the gallery.
  const ours = /\.(map|ts|tsx|mjs|rs)$|node_modules|\.test\.|\.golden\./;
  const unwanted = names.filter((name) => ours.test(name) && !name.endsWith('.bpf.test.json'));
  expect(unwanted).toEqual([]);
});

test('it is at most 12 MB', () => {
  expect(statSync(vsixFile()).size).toBeLessThanOrEqual(largestVsix);
});

test.each(['x86_64', 'aarch64'])('the agent for %s is a static ELF program of that machine', (architecture) => {
  const bytes = readFileSync(at('dist/agents', architecture, 'ringside-agent'));
  expect(bytes.toString('latin1', 0, 4)).toBe('\x7fELF');
  const machines: Record<number, string> = { 62: 'x86_64', 183: 'aarch64' };
  expect(machines[bytes.readUInt16LE(18)]).toBe(architecture);
  // A program that needs a dynamic loader names it in a PT_INTERP header (type 3).
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const types = Array.from({ length: count }, (_, i) => bytes.readUInt32LE(start + i * size));
  expect(types).not.toContain(3);
});

test('each bundled npm package and linked crate has its licence text inside', () => {
  const texts = readFileSync(at('dist/THIRD-PARTY.txt'), 'utf8');
  const lock = readFileSync(at('host-agent/Cargo.lock'), 'utf8');
  for (const name of [
    'ssh2',
    'preact',
    'monaco-editor',
    '@bufbuild/protobuf',
    '@vscode-elements/elements',
    'vscode-languageclient',
  ]) {
    expect(texts).toContain(`\n${name} `);
  }
  for (const name of ['libbpf-sys', 'prost', 'libc']) {
    expect(lock).toContain(`name = "${name}"`);
    expect(texts).toContain(`\ncrate ${name} `);
  }
  for (const name of ['libbpf', 'libelf-dev', 'zlib1g-dev', 'libc6-dev']) expect(texts).toContain(`\n${name} `);
});

test('no bundle refers to a path of the machine that built it', () => {
  const bundles = readdirSync(at('dist')).filter((name) => name.endsWith('.js'));
  expect(bundles.length).toBeGreaterThan(3);
  for (const name of bundles) expect(readFileSync(at('dist', name), 'utf8').includes(at(''))).toBe(false);
});
