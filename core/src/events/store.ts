import { RingsideError } from '../errors.ts';
import type { HostNames } from './hostNames.ts';
import { Chunk, SPAN_HEADER_BYTES, Slab, type ClockOffsets } from './slab.ts';

/** Bytes that a run keeps by default; then the oldest rows leave. */
export const DEFAULT_STORE_BYTES = 256 << 20;
const DEFAULT_SLAB_BYTES = 4 << 20;
const LEAST_SLAB_BYTES = 2 << 20;
/** What a chunk object costs beside its bytes: a trickle of one-record spans must not outgrow the bound. */
const CHUNK_OVERHEAD_BYTES = 192;

export type { ClockOffsets };

/** A host that feeds the store. */
export interface StoreHost extends ClockOffsets {
  name: string;
  /** What it calls its users and addresses. */
  names?: HostNames;
}

/** Room for one span: copy `length` bytes to `bytes[offset…]`, then commit or abort it. */
export interface SpanReservation {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** @internal */
  readonly slab: Slab;
  /** @internal */
  readonly stream: EventStream;
  /** @internal */
  readonly host: number;
}

/** Where a row lies. Valid until the next call that adds to the store. */
export interface RowPlace {
  seq: number;
  chunk: Chunk;
  offset: number;
  length: number;
}

/** The rows of one stream (a buffer of the object, or "printk") from all hosts, numbered from 0 as they came. */
export class EventStream {
  #name: string;
  /** Rows ever committed: the seq of the next one. */
  delivered = 0;
  /** The oldest row that is still stored; equal to `delivered` when there is none. */
  firstSeq = 0;
  #chunks: Chunk[] = [];
  #head = 0;
  #byHost: number[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  get name(): string {
    return this.#name;
  }

  /** @internal */
  rename(name: string): void {
    this.#name = name;
  }

  get stored(): number {
    return this.delivered - this.firstSeq;
  }

  /** Rows that left because the store was full. They were delivered all the same. */
  get evicted(): number {
    return this.firstSeq;
  }

  /** Rows ever committed that came from this host. */
  deliveredBy(host: number): number {
    return this.#byHost[host] ?? 0;
  }

  /** The chunk that holds a row, or null when it has left or not come yet. */
  chunkOf(seq: number): Chunk | null {
    if (seq < this.firstSeq || seq >= this.delivered) return null;
    let low = this.#head;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.firstSeq <= seq) low = middle;
      else high = middle - 1;
    }
    return this.#chunks[low] ?? null;
  }

  /** Where a row lies, or null when it has left or not come yet. */
  place(seq: number): RowPlace | null {
    const chunk = this.chunkOf(seq);
    if (chunk === null) return null;
    const offset = chunk.dataOffset(seq - chunk.firstSeq);
    return { seq, chunk, offset, length: chunk.lengthAt(offset) };
  }

  /** @internal The slab of the newest chunk, -1 without one. */
  get newestSlab(): number {
    return this.#chunks.at(-1)?.slab.number ?? -1;
  }

  /** @internal */
  push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.delivered += chunk.count;
    this.#byHost[chunk.host] = this.deliveredBy(chunk.host) + chunk.count;
  }

  /** @internal Lets go of every chunk in a slab; they are the oldest ones, because slabs leave in order. */
  evict(slab: Slab): void {
    while (this.#head < this.#chunks.length && this.#chunks[this.#head]!.slab === slab) this.#head++;
    this.firstSeq = this.#chunks[this.#head]?.firstSeq ?? this.delivered;
    if (this.#head > 1024 && this.#head * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    } else if (this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
    }
  }
}

export interface EventStoreOptions {
  /** Most bytes kept, all streams together; at least two slabs. */
  maxBytes?: number;
  /** Size of a slab, a multiple of 8; also the largest span that fits, less a little. */
  slabBytes?: number;
}

/**
 * The records of a run as they came: verbatim spans in slabs, bounded in bytes. Nothing is decoded here and nothing is
 * copied per record; when the bound is reached the oldest slab leaves with its rows.
 */
export class EventStore {
  readonly #slabBytes: number;
  readonly #maxSlabs: number;
  #slabs: Slab[] = [];
  #nextSlab = 0;
  #streams = new Map<string, EventStream>();
  #hosts: StoreHost[] = [];

  constructor(options: EventStoreOptions = {}) {
    const maxBytes = options.maxBytes ?? DEFAULT_STORE_BYTES;
    const sensible = Math.min(DEFAULT_SLAB_BYTES, Math.max(LEAST_SLAB_BYTES, Math.floor(maxBytes / 16)));
    this.#slabBytes = (options.slabBytes ?? sensible) & ~7;
    this.#maxSlabs = Math.max(2, Math.floor(maxBytes / this.#slabBytes));
  }

  get hosts(): readonly StoreHost[] {
    return this.#hosts;
  }

