// The sample workspace: a copy of the gallery, so that edits do not dirty the checkout.
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, cache } from './paths.mjs';

const isTest = (path) => /\.(test|itest)\.ts$/.test(path);

/**
 * Copies the gallery to a folder. Files that are there stay: they may hold a person's edits.
 * @param {string} [folder]
 * @returns {string} the folder
 */
export function makeSample(folder = join(cache, 'sample')) {
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  cpSync(at('bpf-snippets'), folder, { recursive: true, force: false, filter: (path) => !isTest(path) });
  const launch = join(folder, '.vscode', 'launch.json');
  if (!existsSync(launch)) writeFileSync(launch, `${JSON.stringify(launchConfiguration, undefined, 2)}\n`);
  return folder;
}

/** F5 in the sample attaches the open file to the host that was chosen for it, and asks when none was. */
const launchConfiguration = {
  version: '0.2.0',
  configurations: [{ type: 'ringside', request: 'launch', name: 'Attach the open BPF program', program: '${file}' }],
};
