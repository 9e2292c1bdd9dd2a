/** Where a recorder's chunks go: a file, or memory and disk that keep the last minutes. */
import type { ErrorData } from '../errors.ts';

export interface ChunkMeta {
  type: number;
  host: number;
  timeNs: bigint;
}

export interface ChunkSink {
  /** Takes a chunk. Small ones are always taken. */
  add(meta: ChunkMeta, payload: Uint8Array): void;
  /**
   * Takes a chunk of frames that stands in its buffer already, behind room for the header; false when more waits for the disk
   * than may wait: nothing of it is kept then.
   */
  addFrames(meta: ChunkMeta, chunk: Uint8Array, payloadBytes: number, records: number): boolean;
  /** Why nothing is written any more; null while it is. */
  readonly failure: ErrorData | null;
  /** Bytes that were written or will be. */
  readonly bytes: number;
}

/** The payload of a chunk of names that still hold. */
export interface CarriedNames {
  host: number;
  payload: Uint8Array;
}
