/**
 * Writes a recording: chunks are appended as they come, so that what was written stays readable whatever happens. Nobody
 * waits for the disk: what waits is bounded, and frames beyond that are refused.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { RingsideError, type ErrorData } from '../errors.ts';
import type { FrameTotals, IndexHead } from './contents.ts';
import { ChunkType, encodeChunk, encodeParts, encodePreamble, encodeTrailer, sealChunk } from './format.ts';
import type { ChunkMeta, ChunkSink } from './sink.ts';

/** Frames that wait for the disk, at most. */
const MOST_WAITING_BYTES = 32 << 20;
/** What a power cut may take at most. */
const SYNC_MS = 5_000;
/** Chunks that are no frames come a few times a second; an index has this many places at most, the rest is found by scan. */
const MOST_PLACES = 1 << 20;

/** What of a file the writer needs; tests have one that is full. */
export type RecordingHandle = Pick<FileHandle, 'write' | 'truncate' | 'datasync' | 'close'>;

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
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private number = 0;
  private readonly places: IndexHead['places'] = [];
  private readonly frames: FrameTotals = { chunks: 0, bytes: 0, records: 0, first: null, last: null };
  private writing: Promise<void> | undefined;
  private syncedAt = performance.now();
  private closed: Promise<void> | undefined;

  private constructor(
    readonly path: string,
    private readonly handle: RecordingHandle,
    private readonly options: RecordingFileOptions,
  ) {
    this.put(encodePreamble());
  }

  /** Errors: file-exists, recording-failed. */
  static async create(path: string, options: RecordingFileOptions = {}): Promise<RecordingFile> {
    try {
      const handle = await (options.openFile ?? openNew)(path);
      return new RecordingFile(path, handle, options);
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

  add({ type, host, timeNs }: ChunkMeta, payload: Uint8Array): void {
    if (this.failure || this.closed) return;
    if (type !== ChunkType.index && this.places.length < MOST_PLACES) this.places.push([type, host, this.bytes]);
    this.put(encodeChunk({ type, flags: 0, host, number: this.number++, timeNs }, payload));
  }

  addFrames({ type, host, timeNs }: ChunkMeta, chunk: Uint8Array, payloadBytes: number, records: number): boolean {
    if (this.failure || this.closed) return false;
    if (this.waitingBytes + chunk.length > (this.options.mostWaitingBytes ?? MOST_WAITING_BYTES)) return false;
    sealChunk(chunk, { type, flags: 0, host, number: this.number++, timeNs, payloadBytes });
    this.frames.chunks++;
    this.frames.bytes += chunk.length;
    this.frames.records += records;
    this.frames.first ??= String(timeNs);
    this.frames.last = String(timeNs);
    this.put(chunk);
    return true;
  }

  private put(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.writing ??= this.write().finally(() => (this.writing = undefined));
  }

  private async write(): Promise<void> {
    try {
      for (let bytes = this.waiting.shift(); bytes !== undefined && !this.failure; bytes = this.waiting.shift()) {
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
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.bytes = this.written;
    await this.handle.truncate(this.written).catch(() => undefined);
    await this.handle.datasync().catch(() => undefined);
    await this.handle.close().catch(() => undefined);
    this.options.onFailed?.(this.failure);
  }

  /** Everything that was added is in the file, or the writing has failed. */
  async flush(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  private hasFailed(): boolean {
    return this.failure !== null;
  }

  /** Writes the index and closes. Never rejects: `failure` tells. */
  close(timeNs: bigint): Promise<void> {
    this.closed ??= this.finish(timeNs);
    return this.closed;
  }

  private async finish(timeNs: bigint): Promise<void> {
    await this.flush();
    if (this.hasFailed()) return;
    const indexAt = this.bytes;
    const head: IndexHead = { places: this.places, frames: this.frames };
    const meta = { type: ChunkType.index, flags: 0, host: 0, number: this.number++, timeNs };
    this.put(encodeChunk(meta, encodeParts(head)));
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

/** Its rows may be anybody's secrets: only the user reads it. */
const openNew = (path: string): Promise<FileHandle> => open(path, 'wx', 0o600);

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
