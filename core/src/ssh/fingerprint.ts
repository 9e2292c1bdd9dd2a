/** What people compare when they are shown a host key: OpenSSH's SHA-256 fingerprint and randomart. */
import { createHash } from 'node:crypto';

/** A public key in SSH wire format (RFC 4253 §6.6), reduced to what has to be shown. */
export interface PublicKeyInfo {
  /** "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256" … */
  type: string;
  bits: number;
}

/** Reads the length-prefixed strings of an SSH wire-format blob; undefined when it is malformed. */
export function readStrings(blob: Uint8Array, count: number): Buffer[] | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const strings: Buffer[] = [];
  let offset = 0;
  while (strings.length < count) {
    if (offset + 4 > bytes.length) return undefined;
    const length = bytes.readUInt32BE(offset);
    if (length > bytes.length - offset - 4) return undefined;
    strings.push(bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return strings;
}

/** Type name in a public key blob; undefined when it is malformed. */
export function keyType(blob: Uint8Array): string | undefined {
  const name = readStrings(blob, 1)?.[0]?.toString('latin1');
  return name !== undefined && /^[\x21-\x7e]{1,64}$/.test(name) ? name : undefined;
}

function mpintBits(mpint: Buffer): number {
  let first = 0;
  while (first < mpint.length && mpint[first] === 0) first++;
  if (first === mpint.length) return 0;
  return (mpint.length - first - 1) * 8 + (32 - Math.clz32(mpint[first] ?? 0));
}

/** Type and size of a public key as OpenSSH counts it (0 bits for a type that is not known). */
export function describeKey(blob: Uint8Array): PublicKeyInfo | undefined {
  const type = keyType(blob);
  if (type === undefined) return undefined;
  if (type === 'ssh-rsa') return { type, bits: mpintBits(readStrings(blob, 3)?.[2] ?? Buffer.alloc(0)) };
  if (type === 'ssh-dss') return { type, bits: mpintBits(readStrings(blob, 2)?.[1] ?? Buffer.alloc(0)) };
  const curve = /nistp(\d+)/.exec(type)?.[1];
  if (curve !== undefined) return { type, bits: Number(curve) };
  return { type, bits: type.includes('ed25519') ? 256 : 0 };
}

/** "SHA256:…", as `ssh-keygen -lf` prints it. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The short name that ssh-keygen prints in the frame: "ED25519", "RSA", "ECDSA-SK" … */
function shortName(type: string): string {
  if (type === 'ssh-dss') return 'DSA';
  const base = type.includes('ed25519') ? 'ED25519' : type.includes('ecdsa') ? 'ECDSA' : 'RSA';
  return `${base}${type.startsWith('sk-') ? '-SK' : ''}${type.includes('-cert-') ? '-CERT' : ''}`;
}

const columns = 17;
const rows = 9;
/** Picture for the number of visits of a cell; the last two mark the start and the end. */
const symbols = ' .o+=*BOX@%&#/^SE';

function border(title: string): string {
  const left = Math.max(0, Math.floor((columns - title.length) / 2));
  return `+${('-'.repeat(left) + title).padEnd(columns, '-')}+`;
}

/** OpenSSH's randomart ("drunken bishop" walk over the SHA-256 digest), as `ssh-keygen -lvf` prints it; 11 lines. */
export function randomart(blob: Uint8Array): string {
  const visits = new Uint8Array(columns * rows);
  let x = columns >> 1;
  let y = rows >> 1;
  const start = y * columns + x;
  for (const byte of createHash('sha256').update(blob).digest()) {
    for (let step = 0; step < 4; step++) {
      const move = byte >> (step * 2);
      x = Math.min(columns - 1, Math.max(0, x + (move & 1 ? 1 : -1)));
      y = Math.min(rows - 1, Math.max(0, y + (move & 2 ? 1 : -1)));
      const cell = y * columns + x;
      visits[cell] = Math.min((visits[cell] ?? 0) + 1, symbols.length - 3);
    }
  }
  visits[start] = symbols.length - 2;
  visits[y * columns + x] = symbols.length - 1;

  const key = describeKey(blob);
  const name = shortName(key?.type ?? '');
  const full = `[${name} ${key?.bits ?? 0}]`;
  const lines = [border(full.length <= columns ? full : `[${name}]`)];
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) line += symbols[visits[row * columns + column] ?? 0] ?? ' ';
    lines.push(`|${line}|`);
  }
  lines.push(border('[SHA256]'));
  return lines.join('\n');
}
