/** Quoting for command lines that run on a host. */

/** One word of a POSIX sh command line: 'it'\''s'. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Characters that mean the same between single quotes in sh, bash, zsh, fish and (t)csh. */
const plainEverywhere = /^[\x20\x22-\x26\x28-\x5b\x5d-\x7e]*$/;

/**
 * Wraps a POSIX sh command line so that any login shell hands it to /bin/sh unchanged. sshd runs commands by the
 * user's login shell: csh breaks on newlines between quotes and expands `!`, fish treats backslashes differently.
 * A command with such characters travels as printf's octal escapes and is put together by sh itself.
 */
export function loginShellCommand(command: string): string {
  if (plainEverywhere.test(command)) return `exec /bin/sh -c '${command}'`;
  let encoded = '';
  for (const byte of Buffer.from(command, 'utf8')) {
    const char = String.fromCharCode(byte);
    if (char === '\n') encoded += '\\n';
    else encoded += plainEverywhere.test(char) ? char : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return `exec /bin/sh -c 'eval "$(printf %b "$0")"' '${encoded}'`;
}

/** Text from a host made safe for messages and logs: control characters become spaces, the length is bounded. */
export function neutralize(text: string, maxLength = 4096): string {
  let safe = '';
  for (const char of text.length > maxLength ? `${text.slice(0, maxLength)}…` : text) {
    const code = char.codePointAt(0) ?? 0;
    const isControl = (code < 0x20 && char !== '\n' && char !== '\t') || (code >= 0x7f && code < 0xa0);
    const isBidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    safe += isControl || isBidi ? ' ' : char;
  }
  return safe;
}
