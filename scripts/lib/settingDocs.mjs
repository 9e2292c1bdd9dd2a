// docs/settings.md from the typed settings in extension/src/contributionsSettings.ts.
import { build } from 'esbuild';
import { at } from './paths.mjs';

/**
 * @typedef {{ type: string, default: unknown, scope: string, markdownDescription: string, enum?: unknown[],
 *   markdownEnumDescriptions?: string[], minimum?: number, maximum?: number, restricted?: boolean }} SettingEntry
 */

/** The settings as the sources have them now, in the order of the settings editor. @returns {Promise<Record<string, SettingEntry>>} */
export async function settingEntries() {
  const { outputFiles } = await build({
    entryPoints: [at('extension/src/contributionsSettings.ts')],
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, packages: 'external', logLevel: 'error' },
  });
  const made = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
  return made.settings;
}

/** Where a setting may stand, in the words of VS Code's settings editor. */
const scopes = {
  application: 'user settings',
  machine: 'user settings, or those of a remote machine',
  'machine-overridable': 'user, remote or workspace settings',
  window: 'user or workspace settings',
  resource: 'user, workspace or folder settings',
};

const groupTitles = {
  clang: 'Compiler and C',
  clangd: 'Compiler and C',
  ssh: 'Hosts',
  sudo: 'Hosts',
  agent: 'Hosts',
  readOnlyHosts: 'Hosts',
  hostGroups: 'Hosts',
  verifyOnSave: 'Editor',
  redeployOnSave: 'Editor',
  codeLens: 'Editor',
  mapHints: 'Editor',
  store: 'Runs',
  limits: 'Runs',
  openPanelOnAttach: 'Runs',
  recording: 'Recordings',
  logLevel: 'Log',
};

/** The heading that a setting stands below. @param {string} id */
function groupOf(id) {
  const title = groupTitles[id.split('.')[1]];
  if (title === undefined) throw new Error(`${id} has no heading: add it to scripts/lib/settingDocs.mjs.`);
  return title;
}

/** @param {string} id @param {SettingEntry} entry */
function section(id, entry) {
  const { type, scope, markdownDescription, minimum, maximum, restricted } = entry;
  const range =
    minimum === undefined && maximum === undefined ? '' : `, ${minimum ?? 'any'} to ${maximum ?? 'any number'}`;
  const facts = [
    `Type: ${type}${range}.`,
    `Default: \`${JSON.stringify(entry.default)}\`.`,
    `Stands in ${scopes[scope]}.`,
    ...(restricted ? ['Not taken from a workspace that is not trusted.'] : []),
  ];
  const values = (entry.enum ?? []).map((value, i) => `- \`${value}\`: ${entry.markdownEnumDescriptions[i]}`);
  return [
    `### \`${id}\``,
    markdownDescription.replaceAll(/(?<!\*)\*([^*]+)\*(?!\*)/g, '_$1_'),
    ...(values.length > 0 ? [values.join('\n')] : []),
    facts.join(' '),
  ].join('\n\n');
}

/** The whole page. @param {Record<string, SettingEntry>} settings */
export function settingPage(settings) {
  const groups = new Map();
  for (const [id, entry] of Object.entries(settings)) {
    const title = groupOf(id);
    groups.set(title, [...(groups.get(title) ?? []), section(id, entry)]);
  }
  const parts = [...groups].map(([title, sections]) => `## ${title}\n\n${sections.join('\n\n')}`);
  return `# Settings

<!-- Made by \`npm run docs\` from extension/src/contributionsSettings.ts. -->

All of them are in VS Code's settings editor too: **Ringside: Open Settings**. Nothing has to be set to begin.

${parts.join('\n\n')}
`;
}
