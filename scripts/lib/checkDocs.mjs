// docs/diagnostics.md from the table in language-server/src/checks/codes.ts.
import { build } from 'esbuild';
import { at } from './paths.mjs';

/** @typedef {{ severity: string, title: string, about: string, fix: boolean }} CheckKind */

/** The checks as the sources have them now. @returns {Promise<Record<string, CheckKind>>} */
export async function checkKinds() {
  const { outputFiles } = await build({
    entryPoints: [at('language-server/src/checks/codes.ts')],
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, packages: 'external', logLevel: 'error' },
  });
  const made = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
  return made.checkKinds;
}

/** The whole page. @param {Record<string, CheckKind>} kinds */
export function checkPage(kinds) {
  const sections = Object.entries(kinds)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([code, { severity, title, about, fix }]) => {
      const facts = `${severity[0].toUpperCase()}${severity.slice(1)}${fix ? ', with a quick fix' : ''}.`;
      return `## \`${code}\`\n\n**${title}.** ${facts}\n\n${about}`;
    });
  return `# What the editor finds beside the compiler

<!-- Made by \`npm run docs\` from language-server/src/checks/codes.ts. -->

While a program is typed, clang checks it as C; these checks know BPF and the kernel that it is for: the chosen host's, else
this machine's. Their source is \`ringside\`, their codes are below and stable. A check says nothing where it cannot be sure:
a program that loads and attaches has no warnings.

${sections.join('\n\n')}
`;
}
