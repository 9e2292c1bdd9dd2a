import type { CellFormat, FieldValue, RecordField } from '../model/index.ts';
import { ipv4Text } from './address.ts';
import { bigReader, compileReader, fieldBytes, floatNumberReader, isInteger, isTail } from './decode.ts';
import { errnoName, signalName } from './names.ts';
import type { ToWallTime } from './render.ts';
import { hexText } from './text.ts';
import { clockText, isoTime } from './time.ts';

/** Most characters of a cell. */
const MOST_CHARACTERS = 256;
/** Numbers of this size and above are no words of any machine. */
const BEYOND_WORDS = 2 ** 64;
const LATEST_TIME = 2n ** 63n;

/** A number as it lies in the record. */
export type RawNumber = number | bigint;

/** When the row was made, and when the first one of its stream was; for formats of times. Nanoseconds since the epoch. */
export interface FormatContext {
  toWallTime: ToWallTime;
  firstTime: bigint;
}

/** Writes one cell of a field in a chosen format; null where the format does not apply and the field's own meaning holds. */
export type CellWriter = (view: DataView, base: number, end: number, context: FormatContext) => string | null;

export function cellWriter(field: RecordField, format: CellFormat): CellWriter | null {
  if (field.kind === 'chars' || field.kind === 'bytes') return bytesWriter(field, format);
  // Such a field has the bytes of its address in order; the format is for words that were read as numbers.
  if (field.kind === 'ipv4' && format === 'ipv4') return null;
  const read = rawReader(field);
  if (read === null) return null;
  const need = field.offset + fieldBytes(field);
  const bits = field.bits > 0 ? field.bits : field.size * 8;
  return (view, base, end, context) =>
    base + need > end ? '' : formatNumber(format, read(view, base), { ...context, bits });
}

function bytesWriter(field: RecordField, format: CellFormat): CellWriter | null {
  const tail = isTail(field);
  const stopOf = (base: number, end: number): number => (tail ? end : Math.min(end, base + field.offset + field.size));
  if (format === 'hex') {
    return (view, base, end) => {
      const start = base + field.offset;
      return hexText(new Uint8Array(view.buffer), start, Math.min(stopOf(base, end), start + MOST_CHARACTERS / 2));
    };
  }
  if (format !== 'text') return null;
  const read = compileReader({ ...field, kind: 'chars' });
  return (view, base, end) => textOf(read(view, base, end)).slice(0, MOST_CHARACTERS);
}

function rawReader(field: RecordField): ((view: DataView, base: number) => RawNumber) | null {
  if (field.kind === 'float') return floatNumberReader(field);
  if (field.kind === 'ipv4') return (view, base) => view.getUint32(base + field.offset);
  return isInteger(field) ? bigReader(field) : null;
}

const NANOS: Partial<Record<CellFormat, number>> = {
  'duration-ns': 1,
  'duration-us': 1e3,
  'duration-ms': 1e6,
  'duration-s': 1e9,
};

/** A number in a format; null where it has no such reading. */
export function formatNumber(
  format: CellFormat,
  value: RawNumber,
  context: FormatContext & { bits: number },
): string | null {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  const nanos = NANOS[format];
  if (nanos !== undefined) return duration(Number(value) * nanos);
  if (format === 'bytes') return byteText(Number(value));
  if (typeof value === 'number' && !(Number.isInteger(value) && Math.abs(value) < BEYOND_WORDS)) {
    return format === 'dec' ? decimal(value) : null;
  }
  return formatInteger(format, BigInt(value), context);
}

function formatInteger(format: CellFormat, value: bigint, context: FormatContext & { bits: number }): string | null {
  const unsigned = value < 0n ? BigInt.asUintN(context.bits > 0 ? context.bits : 64, value) : value;
  switch (format) {
    case 'dec':
      return value.toString();
    case 'hex':
      return `0x${unsigned.toString(16)}`;
    case 'oct':
      return unsigned === 0n ? '0' : `0${unsigned.toString(8)}`;
    case 'bin':
      return `0b${unsigned.toString(2)}`;
    case 'ipv4':
      return ipv4Of(unsigned);
    case 'port':
      return String(((Number(unsigned & 0xffn) << 8) | Number((unsigned >> 8n) & 0xffn)) >>> 0);
    case 'errno':
      return named(value, errnoName(Number(value < 0n ? -value : value)));
    case 'signal':
      return named(value, signalName(Number(value)));
    case 'char':
      return value >= 0x20n && value < 0x7fn ? String.fromCharCode(Number(value)) : value.toString();
    default:
      return timeFormat(format, value, context);
  }
}

const named = (value: bigint, name: string | null): string => (name === null ? value.toString() : `${value} ${name}`);

/** A word in network order as it lies in memory of the little-endian hosts that there are. */
function ipv4Of(value: bigint): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, Number(BigInt.asUintN(32, value)), true);
  return ipv4Text(bytes, 0);
}

function timeFormat(format: CellFormat, value: bigint, { toWallTime, firstTime }: FormatContext): string | null {
  // A number that is no kernel clock may be a time already.
  const time = toWallTime(value) ?? (value > 1_000_000_000_000_000_000n && value < LATEST_TIME ? value : null);
  return time === null ? null : formatTime(format, time, firstTime);
}

/** A moment (nanoseconds since the epoch) in a format; null where the format is none of times. */
export function formatTime(format: CellFormat, time: bigint, firstTime: bigint): string | null {
  switch (format) {
    case 'clock':
      return clockText(time);
    case 'clock-ns':
      return `${clockText(time).slice(0, 8)}.${String(time % 1_000_000_000n).padStart(9, '0')}`;
    case 'iso':
      return isoTime(time.toString());
    case 'epoch':
      return `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, '0')}`;
    case 'elapsed': {
      const since = time - firstTime;
      const size = since < 0n ? -since : since;
      return `${since < 0n ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
    }
    default:
      return null;
  }
}

/** 1830 → "1.83 µs" */
function duration(nanos: number): string {
  const size = Math.abs(nanos);
  for (const [factor, unit] of [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ] as const) {
    // What would be rounded to 1000 of the smaller unit is one of this.
    if (size >= factor * 0.9995) return `${threeDigits(nanos / factor)} ${unit}`;
  }
  return `${threeDigits(nanos)} ns`;
}

/** 1536 → "1.5 KB", as EXPR counts: 1 KB is 1024. */
function byteText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; Math.abs(value) >= (unit === 0 ? 1024 : 1023.5) && unit < 4; unit++) value /= 1024;
  return `${unit === 0 ? decimal(value) : threeDigits(value)} ${['B', 'KB', 'MB', 'GB', 'TB'][unit]!}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return Number.isInteger(value) || size >= 100 ? String(Math.round(value)) : value.toFixed(size >= 10 ? 1 : 2);
}

/** A computed number: whole ones as they are, others with nine digits at most. */
export function decimal(value: FieldValue | bigint): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return textOf(value);
  return String(Number(value.toPrecision(9)));
}

/** Nothing where there is no value; lists and structs do not come here. */
function textOf(value: FieldValue | bigint): string {
  return value === null || typeof value === 'object' ? '' : String(value);
}
