// docs/verifier.md from the rules in core/src/verifier/explain: one row for each category.
import { build } from 'esbuild';
import { at } from './paths.mjs';

/** @typedef {{ id: string, title: string, about: string }} Category */

/** The categories as the sources have them now. @returns {Promise<Category[]>} */
export async function verifierCategories() {
  const { outputFiles } = await build({
    entryPoints: [at('core/src/verifier/explain/rules.ts')],
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, packages: 'external', logLevel: 'error' },
  });
  const { rules } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
  return rules;
}

/** The whole page. @param {Category[]} categories */
export function verifierPage(categories) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const rows = [...categories]
    .sort((a, b) => a.id.localeCompare(b.id))
    .map(({ id, title, about }) => `| \`${id}\` | ${cell(title)} | ${cell(about)} |`);
  return `# Why the verifier refuses a program

<!-- Made by \`npm run docs\` from core/src/verifier/explain. -->

Every rejection has a category: \`reason.category\` of \`ringside verify --json\`, and \`verifier:CATEGORY\` as the code of a
diagnostic. The names below are stable. What Ringside says about a program goes beyond this page: it names the program's own
variables, says where their values come from, and proposes an edit where there is one.

Without line information Ringside can name instructions only: build with \`-g\` (Ringside's own builds do).

| category | title | what it means |
| --- | --- | --- |
${rows.join('\n')}
| \`unknown\` | Rejected by the verifier | The kernel's message is not one that Ringside knows; it is shown as it is. |
`;
}
