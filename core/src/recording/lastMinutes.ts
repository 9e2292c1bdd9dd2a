/**
 * A recording that keeps the last minutes: what is older leaves the file. The file is written on at its end; when half as
 * much again as is wanted stands in it, what is still wanted is copied to a file beside it, which then takes its place in
 * one step. So there is a whole file at every moment, and the disk holds no more than two and a half times the window.
 */
import { open, rename, rm } from 'node:fs/promises';
import type { FrameTotals, IndexHead } from './contents.ts';
import { headIs } from './contents.ts';
import { countFrames, createFile, RecordingFile, type Placed, type RecordingHandle } from './file.ts';
import type { RecordingFileOptions } from './file.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkType,
  decodeParts,
  encodeChunk,
  encodeParts,
  encodePreamble,
  PREAMBLE_BYTES,
  readChunkHeader,
} from './format.ts';
import type { CarriedNames, ChunkMeta } from './sink.ts';

/** Larger than this the file does not become, however short the time that fits. */
export const MOST_LAST_BYTES = 2 ** 30;
/** Bytes that are copied at once; what is left then is copied while the writer waits. */
const COPY_BYTES = 1 << 20;
/** Behind a copy that failed the next one waits so long. */
const RETRY_NS = 10_000_000_000n;

export interface LastMinutesOptions extends RecordingFileOptions {
  /** How much is kept at least, once there was so much. */
  seconds: number;
  /** Default: MOST_LAST_BYTES. */
  mostBytes?: number;
  /**
   * Chunks of names up to `untilNs` leave, rows begin at `fromNs`: what of those names is still to be in the file.
   * Default: none.
   */
  carriedNames?(fromNs: bigint, untilNs: bigint): Promise<CarriedNames[]>;
}

/** Chunks that say what the run is: they stay, whatever their age. */
const lasting = new Set<number>([ChunkType.run, ChunkType.host, ChunkType.program, ChunkType.attached, ChunkType.swap]);

interface Piece extends Omit<Placed, 'payload'> {
  /** Of a map's entries: whose they are. */
  map: string;
}

export class LastMinutesFile extends RecordingFile {
  private pieces: Piece[] = [];
  private trimming: Promise<void> | undefined;
  private newestNs = 0n;
  private retryNs = 0n;
  private endNs: bigint | null = null;
  private readonly windowNs: bigint;
  private readonly mostBytes: number;

  private constructor(
    path: string,
    handle: RecordingHandle,
    protected override readonly options: LastMinutesOptions,
  ) {
    super(path, handle, options);
    this.windowNs = BigInt(Math.round(options.seconds * 1e9));
    this.mostBytes = options.mostBytes ?? MOST_LAST_BYTES;
  }

  /** Errors: file-exists, recording-failed. */
  static override async create(path: string, options: LastMinutesOptions): Promise<LastMinutesFile> {
    return new LastMinutesFile(path, await createFile(path, options), options);
  }

  protected override placed({ payload, ...chunk }: Placed): void {
    this.pieces.push({ ...chunk, map: chunk.type === ChunkType.map ? mapOf(payload) : '' });
    if (chunk.timeNs > this.newestNs) this.newestNs = chunk.timeNs;
    if (this.trimming === undefined && this.isDue()) void this.trim();
  }

  protected override index(): IndexHead {
    const places = this.pieces.filter(({ type }) => type !== ChunkType.frames);
    return { places: places.map(({ type, host, at }) => [type, host, at]), frames: this.totals() };
  }

  /** Of the frames that are kept. */
  totals(): FrameTotals {
    const totals: FrameTotals = { chunks: 0, bytes: 0, records: 0, first: null, last: null };
    for (const piece of this.pieces) if (piece.type === ChunkType.frames) countFrames(totals, piece);
    return totals;
  }

  protected override async finish(timeNs: bigint): Promise<void> {
    await this.trimming;
    await this.trim();
    await super.finish(timeNs);
  }

  private isDue(): boolean {
    if (this.newestNs < this.retryNs) return false;
    if (this.bytes > this.mostBytes) return true;
    const oldest = this.pieces.find(({ type }) => !lasting.has(type))?.timeNs ?? this.newestNs;
    return this.newestNs - oldest > (this.windowNs * 3n) / 2n;
  }

  /** The last minutes are those before this moment: what is still to be written while it ends takes none of them away. */
  endsAt(timeNs: bigint): void {
    this.endNs ??= timeNs;
  }

  /** Brings the file down to the window. A copy that fails leaves it as it is. */
  private trim(): Promise<void> {
    this.trimming ??= this.copy().finally(() => (this.trimming = undefined));
    return this.trimming;
  }

