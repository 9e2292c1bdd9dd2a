/**
 * Reads a recording in order, as far as it is whole: a cut end, a damaged chunk or a type of a later version is passed over
 * and counted, never taken for something else.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { RingsideError } from '../errors.ts';
import {
  checkPreamble,
  CHUNK_HEADER_BYTES,
  chunkBytes,
  ChunkType,
  decodeParts,
  MAX_CHUNK_PAYLOAD,
  payloadIsWhole,
  PREAMBLE_BYTES,
  readChunkHeader,
  readTrailer,
  TRAILER_BYTES,
  type ChunkHeader,
} from './format.ts';
import { headIs, type IndexHead } from './contents.ts';

/** Bytes that are looked through at once for where chunks begin again. */
const SEARCH_BYTES = 256 << 10;

export interface Chunk extends ChunkHeader {
  /** In the file. */
  at: number;
  payload: Uint8Array;
}

/** Where a chunk is, without its payload. */
export type ChunkPlace = ChunkHeader & { at: number };

/** What of a file could not be read. */
export interface Damage {
  /** The file does not end as one that was closed in order: the recorder was killed, or the end is missing. */
  cut: boolean;
  /** Bytes that are no whole chunk: damaged ones, and what is left of a cut one. */
  lostBytes: number;
  /** Chunks that are missing, by their numbers; those behind a cut cannot be counted. */
  lostChunks: number;
  /** Chunks of types that this version does not know. */
  unknownChunks: number;
}

const noDamage = (cut: boolean): Damage => ({ cut, lostBytes: 0, lostChunks: 0, unknownChunks: 0 });

export const isWhole = ({ cut, lostBytes, lostChunks }: Damage): boolean => !cut && lostBytes === 0 && lostChunks === 0;

/** "The recording is cut: …" in words; "" when nothing is missing. */
export function damageText({ cut, lostBytes, lostChunks, unknownChunks }: Damage): string {
  const parts = [];
  if (cut) parts.push('It was not closed in order: what came after its last whole part is missing, and not counted.');
  if (lostChunks > 0 || lostBytes > 0) {
    const missing = lostChunks > 0 ? `, ${lostChunks} parts are missing` : '';
    parts.push(`${lostBytes.toLocaleString('en-US')} bytes are damaged${missing}: their rows are not counted.`);
  }
  if (unknownChunks > 0) parts.push(`${unknownChunks} parts are of a later version of Ringside, and left out.`);
  return parts.join(' ');
}

