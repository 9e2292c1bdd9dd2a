import type { RecordField, RecordInfo, StreamSchema } from '../model/index.ts';
import { ageWord, NO_CPU, RECORD_HEADER_BYTES, SPAN_HEADER_BYTES } from './slab.ts';
import type { ClockOffsets } from './store.ts';
import type { Wire, WireCondition } from './expr/wire.ts';

/** Helpers of the tests in this folder (and of benches): spans and schemas as the agent and the BTF reader make them. */

export interface SpanOptions {
  readTimeNs?: bigint;
  cpu?: number;
  /** Indices of records that are marked as discarded. */
  discarded?: readonly number[];
  /** Of perf samples: how long before the read time each was written, in nanoseconds. */
  ages?: readonly number[];
}

/** A DATA payload that holds the records. */
export function makeSpan(records: readonly Uint8Array[], options: SpanOptions = {}): Uint8Array {
  const discarded = new Set(options.discarded ?? []);
  const sizes = records.map((record) => RECORD_HEADER_BYTES + ((record.length + 7) & ~7));
  const span = new Uint8Array(SPAN_HEADER_BYTES + sizes.reduce((total, size) => total + size, 0));
  const view = new DataView(span.buffer);
  view.setBigUint64(0, options.readTimeNs ?? 1_700_000_000_000_000_000n, true);
  view.setUint32(8, records.length - discarded.size, true);
  view.setUint32(12, options.cpu ?? NO_CPU, true);
  let at = SPAN_HEADER_BYTES;
  for (const [index, record] of records.entries()) {
    view.setUint32(at, record.length | (discarded.has(index) ? 0x40000000 : 0), true);
    view.setUint32(at + 4, ageWord(options.ages?.[index] ?? 0), true);
    span.set(record, at + RECORD_HEADER_BYTES);
    at += sizes[index]!;
  }
  return span;
}

export const noClocks: ClockOffsets = { realtimeMinusMonotonicNs: 0n, realtimeMinusBoottimeNs: 0n };

/** A field with the usual defaults. */
export function makeField(
  field: Partial<RecordField> & Pick<RecordField, 'name' | 'kind' | 'offset' | 'size'>,
): RecordField {
  return { type: field.kind, bits: 0, format: 'plain', ...field };
}

export function makeRecord(
  type: string,
  size: number,
  fields: RecordField[],
  more: Partial<RecordInfo> = {},
): RecordInfo {
  return { map: 'events', type, size, confidence: 'declared', tag: null, fields, ...more };
}

export function makeSchema(...records: RecordInfo[]): StreamSchema {
  return { stream: 'events', records };
}

/** What the agent makes of a filter (stream/filter.rs), byte by byte. */
export function passesWire(wire: Wire, record: Uint8Array): boolean {
  return wire.length === 0 || wire.some((all) => all.every((condition) => holds(condition, record)));
}

function holds(condition: WireCondition, record: Uint8Array): boolean {
  const { offset, size, kind, operator } = condition;
  if (offset + size > record.length) return false;
  const bytes = record.subarray(offset, offset + size);
  if (kind === 'bytes') {
    const end = bytes.indexOf(0);
    const found = bytes.subarray(0, end < 0 ? size : end);
    const wanted = condition.text ?? new Uint8Array(0);
    const begins = wanted.every((byte, index) => found[index] === byte);
    if (operator === 'prefix') return begins;
    return (begins && found.length === wanted.length) === (operator === '==');
  }
  const order = condition.bigEndian === true ? [...bytes] : [...bytes].reverse();
  const unsigned = order.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const masked =
    (kind === 'signed' ? BigInt.asIntN(size * 8, unsigned) : unsigned) & (condition.mask ?? (1n << 64n) - 1n);
  const number = condition.number ?? 0n;
  const [found, wanted] =
    kind === 'signed' ? [BigInt.asIntN(64, masked), number] : [BigInt.asUintN(64, masked), BigInt.asUintN(64, number)];
  switch (operator) {
    case '==':
      return found === wanted;
    case '!=':
      return found !== wanted;
    case '<':
      return found < wanted;
    case '<=':
      return found <= wanted;
    case '>':
      return found > wanted;
    case '>=':
      return found >= wanted;
    case 'prefix':
      return false;
  }
}
