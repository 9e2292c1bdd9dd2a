import { RingsideError } from '../errors.ts';

/** Distance between the wall clock and the kernel's clocks on a host, as its agent told, in nanoseconds. */
export interface ClockOffsets {
  realtimeMinusMonotonicNs: bigint;
  realtimeMinusBoottimeNs: bigint;
}

/** Bit 31 of a record header: the program still writes this record. Never set in what the agent sends. */
const BUSY = 0x80000000;
/** Bit 30: the program reserved the record and gave it up. */
const DISCARD = 0x40000000;
/** The rest of the word is the record's length in bytes. */
const LENGTH_MASK = 0x3fffffff;

/** Read time (u64), records (u32), cpu (u32): see host-agent/proto/agent.proto. */
export const SPAN_HEADER_BYTES = 16;
/** Length word and page offset before each record. */
export const RECORD_HEADER_BYTES = 8;
/** The span header's cpu of ring buffers, which are shared by all CPUs. */
export const NO_CPU = 0xffffffff;
/**
 * The span header's cpu of samples of several CPUs in one order (perCpuMerge.ts). Bits 16 to 29 of a record's length word
 * are its CPU then: a perf sample is shorter than 64 KiB, and no kernel has more than 8,192 CPUs.
 */
export const ALL_CPUS = 0xfffffffe;
const SAMPLE_LENGTH_MASK = 0xffff;
const SAMPLE_CPU_SHIFT = 16;
export const MOST_SAMPLE_BYTES = SAMPLE_LENGTH_MASK;
export const MOST_CPUS = 1 << 14;

/** The length word of a record in a span of several CPUs. */
export function sampleWord(length: number, cpu: number): number {
  return length | (cpu << SAMPLE_CPU_SHIFT);
}

/** Bit 31 of an age word: the rest counts microseconds instead of nanoseconds. */
const MICROSECONDS = 0x80000000;

/** How long before the span's read time a sample was written, in nanoseconds. */
export function ageOf(word: number): number {
  return word < MICROSECONDS ? word : (word - MICROSECONDS) * 1000;
}

/** The word for an age; it loses the nanoseconds above two seconds. What is older than half an hour counts as that old. */
export function ageWord(nanoseconds: number): number {
  if (nanoseconds < MICROSECONDS) return Math.max(0, nanoseconds);
  return MICROSECONDS + Math.min(MICROSECONDS - 1, Math.floor(nanoseconds / 1000));
}

/** Rows between two marks of a chunk with records of different lengths; a row is found by walking at most this many. */
const ROWS_PER_MARK = 64;

/**
 * A piece of memory that holds spans one after the other, each at a multiple of 8, so that words can be read through
 * typed arrays. Words are little endian, as on every machine that runs the engine.
 */
export class Slab {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly signedWords: Int32Array;
  readonly view: DataView;
  /** Rises with each use of a buffer: the order in which slabs are filled and leave. */
  readonly number: number;
  used = 0;
  /** Spans handed out by `beginSpan` and not yet committed. */
  pending = 0;
  chunks = 0;

  constructor(buffer: ArrayBuffer, number: number) {
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.signedWords = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.number = number;
  }
}

/** One committed span: rows `firstSeq` … `firstSeq + count - 1` of its stream, from one host and one drain. */
export class Chunk {
  readonly slab: Slab;
  readonly host: number;
  /** The host's clocks when the span came: they may be set later. */
  readonly clocks: ClockOffsets;
  /** Offset of the span header in the slab. */
  readonly start: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly count: number;
  /** The length that all records have; -1 when they differ or discarded ones lie between. */
  readonly recordLength: number;
  /** The CPU of all its samples; NO_CPU and ALL_CPUS as in the span header. */
  readonly #cpu: number;
  readonly #lengthMask: number;
  readonly #stride: number;
  readonly #marks: Uint32Array | null;

