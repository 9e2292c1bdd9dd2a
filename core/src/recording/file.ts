/**
 * Writes a recording: chunks are appended as they come, so that what was written stays readable whatever happens. Nobody
 * waits for the disk: what waits is bounded, and frames beyond that are refused.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { RingsideError, type ErrorData } from '../errors.ts';
import type { FrameTotals, IndexHead } from './contents.ts';
import { chunkBytes, ChunkType, encodeChunk, encodeParts, encodePreamble, encodeTrailer, sealChunk } from './format.ts';
import type { ChunkMeta, ChunkSink } from './sink.ts';

/** Frames that wait for the disk, at most. */
const MOST_WAITING_BYTES = 32 << 20;
/** What a power cut may take at most. */
const SYNC_MS = 5_000;
/** Chunks that are no frames come a few times a second; an index has this many places at most, the rest is found by scan. */
const MOST_PLACES = 1 << 20;

/** What of a file the writer needs; tests have one that is full. */
export type RecordingHandle = Pick<FileHandle, 'read' | 'write' | 'truncate' | 'datasync' | 'close'>;

/** A chunk that was taken: where it is in the file, or will be. */
export interface Placed extends ChunkMeta {
  number: number;
  at: number;
  bytes: number;
  /** Of frames. */
  records: number;
  /** Of all but frames. */
  payload?: Uint8Array;
}

export interface RecordingFileOptions {
  mostWaitingBytes?: number;
  onFailed?(error: ErrorData): void;
  openFile?(path: string): Promise<RecordingHandle>;
}

export class RecordingFile implements ChunkSink {
  failure: ErrorData | null = null;
  /** Bytes that were taken. */
  bytes = 0;
  /** Bytes of whole chunks that are in the file. */
  written = 0;
  /** What is written in turn; a job has the file for itself. */
  private readonly waiting: (Uint8Array | (() => Promise<void>))[] = [];
  private waitingBytes = 0;
  private number = 0;
  private readonly places: IndexHead['places'] = [];
  private readonly frames: FrameTotals = { chunks: 0, bytes: 0, records: 0, first: null, last: null };
  private writing: Promise<void> | undefined;
  private syncedAt = performance.now();
  private closed: Promise<void> | undefined;

  protected constructor(
    readonly path: string,
    protected handle: RecordingHandle,
    protected readonly options: RecordingFileOptions,
  ) {
    this.put(encodePreamble());
  }

  /** Errors: file-exists, recording-failed. */
  static async create(path: string, options: RecordingFileOptions = {}): Promise<RecordingFile> {
    return new RecordingFile(path, await createFile(path, options), options);
  }

  add({ type, host, timeNs }: ChunkMeta, payload: Uint8Array): void {
    if (this.failure || this.closed) return;
    const meta = { type, host, timeNs, number: this.number++ };
    this.placed({ ...meta, at: this.bytes, bytes: chunkBytes(payload.length), records: 0, payload });
    this.put(encodeChunk({ ...meta, flags: 0 }, payload));
  }

  addFrames({ type, host, timeNs }: ChunkMeta, chunk: Uint8Array, payloadBytes: number, records: number): boolean {
    if (this.failure || this.closed) return false;
    if (this.waitingBytes + chunk.length > (this.options.mostWaitingBytes ?? MOST_WAITING_BYTES)) return false;
    const meta = { type, host, timeNs, number: this.number++ };
    sealChunk(chunk, { ...meta, flags: 0, payloadBytes });
    this.placed({ ...meta, at: this.bytes, bytes: chunk.length, records });
    this.put(chunk);
    return true;
  }

  /** Remembers where a chunk is. */
  protected placed(chunk: Placed): void {
    const { type, host, at } = chunk;
    if (type === ChunkType.frames) countFrames(this.frames, chunk);
    else if (this.places.length < MOST_PLACES) this.places.push([type, host, at]);
  }

  /** What the index says. */
  protected index(): IndexHead {
    return { places: this.places, frames: this.frames };
  }

  protected get nextNumber(): number {
    return this.number;
  }

