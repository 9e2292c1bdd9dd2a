/**
 * The bytes of a recording (docs/recording-format.md): a preamble, then chunks, each with a checksum for its header and one
 * for its payload, so that a file that was cut or damaged is read as far as it is whole. Everything is little endian.
 */
import { crc32 } from 'node:zlib';
import { RingsideError } from '../errors.ts';

/** Not ASCII, with both line ends and an end of text: what a transfer as text would change. */
export const RECORDING_MAGIC = Uint8Array.of(0x8b, 0x52, 0x53, 0x52, 0x0d, 0x0a, 0x1a, 0x0a);
/** A reader refuses a greater major version, and reads past chunk types of a greater minor one. */
export const RECORDING_MAJOR = 1;
export const RECORDING_MINOR = 3;
export const PREAMBLE_BYTES = 16;
export const CHUNK_HEADER_BYTES = 32;
/** "RSCK": where a reader begins again behind damage. */
const CHUNK_MARK = 0x4b435352;
/** The largest payload: a program with its debug information, or a map with all that a recording keeps of it. */
export const MAX_CHUNK_PAYLOAD = 64 << 20;
export const TRAILER_BYTES = 24;
const TRAILER_MAGIC = Uint8Array.of(0x52, 0x53, 0x49, 0x4e, 0x44, 0x45, 0x58, 0x0a);

export const ChunkType = {
  /** What was recorded, by which Ringside: the first chunk. */
  run: 1,
  /** A host: its facts and its agent's HELLO. */
  host: 2,
  /** The program as a host got it. */
  program: 3,
  /** What was attached on a host, and which stream is which map's. */
  attached: 4,
  /** Frames of the agent as they came. */
  frames: 5,
  /** The agent's figures, and what had arrived by then. */
  figures: 6,
  /** The entries of a map. */
  map: 7,
  /** The run handed out the maps that stand before. */
  mapsShown: 8,
  /** What an iterator wrote. */
  iterator: 9,
  /** A new version of the program took the old one's place. */
  swap: 10,
  /** Frames that the disk was too slow for. */
  dropped: 11,
  /** Names that the host gave, of users, groups and addresses, and stacks (names.ts). */
  names: 12,
  /** The recording ended in order. */
  end: 13,
  /** Where the other chunks are. */
  index: 14,
} as const;

export interface ChunkHeader {
  type: number;
  /** None is defined yet; a chunk with one is of a later version. */
  flags: number;
  /** Index of the host that it is about, in the order of `host` chunks. */
  host: number;
  /** Counts the chunks from 0. */
  number: number;
  /** When it was received, ns since the Unix epoch. */
  timeNs: bigint;
  payloadBytes: number;
}

/** Bytes of a chunk in the file: the payload is padded to 8. */
export const chunkBytes = (payloadBytes: number): number => CHUNK_HEADER_BYTES + padded(payloadBytes);

const padded = (bytes: number): number => (bytes + 7) & ~7;

/** `first`: number of the first chunk; a file that keeps the last minutes does not begin with 0. */
export function encodePreamble(first = 0): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES);
  bytes.set(RECORDING_MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, RECORDING_MAJOR, true);
  view.setUint16(10, RECORDING_MINOR, true);
  view.setUint32(12, first, true);
  return bytes;
}

/** Errors: not-a-recording, recording-newer. */
export function checkPreamble(bytes: Uint8Array, file: string): { major: number; minor: number; first: number } {
  if (bytes.length < PREAMBLE_BYTES || RECORDING_MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new RingsideError('not-a-recording', `${file} is not a recording of Ringside.`, {
      remedy: 'Give a file that `ringside attach --record FILE` or the record button has made.',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREAMBLE_BYTES);
  const major = view.getUint16(8, true);
  const minor = view.getUint16(10, true);
  if (major > RECORDING_MAJOR) {
    throw new RingsideError(
      'recording-newer',
      `${file} was made by a newer Ringside: it has format ${major}.${minor}, this Ringside reads up to ${RECORDING_MAJOR}.`,
      { remedy: 'Update Ringside, or let the version that made it write the rows: `ringside export FILE --to jsonl`.' },
    );
  }
  return { major, minor, first: view.getUint32(12, true) };
}

export function encodeChunk(header: Omit<ChunkHeader, 'payloadBytes'>, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_CHUNK_PAYLOAD) {
    throw new RingsideError('too-large', `${payload.length} bytes in one piece are more than a recording takes.`);
  }
  const bytes = new Uint8Array(chunkBytes(payload.length));
  bytes.set(payload, CHUNK_HEADER_BYTES);
  sealChunk(bytes, { ...header, payloadBytes: payload.length });
  return bytes;
}

/** Writes the header before a payload that stands in its place already; what pads it must be zero. */
export function sealChunk(bytes: Uint8Array, header: ChunkHeader): void {
  const { payloadBytes } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, CHUNK_HEADER_BYTES);
  view.setUint32(0, CHUNK_MARK, true);
  view.setUint32(4, payloadBytes, true);
  view.setUint8(8, header.type);
  view.setUint8(9, header.flags);
  view.setUint16(10, header.host, true);
  view.setUint32(12, header.number, true);
  view.setBigUint64(16, BigInt.asUintN(64, header.timeNs), true);
  view.setUint32(24, crc32(bytes.subarray(CHUNK_HEADER_BYTES, CHUNK_HEADER_BYTES + payloadBytes)), true);
  view.setUint32(28, crc32(bytes.subarray(0, 28)), true);
}