  constructor(slab: Slab, host: number, clocks: ClockOffsets, start: number, end: number, firstSeq: number) {
    this.slab = slab;
    this.host = host;
    this.clocks = clocks;
    this.start = start;
    this.end = end;
    this.firstSeq = firstSeq;
    this.#cpu = slab.words[(start + 12) >> 2]!;
    this.#lengthMask = this.#cpu === ALL_CPUS ? SAMPLE_LENGTH_MASK : LENGTH_MASK;
    const layout = walkSpan(slab.words, start, end, this.#lengthMask);
    this.count = layout.count;
    this.recordLength = layout.recordLength;
    this.#stride = strideOf(Math.max(0, layout.recordLength));
    this.#marks = layout.marks;
  }

  /** When the agent read the span, nanoseconds since the epoch. */
  get readTimeNs(): bigint {
    return this.slab.view.getBigUint64(this.start, true);
  }

  /** True when its records are of several CPUs. */
  get mixesCpus(): boolean {
    return this.#cpu === ALL_CPUS;
  }

  /** The CPU that wrote the sample whose bytes begin at `offset`; null for ring buffers. */
  cpuAt(offset: number): number | null {
    if (this.#cpu === NO_CPU) return null;
    if (this.#cpu !== ALL_CPUS) return this.#cpu;
    return (this.slab.words[(offset - RECORD_HEADER_BYTES) >> 2]! >>> SAMPLE_CPU_SHIFT) & (MOST_CPUS - 1);
  }

  /** When the record whose bytes begin at `offset` was made, as far as its buffer tells: a ring tells when it was read. */
  timeAt(offset: number): bigint {
    if (this.#cpu === NO_CPU) return this.readTimeNs;
    return this.readTimeNs - BigInt(ageOf(this.slab.words[(offset - 4) >> 2]!));
  }

  /** Where the bytes of a row (counted within the chunk) begin in the slab. */
  dataOffset(row: number): number {
    const first = this.start + SPAN_HEADER_BYTES + RECORD_HEADER_BYTES;
    if (this.#marks === null) return first + row * this.#stride;
    let header = this.#marks[Math.floor(row / ROWS_PER_MARK)]!;
    for (let left = row % ROWS_PER_MARK; left > 0; left--) header = this.#nextHeader(header);
    return header + RECORD_HEADER_BYTES;
  }

  /** Length of the record whose bytes begin at `offset`. */
  lengthAt(offset: number): number {
    return this.slab.words[(offset - RECORD_HEADER_BYTES) >> 2]! & this.#lengthMask;
  }

  /** Writes the data offsets of rows `row` … `row + count - 1` to `offsets`. */
  fillOffsets(row: number, count: number, offsets: Uint32Array): void {
    let offset = this.dataOffset(row);
    if (this.#marks === null) {
      const stride = this.#stride;
      for (let i = 0; i < count; i++, offset += stride) offsets[i] = offset;
      return;
    }
    for (let i = 0; i < count; i++) {
      offsets[i] = offset;
      if (i + 1 < count) offset = this.#nextHeader(offset - RECORD_HEADER_BYTES) + RECORD_HEADER_BYTES;
    }
  }

  /** Header of the next record that was not discarded; only called where there is one. */
  #nextHeader(header: number): number {
    const words = this.slab.words;
    let next = header;
    do next += strideOf(words[next >> 2]! & this.#lengthMask);
    while ((words[next >> 2]! & DISCARD) !== 0);
    return next;
  }
}

/** Rows of records as filters see them: a span, or whatever else lies in memory like one. */
export type RecordSource = Pick<
  Chunk,
  | 'slab'
  | 'host'
  | 'clocks'
  | 'firstSeq'
  | 'count'
  | 'recordLength'
  | 'mixesCpus'
  | 'cpuAt'
  | 'timeAt'
  | 'readTimeNs'
  | 'lengthAt'
  | 'fillOffsets'
>;

/** Bytes that a record of this length takes in a span. */
export function strideOf(length: number): number {
  return RECORD_HEADER_BYTES + ((length + 7) & ~7);
}

interface SpanLayout {
  count: number;
  recordLength: number;
  marks: Uint32Array | null;
}

/**
 * Checks a span record by record and counts its rows. Spans whose records all have the same header word (the usual
 * case) need no index; others get a mark every 64 rows.
 * @throws RingsideError `protocol` when the bytes are not a span.
 */
function walkSpan(words: Uint32Array, start: number, end: number, lengthMask: number): SpanLayout {
  if (end - start < SPAN_HEADER_BYTES || (end - start) % 8 !== 0) {
    throw malformed(`its ${end - start} bytes are no span header and records padded to 8`);
  }
  const announced = words[(start + 8) >> 2]!;
  const body = start + SPAN_HEADER_BYTES;
  const uniform = uniformCount(words, body, end, lengthMask);
  const layout = uniform ?? walkMixed(words, body, end, lengthMask);
  if (layout.count !== announced) throw malformed(`it announces ${announced} records and holds ${layout.count}`);
  return layout;
}

/** The rows of a span in which every record has the same length and none is discarded; null for any other. */
function uniformCount(words: Uint32Array, body: number, end: number, lengthMask: number): SpanLayout | null {
  if (body === end) return { count: 0, recordLength: -1, marks: null };
  const mask = lengthMask | BUSY | DISCARD;
  const first = words[body >> 2]! & mask;
  const stride = strideOf(first & lengthMask);
  if ((first & ~lengthMask) !== 0 || (end - body) % stride !== 0) return null;
  for (let at = body >> 2; at < end >> 2; at += stride >> 2) if ((words[at]! & mask) !== first) return null;
  return { count: (end - body) / stride, recordLength: first, marks: null };
}

function walkMixed(words: Uint32Array, body: number, end: number, lengthMask: number): SpanLayout {
  const marks: number[] = [];
  let count = 0;
  let at = body;
  while (at < end) {
    const word = words[at >> 2]!;
    if ((word & BUSY) !== 0) throw malformed(`the record at byte ${at - body} is still being written`);
    const next = at + strideOf(word & lengthMask);
    if (next > end) throw malformed(`the record at byte ${at - body} reaches beyond the span`);
    if ((word & DISCARD) === 0) {
      if (count % ROWS_PER_MARK === 0) marks.push(at);
      count++;
    }
    at = next;
  }
  return { count, recordLength: -1, marks: Uint32Array.from(marks) };
}

export function malformed(why: string): RingsideError {
  return new RingsideError('protocol', `The agent sent a malformed span of records: ${why}.`, {
    remedy: 'Attach again. If it happens again, please report it with the log.',
  });
}
