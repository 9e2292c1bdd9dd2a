/** What a source says of its globals: the comment above a definition, or behind it on its line. */

/** By name; "" where nothing is said. */
export function knobComments(source: string, names: readonly string[]): Record<string, string> {
  const lines = source.split('\n');
  return Object.fromEntries(names.map((name) => [name, commentOf(lines, name)]));
}

const LONGEST = 300;

function commentOf(lines: readonly string[], name: string): string {
  const defined = new RegExp(`^[A-Za-z_][\\w\\s*]*[\\s*]${name}\\s*(\\[[^\\]]*\\]\\s*)*(=|;|__|SEC\\b)`);
  const at = lines.findIndex((line) => defined.test(line));
  if (at < 0) return '';
  const behind = /;\s*(?:\/\/\s?(.*)|\/\*\s?(.*?)\s*\*\/)\s*$/.exec(lines[at]!);
  if (behind) return (behind[1] ?? behind[2] ?? '').trim().slice(0, LONGEST);
  return above(lines, at).slice(0, LONGEST);
}

function above(lines: readonly string[], at: number): string {
  const before = lines[at - 1]?.trim() ?? '';
  const found: string[] = [];
  if (before.startsWith('//')) {
    for (let i = at - 1; i >= 0 && lines[i]!.trim().startsWith('//'); i--) found.unshift(lines[i]!.trim());
    return words(found.map((line) => line.replace(/^\/\/+\s?/, '')));
  }
  if (!before.endsWith('*/')) return '';
  for (let i = at - 1; i >= 0; i--) {
    found.unshift(lines[i]!.trim());
    if (lines[i]!.includes('/*')) break;
  }
  // Behind code it is that code's.
  if (!found[0]!.startsWith('/*')) return '';
  return words(found.map((line) => line.replace(/^\/\*+|\*+\/$/g, '').replace(/^\s*\*\s?/, '')));
}

const words = (lines: string[]): string =>
  lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
