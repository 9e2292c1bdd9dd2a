import type { StreamSchema } from '../model/index.ts';
import { isBigEndian } from './decode.ts';
import { clockField, completeSchema, recordSelector, type RecordSelector } from './schema.ts';
import {
  ageOf,
  ageWord,
  ALL_CPUS,
  malformed,
  MOST_CPUS,
  MOST_SAMPLE_BYTES,
  NO_CPU,
  sampleWord,
  SPAN_HEADER_BYTES,
  strideOf,
  type ClockOffsets,
} from './slab.ts';

/**
 * How long before its sample a stamp of the record itself may have been taken to decide the order. Tools that stamp the
 * beginning of what they measure are shown as they were written.
 */
const STAMP_BEFORE_NS = 5_000_000;
/** The host's two clocks are compared now and then: a stamp may seem a little later than its sample. */
const STAMP_AFTER_NS = 1_000_000;
/** What is older than the host's mark by this is final: a record to come cannot be before it, by sample or by stamp. */
const MARGIN_NS = STAMP_BEFORE_NS + STAMP_AFTER_NS;
/** No record waits longer for those of other CPUs, whatever the host says. */
const LONGEST_HOLD_MS = 1_000;
/** Nor do more bytes than this. */
const MOST_HELD_BYTES = 32 << 20;
/** Records of several CPUs in one span. */
const MERGED_SPAN_BYTES = 256 << 10;

export interface PerCpuMergeOptions {
  /** The host's clocks now. */
  clocks(): ClockOffsets;
  /** Takes a span whose records are in order. */
  emit(span: Uint8Array): void;
  /** Called after records were let go by the clock, not by a span that came. */
  onLate?(): void;
  holdMs?: number;
  mostHeldBytes?: number;
}

/** A span that was read from one CPU's buffer, with the order of its records. */
interface Held {
  payload: Uint8Array;
  words: Uint32Array;
  cpu: number;
  /** When it was read, in nanoseconds since the merge's origin. */
  readNs: number;
  /** Offsets of the records' length words, and their times since the origin; in order of time. */
  places: Uint32Array;
  times: Float64Array;
  /** The records stand in the payload in this order. */
  asRead: boolean;
  /** The next one to be handed out. */
  next: number;
  /** Rises with every span: records of one time keep the order in which they came. */
  number: number;
  arrivedMs: number;
}

/**
 * Puts the samples of a perf buffer, which come CPU by CPU, into one order by time. A record is handed out once the host
 * has said that nothing older is to come; what comes later all the same is handed out at once, and counted.
 */
export class PerCpuMerge {
  /** Records that came after a newer one had been handed out. */
  outOfOrder = 0;
  heldBytes = 0;
  readonly #options: PerCpuMergeOptions;
  readonly #stamps: StampReader;
  #held: Held[] = [];
  #origin: bigint | undefined;
  #number = 0;
  /** Time of the newest record that was handed out. */
  #newest = -Infinity;
  #newestReadNs = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #writer: SpanWriter;

  constructor(schema: StreamSchema, options: PerCpuMergeOptions) {
    this.#options = options;
    this.#stamps = new StampReader(completeSchema(schema));
    this.#writer = new SpanWriter((span) => options.emit(span));
  }

