// The licence texts of all that is linked or bundled into the VSIX, found from what was really built: esbuild's
// metafiles for npm packages, cargo's own graph for crates, the distribution's files for the C libraries.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { at, cache, dist } from './paths.mjs';
import { capture, Failure } from './run.mjs';
import { rustEnv } from './rust.mjs';

/** @typedef {{ name: string, version: string, licence: string, text: string }} Component */

/**
 * Folders of npm packages among the inputs of a bundle.
 * @param {string[]} inputs paths relative to the checkout
 * @returns {string[]} such as `node_modules/@scope/name`, without duplicates
 */
export function packageFolders(inputs) {
  const folders = inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** The text of all licence files of a folder. @param {string} folder */
function licenceText(folder) {
  const files = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    .sort();
  return files.map((name) => readFileSync(join(folder, name), 'utf8').trim()).join('\n\n');
}

/** @returns {Component[]} npm packages that are in the bundles */
function npmComponents() {
  const metas = readdirSync(join(cache, 'meta')).map((name) =>
    JSON.parse(readFileSync(join(cache, 'meta', name), 'utf8')),
  );
  const inputs = metas.flatMap((meta) =>
    Object.entries(meta.inputs)
      .filter(([, input]) => input.bytes > 0)
      .map(([path]) => path),
  );
  return packageFolders(inputs).map((folder) => {
    const { name, version, license, licenses } = JSON.parse(readFileSync(at(folder, 'package.json'), 'utf8'));
    return { name, version, licence: license ?? licenses?.[0]?.type ?? '', text: licenceText(at(folder)) };
  });
}

/**
 * Crates that are linked into the agent: what its crate reaches by normal dependencies, without procedural macros,
 * which run in the compiler only.
 * @param {{ packages: any[], resolve: { nodes: any[] } }} metadata of `cargo metadata`
 * @param {string} rootName
 */
export function linkedCrates(metadata, rootName) {
  const packages = new Map(metadata.packages.map((entry) => [entry.id, entry]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const reached = new Set();
  const visit = (id) => {
    const entry = packages.get(id);
    if (reached.has(id) || entry === undefined || entry.targets.some((target) => target.kind.includes('proc-macro')))
      return;
    reached.add(id);
    for (const dependency of nodes.get(id)?.deps ?? []) {
      if (dependency.dep_kinds.some((kind) => kind.kind === null)) visit(dependency.pkg);
    }
  };
  for (const entry of metadata.packages) if (entry.name === rootName) visit(entry.id);
  return [...reached].map((id) => packages.get(id));
}

function cargoMetadata() {
  const args = [
    'metadata',
    '--format-version',
    '1',
    '--locked',
    '--filter-platform',
    'x86_64-unknown-linux-gnu',
    '--manifest-path',
    at('host-agent/Cargo.toml'),
  ];
  const answer = capture('cargo', args, { env: rustEnv() });
  if (answer.code !== 0)
    throw new Failure(`cargo metadata failed:\n${answer.err}`, 'Build the agents first: `npm run build -- --agents`.');
  return JSON.parse(answer.out);
}

/** @returns {Component[]} crates and the C libraries in the agent */
function agentComponents() {
  const crates = linkedCrates(cargoMetadata(), 'ringside-agent').filter((entry) => entry.source !== null);
  const components = crates.map((entry) => ({
    name: `crate ${entry.name}`,
    version: entry.version,
    licence: entry.license ?? '',
    text: licenceText(dirname(entry.manifest_path)),
  }));
  const sys = crates.find((entry) => entry.name === 'libbpf-sys');
  if (sys === undefined)
    throw new Failure('libbpf-sys is not among the crates of the agent.', 'Repair scripts/lib/licences.mjs.');
  components.push({
    name: 'libbpf',
    version: sys.version,
    licence: 'LGPL-2.1 OR BSD-2-Clause',
    text: licenceText(join(dirname(sys.manifest_path), 'libbpf')),
  });
  return [...components, ...['libelf-dev', 'zlib1g-dev', 'libc6-dev'].map(systemComponent)];
}

/** A C library of the distribution that is linked statically. @param {string} name of its package */
function systemComponent(name) {
  const copyright = `/usr/share/doc/${name}/copyright`;
  const [version = ''] = capture('dpkg-query', ['-W', '-f', '${Version}\n', name]).out.split('\n');
  if (!existsSync(copyright))
    throw new Failure(`${copyright} is missing: the VSIX must carry it.`, `Install ${name} with its documentation.`);
  return {
    name: `${name} (static library)`,
    version,
    licence: 'see below',
    text: readFileSync(copyright, 'utf8').trim(),
  };
}

/**
 * Writes dist/THIRD-PARTY.txt.
 * @returns {Component[]}
 * @throws {Failure} for a component without any licence
 */
export function writeLicences() {
  const components = [...npmComponents(), ...agentComponents()];
  const bare = components.filter(({ licence, text }) => licence === '' && text === '');
  if (bare.length > 0)
    throw new Failure(
      `No licence is known for ${bare.map(({ name }) => name).join(', ')}.`,
      'Use another package, or find its licence.',
    );
  const rule = '='.repeat(80);
  const blocks = components.map(
    ({ name, version, licence, text }) =>
      `${rule}\n${name} ${version}\nLicence: ${licence}\n\n${text || `(The package names its licence, ${licence}, and carries no text.)`}\n`,
  );
  const head = `Third-party software in Ringside: ${components.length} components. NOTICE says how they are linked.\n\n`;
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), head + blocks.join('\n'));
  return components;
}
