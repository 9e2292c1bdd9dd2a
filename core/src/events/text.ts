/** Bytes from a host as text and text as what is safe to show. */

// A byte order mark is data here, not an instruction to the decoder.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

// C0 controls and DEL have pictures of their own; C1 controls, line separators and bidirectional overrides have none and
// could still move a terminal's cursor or turn a line around.
// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text in which control characters are visible and harmless: "\n" becomes "␊", "\x1b" becomes "␛". */
export function visibleText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** Where the text at `start` ends: at the first NUL, or at `end`. */
export function textEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) if (bytes[at] === 0) return at;
  return end;
}

/** The characters from `start` to the first NUL or `end`, as UTF-8, visible. Broken sequences become U+FFFD. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const stop = textEnd(bytes, start, end);
  // Short printable ASCII (comm, file names) is the rule: building it directly is faster than the decoder.
  let text = '';
  if (stop - start <= 32) {
    for (let at = start; at < stop; at++) {
      const byte = bytes[at]!;
      if (byte < 0x20 || byte > 0x7e) return visibleText(utf8.decode(bytes.subarray(start, stop)));
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return visibleText(utf8.decode(bytes.subarray(start, stop)));
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Two lower-case digits a byte, no separator. */
export function hexText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += HEX[bytes[at]!]!;
  return text;
}

/** Most bytes that a hex dump shows. */
const DUMP_LIMIT = 64 << 10;

/** The usual dump: offset, sixteen bytes, their ASCII. */
export function hexDump(bytes: Uint8Array, start: number, end: number): string {
  const lines: string[] = [];
  const stop = Math.min(end, start + DUMP_LIMIT);
  for (let at = start; at < stop; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, stop));
    const digits = Array.from(row, (byte) => HEX[byte]!);
    const hex = `${digits.slice(0, 8).join(' ')}  ${digits.slice(8).join(' ')}`.padEnd(48);
    const ascii = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${(at - start).toString(16).padStart(4, '0')}  ${hex}  ${ascii}`);
  }
  if (stop < end) lines.push(`… ${end - stop} more bytes`);
  return lines.join('\n');
}