  /** Does this when everything that was taken until now is written; what comes meanwhile waits. */
  protected alone(job: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(() => job().finally(resolve));
      this.go();
    });
  }

  private put(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.go();
  }

  private go(): void {
    this.writing ??= this.write().finally(() => (this.writing = undefined));
  }

  private async write(): Promise<void> {
    try {
      for (let bytes = this.waiting.shift(); bytes !== undefined && !this.failure; bytes = this.waiting.shift()) {
        if (typeof bytes === 'function') {
          await bytes();
          continue;
        }
        await this.writeWhole(bytes);
        this.waitingBytes -= bytes.length;
        this.written += bytes.length;
        if (performance.now() - this.syncedAt > SYNC_MS) {
          await this.handle.datasync();
          this.syncedAt = performance.now();
        }
      }
    } catch (error) {
      await this.fail(error);
    }
  }

  private async writeWhole(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, at, bytes.length - at, this.written + at);
      at += bytesWritten;
    }
  }

  /** The disk is full, or gone: what is in the file stays, up to the last whole chunk. */
  private async fail(cause: unknown): Promise<void> {
    this.failure = failed(this.path, cause, 'ends here').toData();
    const jobs = this.waiting.splice(0).filter((one) => typeof one === 'function');
    this.waitingBytes = 0;
    this.bytes = this.written;
    await this.handle.truncate(this.written).catch(() => undefined);
    await this.handle.datasync().catch(() => undefined);
    await this.handle.close().catch(() => undefined);
    for (const job of jobs) await job(); // each sees the failure
    this.options.onFailed?.(this.failure);
  }

  /** Everything that was added is in the file, or the writing has failed. */
  async flush(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  protected hasFailed(): boolean {
    return this.failure !== null;
  }

  /** Writes the index and closes. Never rejects: `failure` tells. */
  close(timeNs: bigint): Promise<void> {
    this.closed ??= this.finish(timeNs);
    return this.closed;
  }

  protected async finish(timeNs: bigint): Promise<void> {
    await this.flush();
    if (this.hasFailed()) return;
    const indexAt = this.bytes;
    const meta = { type: ChunkType.index, flags: 0, host: 0, number: this.number++, timeNs };
    this.put(encodeChunk(meta, encodeParts(this.index())));
    this.put(encodeTrailer(indexAt));
    await this.flush();
    if (this.hasFailed()) return;
    try {
      await this.handle.datasync();
      await this.handle.close();
    } catch (error) {
      await this.fail(error);
    }
  }
}

/** Errors: file-exists, recording-failed. */
export async function createFile(path: string, options: RecordingFileOptions): Promise<RecordingHandle> {
  try {
    return await (options.openFile ?? openNew)(path);
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') {
      throw new RingsideError('file-exists', `${path} exists already.`, {
        remedy: 'Choose another name: a recording never takes the place of a file.',
        cause,
      });
    }
    throw failed(path, cause, 'cannot be made');
  }
}

/** Its rows may be anybody's secrets: only the user reads it. */
const openNew = (path: string): Promise<FileHandle> => open(path, 'wx+', 0o600);

export function countFrames(totals: FrameTotals, { bytes, records, timeNs }: Placed): void {
  totals.chunks++;
  totals.bytes += bytes;
  totals.records += records;
  totals.first ??= String(timeNs);
  totals.last = String(timeNs);
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function failed(path: string, cause: unknown, what: string): RingsideError {
  const code = codeOf(cause);
  const said = whys[code] ?? (cause instanceof Error ? cause.message : String(cause));
  const remedy =
    what === 'ends here'
      ? 'What was recorded until then can be opened; the run goes on. Make room, or record to another disk.'
      : 'Choose a folder that you may write to, on a disk with room.';
  return new RingsideError('recording-failed', `The recording ${path} ${what}: ${said}.`, { remedy, cause });
}

const whys: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on this disk is used up',
  EFBIG: 'the file system takes no larger file',
  EROFS: 'the disk is mounted read-only',
  EACCES: 'the folder may not be written to',
  EPERM: 'the folder may not be written to',
  ENOENT: 'the folder does not exist',
  ENOTDIR: 'the folder does not exist',
  EISDIR: 'it is a folder',
  EIO: 'the disk reports an error',
};
