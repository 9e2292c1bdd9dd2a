/** The BTF of a kernel out of its boot image, without booting it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Kernel } from './paths.ts';

/** Magic, version 1, no flags, a header of 24 bytes. */
const BTF_START = Buffer.from([0x9f, 0xeb, 0x01, 0x00, 0x18, 0x00, 0x00, 0x00]);
/** Above what modules and single objects have. */
const SMALLEST = 1 << 20;

export function kernelBtf(kernel: Kernel): Buffer {
  const image = unpack(readFileSync(imageOf(kernel)));
  let found: Buffer | undefined;
  for (let at = image.indexOf(BTF_START); at !== -1; at = image.indexOf(BTF_START, at + 1)) {
    const [typeOffset, typeLength, stringOffset, stringLength] = [8, 12, 16, 20].map((field) =>
      image.readUInt32LE(at + field),
    ) as [number, number, number, number];
    const length = 24 + stringOffset + stringLength;
    // Types from the start, strings right behind them.
    if (typeOffset !== 0 || stringOffset !== typeLength || length < SMALLEST || at + length > image.length) continue;
    if (!found || length > found.length) found = image.subarray(at, at + length);
  }
  if (!found) throw new Error(`the image of ${kernel.release} holds no BTF`);
  return found;
}

function imageOf({ dir, release, arch }: Kernel): string {
  const boot = join(dir, 'boot');
  const name = existsSync(boot) ? readdirSync(boot).find((each) => each.startsWith('vmlinuz')) : undefined;
  return name === undefined ? join(dir, `usr/lib/modules/${release}-cloud-${arch}/vmlinuz`) : join(boot, name);
}

/** x86 images carry the kernel compressed behind their loader (Documentation/arch/x86/boot.rst); arm64's are plain. */
function unpack(image: Buffer): Buffer {
  if (image.toString('latin1', 0x202, 0x206) !== 'HdrS') return image[0] === 0x1f ? gunzipSync(image) : image;
  const setup = (image[0x1f1]! || 4) + 1;
  const start = setup * 512 + image.readUInt32LE(0x248);
  return decompress(image.subarray(start, start + image.readUInt32LE(0x24c)));
}

const tools: { magic: number[]; command: string[] }[] = [
  { magic: [0x1f, 0x8b], command: ['gzip', '-dc'] },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], command: ['xz', '-dc', '--single-stream'] },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], command: ['zstd', '-dcq'] },
];

/** Four bytes with the length follow the stream, so that tools which look at all of it end with an error. */
function decompress(payload: Buffer): Buffer {
  const length = payload.readUInt32LE(payload.length - 4);
  if (payload.readUInt32LE(0) === 0x184c2102) return unpackLz4(payload, length);
  const tool = tools.find(({ magic }) => magic.every((byte, i) => payload[i] === byte));
  if (!tool) throw new Error(`a kernel that is packed as ${payload.subarray(0, 6).toString('hex')}`);
  const [program, ...args] = tool.command;
  const { stdout, stderr, error } = spawnSync(program!, args, { input: payload, maxBuffer: 256 << 20 });
  if (error) throw error;
  if (stdout.length !== length)
    throw new Error(`${program!} gave ${stdout.length} of ${length} bytes: ${stderr.toString()}`);
  return stdout;
}

/** LZ4's legacy format, which Debian packed its kernels in up to 6.1: blocks with their length before them. */
function unpackLz4(payload: Buffer, length: number): Buffer {
  const out = Buffer.alloc(length);
  let written = 0;
  for (let at = 4; written < length;) {
    const end = at + 4 + payload.readUInt32LE(at);
    written = unpackBlock(payload, at + 4, end, out, written);
    at = end;
  }
  return out;
}

function unpackBlock(from: Buffer, start: number, end: number, out: Buffer, written: number): number {
  let at = start;
  const more = (length: number): number => {
    for (let byte = length === 15 ? 255 : 0; byte === 255; length += byte) byte = from[at++]!;
    return length;
  };
  while (at < end) {
    const token = from[at++]!;
    const literals = more(token >> 4);
    from.copy(out, written, at, at + literals);
    written += literals;
    at += literals;
    if (at >= end) break; // the last sequence has literals only
    const distance = from.readUInt16LE(at);
    at += 2;
    for (let left = more(token & 15) + 4; left > 0; left--, written++) out[written] = out[written - distance]!;
  }
  return written;
}
