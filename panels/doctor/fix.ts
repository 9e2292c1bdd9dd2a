/** What to do about a check: words, and commands that can be copied as they stand. */
export interface FixPart {
  text: string;
  command: boolean;
}

/** Programs that a remedy which is a command and nothing else begins with. */
const bare = /^(?:sudo |mount |sysctl |setcap |apt-get |dnf |chmod |chown |systemctl )\S/;

/** Splits a remedy at its backticks; one that is a command as a whole needs none. */
export function fixParts(remedy: string): FixPart[] {
  if (!remedy.includes('`') && bare.test(remedy)) return [{ text: remedy, command: true }];
  const parts = remedy.split('`');
  // A backtick without its twin is text like any other.
  if (parts.length % 2 === 0) return [{ text: remedy, command: false }];
  return parts.map((text, i) => ({ text, command: i % 2 === 1 })).filter(({ text }) => text !== '');
}

/** What the copy button copies: the commands where there are some, one a line, else the words. */
export function copyText(remedy: string): string {
  const commands = fixParts(remedy).filter(({ command }) => command);
  return commands.length === 0 ? remedy : commands.map(({ text }) => text).join('\n');
}