  get streams(): readonly EventStream[] {
    return [...this.#streams.values()];
  }

  /** Memory held for records now. */
  get bytes(): number {
    return this.#slabs.length * this.#slabBytes;
  }

  /** Most memory that is held for records. */
  get maxBytes(): number {
    return this.#maxSlabs * this.#slabBytes;
  }

  /**
   * Registers a host and gives its index. A host of the same name keeps its index and gets the new clock offsets, which
   * count for the spans that come from now on.
   */
  addHost(name: string, clocks: ClockOffsets): number {
    const known = this.#hosts.findIndex((host) => host.name === name);
    const index = known < 0 ? this.#hosts.length : known;
    this.#hosts[index] = { ...this.#hosts[index], name, ...clocks };
    return index;
  }

  /** Who answers for the names of a host from now on. */
  setNames(host: number, names: HostNames): void {
    this.#hosts[host]!.names = names;
  }

  /** The stream of this name, made when it is new. */
  stream(name: string): EventStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) this.#streams.set(name, (stream = new EventStream(name)));
    return stream;
  }

  /** Calls a stream otherwise, so that another can have its name. Its rows and those on their way to it stay with it. */
  rename(from: string, to: string): void {
    const stream = this.stream(from);
    this.#streams.delete(from);
    this.#streams.set(to, stream);
    stream.rename(to);
  }

  /**
   * Room for a DATA payload of `length` bytes, to be filled straight from the socket. Reservations of several hosts may
   * be open at once.
   * @throws RingsideError `too-large` when it fits no slab, `protocol` when it is too short for a span.
   */
  beginSpan(stream: EventStream, host: number, length: number): SpanReservation {
    if (length < SPAN_HEADER_BYTES) throw new RingsideError('protocol', `A span of ${length} bytes has no header.`);
    if (length > this.#slabBytes - CHUNK_OVERHEAD_BYTES) {
      throw new RingsideError('too-large', `A span of ${length} bytes is larger than the event store's slabs.`);
    }
    const slab = this.#slabWithRoom((length + 7) & ~7);
    const offset = slab.used;
    slab.used += (length + 7) & ~7;
    slab.pending++;
    return { bytes: slab.bytes, offset, length, slab, stream, host };
  }

  /**
   * Takes a filled reservation into its stream and returns how many rows came.
   * @throws RingsideError `protocol` when the bytes are no span; the reservation is released, the store stays usable.
   */
  commitSpan(span: SpanReservation): number {
    // Another host's span may have gone to a newer slab meanwhile, or this slab may have left. Rows are numbered as they
    // are committed and slabs leave in order, so a late one moves to the newest slab.
    const left = span.slab.number < (this.#slabs[0]?.number ?? 0);
    if (left || span.stream.newestSlab > span.slab.number) {
      const moved = this.beginSpan(span.stream, span.host, span.length);
      moved.bytes.set(span.bytes.subarray(span.offset, span.offset + span.length), moved.offset);
      span.slab.pending--;
      return this.commitSpan(moved);
    }
    const { slab, stream, host, offset, length } = span;
    slab.pending--;
    const chunk = new Chunk(slab, host, this.#hosts[host]!, offset, offset + length, stream.delivered);
    if (chunk.count === 0) return 0;
    slab.chunks++;
    stream.push(chunk);
    return chunk.count;
  }

  /** Gives a reservation back that will not be filled: the connection was lost in the middle of a frame. */
  abortSpan(span: SpanReservation): void {
    span.slab.pending--;
    const end = span.offset + ((span.length + 7) & ~7);
    if (span.slab.used === end) span.slab.used = span.offset;
  }

  /** Copies one DATA payload into the store and returns how many rows came. */
  append(stream: EventStream, host: number, payload: Uint8Array): number {
    const span = this.beginSpan(stream, host, payload.length);
    span.bytes.set(payload, span.offset);
    return this.commitSpan(span);
  }

  #slabWithRoom(length: number): Slab {
    const current = this.#slabs.at(-1);
    if (current !== undefined) {
      const overhead = (current.chunks + current.pending + 1) * CHUNK_OVERHEAD_BYTES;
      if (current.used + length + overhead <= this.#slabBytes) return current;
    }
    const slab = new Slab(this.#bufferForNextSlab(), this.#nextSlab++);
    this.#slabs.push(slab);
    return slab;
  }

  /** A new buffer while there is room, else that of the oldest slab, whose rows leave. */
  #bufferForNextSlab(): ArrayBuffer {
    if (this.#slabs.length < this.#maxSlabs) return new ArrayBuffer(this.#slabBytes);
    const oldest = this.#slabs.shift()!;
    for (const stream of this.#streams.values()) stream.evict(oldest);
    // A host that stalled in the middle of a frame still writes there: leave it the old buffer.
    return oldest.pending === 0 ? oldest.buffer : new ArrayBuffer(this.#slabBytes);
  }
}