  private async copy(): Promise<void> {
    const beside = `${this.path}.trim`;
    let target: RecordingHandle | undefined;
    try {
      await this.flush();
      if (this.hasFailed()) return;
      const from = this.firstWanted();
      const older = this.pieces.slice(0, from);
      const carried = carriedOver(older);
      const next = this.pieces[from];
      const names = older.filter(({ type }) => type === ChunkType.names);
      if (carried.length + names.length === from) return; // nothing is too old
      const told = await this.carriedNames(next?.timeNs ?? this.newestNs, names);
      const number = (next?.number ?? this.nextNumber) - carried.length - told.length;
      if (number < 0) throw new Error('there are not enough numbers for the chunks yet');
      target = await open(beside, 'w+', 0o600);
      const out = new Copy(target, number);
      await out.begin();
      const moved: Piece[] = [];
      for (const piece of carried) moved.push(await out.carry(this.handle, piece));
      for (const { host, payload } of told) {
        const timeNs = next?.timeNs ?? this.newestNs;
        moved.push({ ...(await out.put({ type: ChunkType.names, host, timeNs }, payload)), records: 0, map: '' });
      }
      const source = next?.at ?? this.written;
      let done = source;
      for (; this.written - done > COPY_BYTES && !this.hasFailed(); done += COPY_BYTES)
        await out.append(this.handle, done, COPY_BYTES);
      await this.alone(async () => {
        if (this.hasFailed()) return;
        for (; done < this.written; done += COPY_BYTES)
          await out.append(this.handle, done, Math.min(COPY_BYTES, this.written - done));
        await this.take(beside, target!);
        target = undefined;
        const shift = out.begun - source;
        const kept = this.pieces.slice(from);
        for (const piece of kept) piece.at += shift;
        this.pieces = [...moved, ...kept];
        this.written += shift;
        this.bytes += shift;
      });
    } catch {
      this.retryNs = this.newestNs + RETRY_NS;
    } finally {
      if (target !== undefined) {
        await target.close().catch(() => undefined);
        await rm(beside, { force: true }).catch(() => undefined);
      }
    }
  }

  private async carriedNames(fromNs: bigint, names: readonly Piece[]): Promise<CarriedNames[]> {
    if (names.length === 0) return [];
    const untilNs = names.reduce((most, { timeNs }) => (timeNs > most ? timeNs : most), 0n);
    return (await this.options.carriedNames?.(fromNs, untilNs)) ?? [];
  }

  /** The copy is the recording from now on. */
  private async take(beside: string, target: RecordingHandle): Promise<void> {
    await target.datasync();
    await this.handle.close(); // a file that is open has no other put in its place everywhere
    try {
      await rename(beside, this.path);
      this.handle = target;
    } catch (error) {
      this.handle = await open(this.path, 'r+');
      throw error;
    }
  }

  /** Index of the first piece that is young enough, and from which on not too much stands in the file. */
  private firstWanted(): number {
    const newest = this.endNs !== null && this.endNs < this.newestNs ? this.endNs : this.newestNs;
    const oldest = newest - this.windowNs;
    const mostBytes = this.bytes > this.mostBytes ? this.mostBytes / 2 : this.mostBytes;
    const found = this.pieces.findIndex(({ timeNs, at }) => timeNs >= oldest && this.bytes - at <= mostBytes);
    return found < 0 ? this.pieces.length : found;
  }
}

/**
 * What of older chunks a reader needs: what the run is, the first figures of each version on each host, and of maps and
 * figures what held when the window began.
 */
export function carriedOver<T extends Pick<Piece, 'type' | 'host' | 'map'>>(older: readonly T[]): T[] {
  const keep = new Set<T>();
  const last = new Map<string, T>();
  const figured = new Set<number>();
  for (const piece of older) {
    const { type, host, map } = piece;
    if (lasting.has(type)) keep.add(piece);
    if (type === ChunkType.swap) figured.delete(host);
    if (type === ChunkType.figures && !figured.has(host)) {
      figured.add(host);
      keep.add(piece);
    }
    if (type === ChunkType.figures || type === ChunkType.map) last.set(`${type} ${host} ${map}`, piece);
  }
  for (const piece of last.values()) keep.add(piece);
  return older.filter((piece) => keep.has(piece));
}

function mapOf(payload: Uint8Array | undefined): string {
  const head = payload && decodeParts(payload)?.head;
  return headIs.map(head) ? head.map : '';
}

/** The file that is to take the place. */
class Copy {
  /** Where it stands when the carried chunks are in. */
  begun = PREAMBLE_BYTES;
  private at = PREAMBLE_BYTES;

  constructor(
    private readonly target: RecordingHandle,
    private number: number,
  ) {}

  async begin(): Promise<void> {
    await writeWhole(this.target, encodePreamble(this.number), 0);
  }

  /** A chunk under its new number. */
  async carry(source: RecordingHandle, piece: Piece): Promise<Piece> {
    const old = await readWhole(source, piece.at, piece.bytes);
    const header = readChunkHeader(old, 0);
    if (header === null) throw new Error('the file is not as it was written');
    const payload = old.subarray(CHUNK_HEADER_BYTES, CHUNK_HEADER_BYTES + header.payloadBytes);
    return { ...piece, ...(await this.put(header, header.type === ChunkType.run ? asLater(payload) : payload)) };
  }

  async put({ type, host, timeNs }: ChunkMeta, payload: Uint8Array): Promise<Omit<Piece, 'records' | 'map'>> {
    const number = this.number++;
    const bytes = encodeChunk({ type, host, timeNs, flags: 0, number }, payload);
    await writeWhole(this.target, bytes, this.at);
    const at = this.at;
    this.begun = this.at += bytes.length;
    return { type, host, timeNs, number, at, bytes: bytes.length };
  }

  async append(source: RecordingHandle, from: number, length: number): Promise<void> {
    await writeWhole(this.target, await readWhole(source, from, length), this.at);
    this.at += length;
  }
}

/** Rows came before those that are kept. */
function asLater(payload: Uint8Array): Uint8Array {
  const parts = decodeParts(payload);
  return headIs.run(parts?.head) ? encodeParts({ ...parts.head, later: true }, parts.tail) : payload;
}

async function readWhole(source: RecordingHandle, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await source.read(bytes, filled, length - filled, from + filled);
    if (bytesRead === 0) throw new Error('the file is shorter than it was written');
    filled += bytesRead;
  }
  return bytes;
}

async function writeWhole(target: RecordingHandle, bytes: Uint8Array, to: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await target.write(bytes, at, bytes.length - at, to + at);
    at += bytesWritten;
  }
}