  /**
   * Takes a DATA payload, which is the merge's to keep; it must begin at a multiple of 8 in its buffer.
   * @throws RingsideError `protocol` when the bytes are no span of perf samples.
   */
  add(payload: Uint8Array): void {
    if (payload.length < SPAN_HEADER_BYTES || payload.length % 8 !== 0)
      throw malformed(`it has ${payload.length} bytes`);
    const words = new Uint32Array(payload.buffer, payload.byteOffset, payload.length >> 2);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const time = view.getBigUint64(0, true);
    this.#origin ??= time;
    const sinceOrigin = Number(BigInt.asIntN(64, time - this.#origin));
    if (words[2] === 0 && words[3] === NO_CPU) {
      if (payload.length !== SPAN_HEADER_BYTES) throw malformed('a mark has records');
      this.#release(sinceOrigin - MARGIN_NS);
      return;
    }
    this.#hold(payload, words, view, sinceOrigin);
    if (this.heldBytes > (this.#options.mostHeldBytes ?? MOST_HELD_BYTES)) this.flush();
  }

  #hold(payload: Uint8Array, words: Uint32Array, view: DataView, readNs: number): void {
    const cpu = words[3]!;
    if (cpu >= MOST_CPUS) throw malformed(`it is of CPU ${cpu}`);
    const places = placesOf(words, words[2]!);
    this.#stamps.setClocks(this.#options.clocks(), this.#origin!);
    const times = new Float64Array(places.length);
    for (let i = 0; i < places.length; i++) {
      const at = places[i]!;
      const sample = readNs - ageOf(words[at + 1]!);
      times[i] = this.#stamps.timeOf(view, (at + 2) << 2, words[at]!, sample);
    }
    const asRead = !sortByTime(places, times);
    const [number, arrivedMs] = [this.#number++, performance.now()];
    this.#held.push({ payload, words, cpu, readNs, places, times, asRead, next: 0, number, arrivedMs });
    this.heldBytes += payload.length;
    this.#newestReadNs = Math.max(this.#newestReadNs, readNs);
    this.#timer ??= setTimeout(() => this.#releaseOld(), this.#holdMs);
  }

  /** Hands out everything: nothing more is to come, or what is to come must not be waited for. */
  flush(): void {
    this.#release(Infinity);
  }

  get #holdMs(): number {
    return this.#options.holdMs ?? LONGEST_HOLD_MS;
  }

  #releaseOld(): void {
    this.#timer = undefined;
    const old = this.#held.filter((held) => performance.now() - held.arrivedMs >= this.#holdMs - 1);
    if (old.length > 0) {
      this.#release(Math.max(...old.map((held) => held.times.at(-1)!)));
      this.#options.onLate?.();
    }
    if (this.#held.length > 0) this.#timer ??= setTimeout(() => this.#releaseOld(), this.#holdMs);
  }

  /** Hands out, in order, the records of up to this time. */
  #release(until: number): void {
    const ready = this.#held.filter((held) => held.times[held.next]! <= until);
    if (ready.length === 0) return;
    const [only] = ready;
    if (ready.length === 1 && only!.asRead && only!.next === 0 && only!.times.at(-1)! <= until) this.#passOn(only!);
    else this.#mergeUpTo(ready, until);
    this.#held = this.#held.filter((held) => held.next < held.times.length);
    this.heldBytes = this.#held.reduce((sum, held) => sum + held.payload.length, 0);
    if (this.#held.length > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The only CPU that had anything to say: its span goes on as it came. */
  #passOn(held: Held): void {
    for (const time of held.times) this.#count(time);
    held.next = held.times.length;
    this.#options.emit(held.payload);
  }

  #mergeUpTo(ready: Held[], until: number): void {
    this.#writer.begin(BigInt(this.#newestReadNs) + this.#origin!);
    const heap = new EarliestFirst(ready);
    for (let held = heap.first; held !== undefined; held = heap.first) {
      const time = held.times[held.next]!;
      this.#count(time);
      this.#writer.add(held, this.#newestReadNs);
      held.next++;
      heap.settle(until);
    }
    this.#writer.end();
  }

  #count(time: number): void {
    if (time < this.#newest) this.outOfOrder++;
    else this.#newest = time;
  }
}

/** The word offsets of a span's records. */
function placesOf(words: Uint32Array, announced: number): Uint32Array {
  const most = (words.length - (SPAN_HEADER_BYTES >> 2)) >> 1;
  if (announced > most) throw malformed(`it announces ${announced} records in ${words.length << 2} bytes`);
  const places = new Uint32Array(announced);
  let count = 0;
  for (let at = SPAN_HEADER_BYTES >> 2; at < words.length;) {
    const length = words[at]!;
    if (length > MOST_SAMPLE_BYTES) throw malformed(`a perf sample has the length word ${length}`);
    if (count === announced) throw malformed(`it holds more than the ${announced} records that it announces`);
    places[count++] = at;
    at += strideOf(length) >> 2;
    if (at > words.length) throw malformed(`record ${count} reaches beyond the span`);
  }
  if (count !== announced) throw malformed(`it announces ${announced} records and holds ${count}`);
  return places;
}

/** Sorts both by time, stably; they are in order already but for a few. Returns whether anything was moved. */
function sortByTime(places: Uint32Array, times: Float64Array): boolean {
  let moved = false;
  let moves = 0;
  for (let i = 1; i < times.length; i++) {
    const time = times[i]!;
    if (times[i - 1]! <= time) continue;
    const place = places[i]!;
    let at = i;
    for (; at > 0 && times[at - 1]! > time; at--, moves++) {
      times[at] = times[at - 1]!;
      places[at] = places[at - 1]!;
    }
    moved = true;
    times[at] = time;
    places[at] = place;
    if (moves > 16 * times.length) {
      sortByIndex(places, times);
      return true;
    }
  }
  return moved;
}

/** For spans in which nothing is in order, where moving one by one would take quadratic time. */
function sortByIndex(places: Uint32Array, times: Float64Array): void {
  const order = Array.from(times.keys()).sort((a, b) => times[a]! - times[b]! || a - b);
  const [oldPlaces, oldTimes] = [places.slice(), times.slice()];
  for (const [to, from] of order.entries()) [places[to], times[to]] = [oldPlaces[from]!, oldTimes[from]!];
}

/** Spans by the time of their next record, the earliest on top; a binary heap. */
class EarliestFirst {
  readonly #heap: Held[];

  constructor(spans: Held[]) {
    this.#heap = spans.sort((a, b) => (before(a, b) ? -1 : 1)); // a sorted list is a heap
  }

  get first(): Held | undefined {
    return this.#heap[0];
  }

  /** The first one's record was taken: it goes to its new place, or away when what it has left is after `until`. */
  settle(until: number): void {
    const heap = this.#heap;
    const first = heap[0]!;
    const done = first.next === first.times.length || first.times[first.next]! > until;
    const sinking = done ? heap.pop()! : first;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, sinking)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = sinking;
  }
}

function before(a: Held, b: Held): boolean {
  const timeA = a.times[a.next]!;
  const timeB = b.times[b.next]!;
  return timeA < timeB || (timeA === timeB && a.number < b.number);
}

/** Writes records of several CPUs into spans. */
class SpanWriter {
  readonly #emit: (span: Uint8Array) => void;
  /** Made when the first record comes: many streams are of one CPU. */
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);
  #used = SPAN_HEADER_BYTES;
  #count = 0;
  #readTime = 0n;

