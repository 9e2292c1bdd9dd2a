// Reads the list of files of a zip archive (a VSIX is one) from its central directory. No zip64: a VSIX is small.
import { readFileSync } from 'node:fs';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;

/**
 * @param {Buffer} bytes a whole zip archive
 * @returns {{ name: string, size: number, compressed: number }[]} sorted by name; sizes in bytes
 * @throws {Error} when it is no zip archive or is cut off
 */
export function zipEntries(bytes) {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + 22 > bytes.length || bytes.readUInt32LE(end) !== endSignature)
    throw new Error('no zip archive: its end record is missing');
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  const entries = [];
  for (let i = 0; i < count; i += 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== entrySignature)
      throw new Error(`zip entry ${i} of ${count} is damaged`);
    const nameLength = bytes.readUInt16LE(at + 28);
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameLength),
      size: bytes.readUInt32LE(at + 24),
      compressed: bytes.readUInt32LE(at + 20),
    });
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param {string} file */
export const readZipEntries = (file) => zipEntries(readFileSync(file));
