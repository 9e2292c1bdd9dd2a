// Makes ringside-VERSION.vsix with vsce from what the build left in dist/.
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { architectures, agentFile } from './agentBuild.mjs';
import { filesBelow, hashFiles, isFresh, stamp } from './hash.mjs';
import { writeLicences } from './licences.mjs';
import { at, dist, root, vsixFile } from './paths.mjs';
import { Failure, run } from './run.mjs';

/** The VSIX may not be larger: both agents, four bundles, panels and the gallery take about half of it. */
export const largestVsix = 12 * 1024 * 1024;

/**
 * @param {{ agents?: string[], file?: string }} [options] `agents` that must be inside (default: both)
 * @returns {Promise<string>} the file
 */
export async function packageVsix({ agents = architectures, file = vsixFile() } = {}) {
  const missing = agents.filter((architecture) => !existsSync(agentFile(architecture)));
  if (missing.length > 0)
    throw new Failure(`The agent for ${missing.join(' and ')} is not built.`, 'Run `npm run build -- --agents`.');
  const key = contentHash();
  const name = `vsix-${basename(file)}`;
  if (existsSync(file) && isFresh(name, key)) return file;
  writeLicences();
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--out',
    file,
  ];
  await run(process.execPath, [at('node_modules/@vscode/vsce/vsce'), ...args], {
    log: 'vsce',
    remedy: 'Read the output above: vsce names what package.json lacks.',
  });
  const { size } = statSync(file);
  if (size > largestVsix)
    throw new Failure(
      `${file.replace(`${root}/`, '')} has ${size} bytes; it may have ${largestVsix}.`,
      'See .cache/meta/*.json for what is in the bundles.',
    );
  stamp(name, key);
  return file;
}

/** Over all that may get into the VSIX, so that packaging the same again takes no time. */
function contentHash() {
  const made = filesBelow(dist).filter((path) => !path.endsWith('.map') && basename(path) !== 'THIRD-PARTY.txt');
  const kept = [
    'package.json',
    'package-lock.json',
    'host-agent/Cargo.lock',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'NOTICE',
    '.vscodeignore',
  ];
  return hashFiles(root, [...made, ...filesBelow(at('extension/media')), ...kept.map((path) => at(path))]);
}