  constructor(emit: (span: Uint8Array) => void) {
    this.#emit = emit;
  }

  /** `readTime` is that of the newest span that will be added: ages count from it. */
  begin(readTime: bigint): void {
    this.#readTime = readTime;
    if (this.#bytes.length > 0) return;
    this.#bytes = new Uint8Array(MERGED_SPAN_BYTES);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  /** Adds a span's next record. */
  add(held: Held, readNs: number): void {
    const from = held.places[held.next]!;
    const length = held.words[from]!;
    const stride = strideOf(length);
    if (this.#used + stride > this.#bytes.length) this.end();
    const to = this.#used >> 2;
    const words = this.#words;
    words[to] = sampleWord(length, held.cpu);
    words[to + 1] = ageWord(readNs - held.readNs + ageOf(held.words[from + 1]!));
    const last = stride >> 2;
    if (last <= 64) for (let word = 2; word < last; word++) words[to + word] = held.words[from + word]!;
    else words.set(held.words.subarray(from + 2, from + last), to + 2);
    this.#used += stride;
    this.#count++;
  }

  /** Hands out what was added. */
  end(): void {
    if (this.#count === 0) return;
    const view = new DataView(this.#bytes.buffer);
    view.setBigUint64(0, this.#readTime, true);
    view.setUint32(8, this.#count, true);
    view.setUint32(12, ALL_CPUS, true);
    this.#emit(this.#bytes.subarray(0, this.#used));
    this.#used = SPAN_HEADER_BYTES;
    this.#count = 0;
  }
}

/** Reads the clock that a record holds itself, in nanoseconds since an origin, without big integers. */
class StampReader {
  readonly #select: RecordSelector;
  /** Where each record type has its clock; -1 for those without. */
  readonly #offsets: number[];
  /** The origin on each of the host's clocks, in two halves. */
  #origins: { high: number; low: number }[] = [];

  constructor(schema: StreamSchema) {
    this.#select = recordSelector(schema);
    this.#offsets = schema.records.map((record) => {
      const field = clockField(record);
      return field === undefined || isBigEndian(field) ? -1 : field.offset;
    });
  }

  setClocks(clocks: ClockOffsets, origin: bigint): void {
    this.#origins = [clocks.realtimeMinusMonotonicNs, clocks.realtimeMinusBoottimeNs, 0n].map((offset) => {
      const there = BigInt.asUintN(64, origin - offset);
      return { high: Number(there >> 32n), low: Number(there & 0xffffffffn) };
    });
  }

  /** The record's own stamp where it was taken about when the sample was, else the sample's time. */
  timeOf(view: DataView, offset: number, length: number, sample: number): number {
    const field = this.#offsets[this.#select(view, offset, length)]!;
    if (field < 0 || field + 8 > length) return sample;
    const low = view.getUint32(offset + field, true);
    const high = view.getUint32(offset + field + 4, true);
    for (const origin of this.#origins) {
      const stamp = (high - origin.high) * 0x1_0000_0000 + (low - origin.low);
      if (stamp <= sample + STAMP_AFTER_NS && stamp >= sample - STAMP_BEFORE_NS) return stamp;
    }
    return sample;
  }
}