/** The header at `at`; null where there is none that is whole. */
export function readChunkHeader(bytes: Uint8Array, at: number): (ChunkHeader & { payloadCrc: number }) | null {
  if (at + CHUNK_HEADER_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CHUNK_HEADER_BYTES);
  if (view.getUint32(0, true) !== CHUNK_MARK) return null;
  if (view.getUint32(28, true) !== crc32(bytes.subarray(at, at + 28))) return null;
  const payloadBytes = view.getUint32(4, true);
  if (payloadBytes > MAX_CHUNK_PAYLOAD) return null;
  return {
    payloadBytes,
    type: view.getUint8(8),
    flags: view.getUint8(9),
    host: view.getUint16(10, true),
    number: view.getUint32(12, true),
    timeNs: view.getBigUint64(16, true),
    payloadCrc: view.getUint32(24, true),
  };
}

export const payloadIsWhole = (header: { payloadCrc: number }, payload: Uint8Array): boolean =>
  crc32(payload) === header.payloadCrc;

/** The end of a file that was closed in order: where its index chunk begins. */
export function encodeTrailer(indexAt: number): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(indexAt), true);
  view.setUint32(8, crc32(bytes.subarray(0, 8)), true);
  bytes.set(TRAILER_MAGIC, 16);
  return bytes;
}

/** Where the index begins; null when the file does not end with a trailer. */
export function readTrailer(bytes: Uint8Array): number | null {
  if (bytes.length < TRAILER_BYTES) return null;
  const trailer = bytes.subarray(bytes.length - TRAILER_BYTES);
  if (TRAILER_MAGIC.some((byte, at) => trailer[16 + at] !== byte)) return null;
  const view = new DataView(trailer.buffer, trailer.byteOffset, TRAILER_BYTES);
  if (view.getUint32(8, true) !== crc32(trailer.subarray(0, 8))) return null;
  const at = view.getBigUint64(0, true);
  return at > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(at);
}

/** A payload of a JSON head and bytes: a u32 length, the head, the bytes. */
export function encodeParts(head: unknown, tail: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.length + tail.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(tail, 4 + text.length);
  return bytes;
}

/** Null when the bytes are not such a payload. */
export function decodeParts(payload: Uint8Array): { head: unknown; tail: Uint8Array } | null {
  if (payload.length < 4) return null;
  const length = new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);
  if (4 + length > payload.length) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(4, 4 + length));
    return { head: JSON.parse(text) as unknown, tail: payload.subarray(4 + length) };
  } catch {
    return null;
  }
}

/** Bytes before each frame of a `frames` chunk: microseconds since the chunk's time, and the frame's length. */
export const FRAME_PREFIX_BYTES = 8;

export interface RecordedFrame {
  /** ns since the Unix epoch. */
  timeNs: bigint;
  /** Header and payload, as the agent wrote them. */
  bytes: Uint8Array;
}

/** The frames of a chunk; null when its bytes are none. */
export function decodeFrames(payload: Uint8Array, timeNs: bigint): RecordedFrame[] | null {
  const frames: RecordedFrame[] = [];
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  let at = 0;
  while (at < payload.length) {
    if (at + FRAME_PREFIX_BYTES > payload.length) return null;
    const micros = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    const begin = at + FRAME_PREFIX_BYTES;
    if (length < 16 || begin + length > payload.length || view.getUint32(begin, true) !== length - 16) return null;
    frames.push({ timeNs: timeNs + BigInt(micros) * 1000n, bytes: payload.subarray(begin, begin + length) });
    at = begin + padded(length);
  }
  return frames;
}

/** Writes a frame with its prefix to `target` at `at`; returns the bytes that it takes. */
export function putFrame(
  target: Uint8Array,
  at: number,
  micros: number,
  frame: { type: number; flags: number; stream: number; aux: number; sequence: number; payload: Uint8Array },
): number {
  const { payload } = frame;
  const view = new DataView(target.buffer, target.byteOffset + at, FRAME_PREFIX_BYTES + 16);
  view.setUint32(0, micros, true);
  view.setUint32(4, 16 + payload.length, true);
  view.setUint32(8, payload.length, true);
  view.setUint8(12, frame.type);
  view.setUint8(13, frame.flags);
  view.setUint16(14, frame.stream, true);
  view.setUint32(16, frame.sequence, true);
  view.setUint32(20, frame.aux, true);
  target.set(payload, at + FRAME_PREFIX_BYTES + 16);
  return framedBytes(payload.length);
}

/** Bytes that a frame with this payload takes in a `frames` chunk. */
export const framedBytes = (payloadBytes: number): number => FRAME_PREFIX_BYTES + padded(16 + payloadBytes);
