// docs/errors.md from the table in core/src/errors.ts: groups are its comment lines, meanings its trailing comments.

/**
 * @typedef {{ title: string, codes: { code: string, exit: string, meaning: string }[] }} ErrorGroup
 */

/**
 * Reads the table out of the source text.
 * @param {string} source of core/src/errors.ts
 * @returns {ErrorGroup[]}
 * @throws {Error} for a line that is neither a group nor a code with its meaning
 */
export function errorGroups(source) {
  const table = /export const errorCodes = \{\n([\s\S]*?)\n\} as const/.exec(source)?.[1];
  if (table === undefined) throw new Error('core/src/errors.ts has no table `errorCodes`');
  const groups = [];
  for (const line of table.split('\n')) {
    const group = /^ {2}\/\/ (.+)$/.exec(line);
    const code = /^ {2}'?([a-z-]+)'?: Exit\.(\w+), \/\/ (.+)$/.exec(line);
    if (group !== null) groups.push({ title: group[1], codes: [] });
    else if (code !== null && groups.length > 0)
      groups.at(-1).codes.push({ code: code[1], exit: code[2], meaning: code[3] });
    else
      throw new Error(
        `core/src/errors.ts: the line \`${line.trim()}\` has no group or no meaning (\`code: Exit.x, // What it means.\`)`,
      );
  }
  return groups;
}

/** The exit codes by name, out of the same source. @param {string} source @returns {Record<string, number>} */
export function exitCodes(source) {
  const table = /export const Exit = \{\n([\s\S]*?)\n\} as const/.exec(source)?.[1] ?? '';
  return Object.fromEntries([...table.matchAll(/(\w+): (\d+),/g)].map(([, name, value]) => [name, Number(value)]));
}

/** The whole page. @param {string} source of core/src/errors.ts */
export function errorPage(source) {
  const exits = exitCodes(source);
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const sections = errorGroups(source).map(({ title, codes }) => {
    const rows = codes.map(({ code, exit, meaning }) => [`\`${code}\``, String(exits[exit]), meaning]);
    return `## ${capital(title)}\n\n${alignedTable([['code', 'exit', 'meaning'], ...rows])}`;
  });
  const intro =
    'Every failure has a code of this closed list. The CLI prints it under `--json` and ends with the exit code beside it;\nthe extension and the language server show the same message with what to do about it.';
  return `<!-- Generated from core/src/errors.ts by \`npm run docs\`; do not edit. -->\n\n# Errors\n\n${intro}\n\n${sections.join('\n\n')}\n`;
}

/** A Markdown table as prettier writes it. @param {string[][]} rows */
function alignedTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(rows[0]), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n');
}