/** Bytes of a file, or of memory. */
export interface ByteSource {
  readonly size: number;
  /** Fewer bytes only where the file ends. */
  read(at: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export class RecordingReader {
  /** Of the last pass over the file; complete once that is through. */
  damage: Damage = noDamage(false);

  private constructor(
    readonly file: string,
    readonly source: ByteSource,
    /** As the file's end tells; null when it has to be scanned. */
    readonly index: IndexHead | null,
    /** Where the chunks end: at the trailer, or where the file does. */
    private readonly end: number,
    /** Number of the first chunk. */
    private readonly first: number,
  ) {
    this.damage = noDamage(index === null);
  }

  /** Errors: file-not-found, not-a-recording, recording-newer. */
  static async open(file: string): Promise<RecordingReader> {
    const source = await openSource(file);
    try {
      return await RecordingReader.over(source, file);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Errors: not-a-recording, recording-newer. */
  static async over(source: ByteSource, file: string): Promise<RecordingReader> {
    const { first } = checkPreamble(await source.read(0, PREAMBLE_BYTES), file);
    const trailer = await source.read(Math.max(0, source.size - TRAILER_BYTES), TRAILER_BYTES);
    const indexAt = readTrailer(trailer);
    const index = indexAt === null ? null : await readIndex(source, indexAt);
    const end = index === null ? source.size : source.size - TRAILER_BYTES;
    return new RecordingReader(file, source, index, end, first);
  }

  /** Every whole chunk, in order. */
  async *chunks(): AsyncGenerator<Chunk> {
    for await (const place of this.places()) {
      const payload = await this.payload(place);
      if (payload !== null) yield { ...place, payload };
      else this.lost(place);
    }
  }

  /** A chunk whose payload is damaged, or is not what its type says. */
  lost({ payloadBytes }: ChunkPlace): void {
    this.damage.lostBytes += chunkBytes(payloadBytes);
    this.damage.lostChunks++;
  }

  /** The headers of all chunks that reach into the file whole. */
  async *places(): AsyncGenerator<ChunkPlace> {
    this.damage = noDamage(this.index === null);
    const known = new Set<number>(Object.values(ChunkType));
    let next = this.first;
    let ended = false;
    for (let at = PREAMBLE_BYTES; at < this.end;) {
      const header = readChunkHeader(await this.source.read(at, CHUNK_HEADER_BYTES), 0);
      const whole = header !== null && at + chunkBytes(header.payloadBytes) <= this.end;
      if (!whole && ended) return; // only the index is missing
      if (!whole) {
        const found = await this.search(at + 1);
        this.damage.lostBytes += found - at;
        at = found;
        continue;
      }
      this.damage.lostChunks += Math.max(0, header.number - next);
      next = header.number + 1;
      if (header.type === ChunkType.end) {
        ended = true;
        this.damage.cut = false;
      }
      if (!known.has(header.type) || header.flags !== 0) this.damage.unknownChunks++;
      else yield { ...header, at };
      at += chunkBytes(header.payloadBytes);
    }
  }

  /** The payload of a chunk; null when it is damaged. */
  async payload(place: ChunkPlace): Promise<Uint8Array | null> {
    const header = readChunkHeader(await this.source.read(place.at, CHUNK_HEADER_BYTES), 0);
    if (header?.payloadBytes !== place.payloadBytes) return null;
    const payload = await this.source.read(place.at + CHUNK_HEADER_BYTES, place.payloadBytes);
    return payload.length === place.payloadBytes && payloadIsWhole(header, payload) ? payload : null;
  }

  /** Where the next chunk begins; the end when there is none any more. */
  private async search(from: number): Promise<number> {
    for (let at = from; at < this.end; at += SEARCH_BYTES) {
      const bytes = await this.source.read(at, Math.min(SEARCH_BYTES + CHUNK_HEADER_BYTES, this.end - at));
      for (let i = bytes.indexOf(0x52); i >= 0 && i < SEARCH_BYTES; i = bytes.indexOf(0x52, i + 1)) {
        const header = bytes[i + 1] === 0x53 ? readChunkHeader(bytes, i) : null;
        if (header !== null && at + i + chunkBytes(header.payloadBytes) <= this.end) return at + i;
      }
    }
    return this.end;
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

/** An index that is damaged is none: the file is scanned then. */
async function readIndex(source: ByteSource, at: number): Promise<IndexHead | null> {
  if (at + CHUNK_HEADER_BYTES > source.size) return null;
  const header = readChunkHeader(await source.read(at, CHUNK_HEADER_BYTES), 0);
  if (header?.type !== ChunkType.index || header.payloadBytes > MAX_CHUNK_PAYLOAD) return null;
  const payload = await source.read(at + CHUNK_HEADER_BYTES, header.payloadBytes);
  if (payload.length !== header.payloadBytes || !payloadIsWhole(header, payload)) return null;
  const head = decodeParts(payload)?.head;
  return headIs.index(head) ? head : null;
}

async function openSource(file: string): Promise<ByteSource> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    const { size } = await handle.stat();
    return new FileSource(handle, size);
  } catch (cause) {
    await handle.close();
    throw unreadable(file, cause);
  }
}

const unreadable = (file: string, cause: unknown): RingsideError =>
  new RingsideError('file-not-found', `${file} cannot be read.`, { remedy: 'Give the path of a recording.', cause });

class FileSource implements ByteSource {
  constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  async read(at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(bytes, filled, length - filled, at + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** A recording in memory: for tests and fuzzing. */
export class MemorySource implements ByteSource {
  constructor(private readonly bytes: Uint8Array) {}

  get size(): number {
    return this.bytes.length;
  }

  read(at: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.bytes.slice(at, at + length));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
