import type { RecordInfo } from '../model/index.ts';
import { bigReader } from './decode.ts';
import { clockField } from './schema.ts';
import type { ClockOffsets } from './store.ts';

/** A record may wait this long in its buffer (a stream without credits) before a stamp of its own is called a mistake. */
const LONGEST_WAIT_NS = 3_600_000_000_000n;
/** Read time and kernel clock are taken on one machine, but not at one instant. */
const AHEAD_NS = 1_000_000_000n;

/** When a record was made, nanoseconds since the epoch. */
export type TimeReader = (
  view: DataView,
  offset: number,
  length: number,
  readTimeNs: bigint,
  clocks: ClockOffsets,
) => bigint;

/**
 * The time of a record: that of its own kernel clock (bpf_ktime_get_ns, _boot_ns or _tai/real time, whichever fits the
 * time that its buffer tells), else the latter: when a perf sample was written, or when the agent read a ring.
 */
export function eventTime(record: RecordInfo): TimeReader {
  const field = clockField(record);
  if (field === undefined) return (_view, _offset, _length, readTimeNs) => readTimeNs;
  const read = bigReader(field);
  const need = field.offset + field.size;
  return (view, offset, length, readTimeNs, clocks) =>
    length < need ? readTimeNs : (wallTime(read(view, offset), readTimeNs, clocks) ?? readTimeNs);
}

/**
 * A kernel clock's value as wall time, given when it was read; null when no clock makes it plausible.
 */
export function wallTime(clock: bigint, readTimeNs: bigint, clocks: ClockOffsets): bigint | null {
  for (const offset of [clocks.realtimeMinusMonotonicNs, clocks.realtimeMinusBoottimeNs, 0n]) {
    const time = clock + offset;
    if (time <= readTimeNs + AHEAD_NS && time >= readTimeNs - LONGEST_WAIT_NS) return time;
  }
  return null;
}

/** Wall clock of the day in local time, "12:36:04.113". */
export function clockText(timeNs: bigint): string {
  const date = new Date(Number(timeNs / 1_000_000n));
  if (Number.isNaN(date.getTime())) return timeNs.toString();
  const two = (value: number): string => String(value).padStart(2, '0');
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

/** "2026-11-26T18:33:16.113004211Z" */
export function isoTime(nanos: string): string {
  const time = BigInt(nanos);
  const date = new Date(Number(time / 1_000_000n));
  return Number.isNaN(date.getTime())
    ? nanos
    : date.toISOString().replace(/\.\d+Z$/, `.${String(time % 1_000_000_000n).padStart(9, '0')}Z`);
}
