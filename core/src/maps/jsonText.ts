/**
 * Entries of a map straight to JSON text. A million of them as JavaScript objects and then as JSON would take seconds;
 * here the bytes of numbers and plain text go from one array into another.
 */
import { compileReader, decodeMapEntries, fieldBytes, isBigEndian, isSigned, type MapLayout } from '../events/index.ts';
import type { RecordField } from '../model/index.ts';

/** Text around the parts of an entry. */
export interface EntryFrame {
  before: string;
  between: string;
  after: string;
}

/** One JSON object a line, as the CLI prints it. */
const JSON_LINES: EntryFrame = { before: '{"type":"entry","key":', between: ',"value":', after: '}\n' };
/** For people: key and value as JSON. */
const PLAIN_LINES: EntryFrame = { before: '', between: '  ', after: '\n' };

export function lineFrame(format: 'json' | 'plain'): EntryFrame {
  return format === 'json' ? JSON_LINES : PLAIN_LINES;
}

/** A buffer that grows; writers that know their longest text ask for room first and then write without checks. */
class Text {
  bytes: Uint8Array<ArrayBuffer>;
  at = 0;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
  }

  room(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.at + bytes));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }

  put(part: Uint8Array): void {
    // Short parts are the rule: a loop is faster than set().
    const { bytes, at } = this;
    const { length } = part;
    for (let i = 0; i < length; i++) bytes[at + i] = part[i]!;
    this.at = at + length;
  }

  text(text: string): void {
    this.room(text.length * 3);
    this.at += encoder.encodeInto(text, this.bytes.subarray(this.at)).written;
  }
}

const encoder = new TextEncoder();
const ascii = (text: string): Uint8Array => encoder.encode(text);

/** Writes one value. There is room for `longest` bytes when it is called; null = it asks for room itself. */
interface Writer {
  longest: number | null;
  write(out: Text, view: DataView, base: number, end: number): void;
}

/** Makes the writer of whole dumps for one kind of map. */
export function entryWriter(layout: MapLayout, frame: EntryFrame): (bytes: Uint8Array) => Uint8Array {
  const { keySize, valueBytes, perCpu } = layout;
  if (perCpu > 0 || layout.key === null || layout.value === null) return slowWriter(layout, frame);
  if (!inside(layout.key, keySize) || !inside(layout.value, valueBytes)) return slowWriter(layout, frame);
  const key = fieldWriter(layout.key);
  const value = fieldWriter(layout.value);
  const [before, between, after] = [ascii(frame.before), ascii(frame.between), ascii(frame.after)];
  const fixed = before.length + between.length + after.length + (key.longest ?? 0) + (value.longest ?? 0);
  const entryBytes = keySize + valueBytes;
  // What an entry of the last page took: the next one's are alike.
  let usual = 64;
  return (bytes) => {
    checkWhole(bytes, layout);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const entries = bytes.length / Math.max(entryBytes, 1);
    const out = new Text(Math.ceil(entries * usual * 1.05) + fixed);
    for (let at = 0; at < bytes.length; at += entryBytes) {
      out.room(fixed);
      out.put(before);
      key.write(out, view, at, at + keySize);
      if (key.longest === null) out.room(fixed);
      out.put(between);
      value.write(out, view, at + keySize, at + entryBytes);
      if (value.longest === null) out.room(after.length);
      out.put(after);
    }
    if (entries > 0) usual = out.at / entries;
    return out.bytes.subarray(0, out.at);
  };
}

/** Whether every part lies inside: damaged types may say otherwise, and those take the careful path. */
function inside(field: RecordField, size: number): boolean {
  if (field.size <= 0 || field.offset + fieldBytes(field) > size) return false;
  if (field.element && !inside(field.element, field.element.size)) return false;
  return (field.fields ?? []).every((member) => inside(member, size));
}

function checkWhole(bytes: Uint8Array, layout: MapLayout): void {
  const entry = layout.keySize + layout.valueBytes;
  // The reader says in its own words what is wrong.
  if (bytes.length > 0 && (entry === 0 || bytes.length % entry !== 0)) decodeMapEntries(bytes, layout);
}

function slowWriter(layout: MapLayout, frame: EntryFrame): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const lines = decodeMapEntries(bytes, layout).map(
      ({ key, value }) => frame.before + JSON.stringify(key) + frame.between + JSON.stringify(value) + frame.after,
    );
    return encoder.encode(lines.join(''));
  };
}

function fieldWriter(field: RecordField): Writer {
  if (field.bits === 0 && !isBigEndian(field)) {
    const fast = fastWriter(field);
    if (fast) return fast;
  }
  const read = compileReader(field);
  return { longest: null, write: (out, view, base, end) => out.text(JSON.stringify(read(view, base, end))) };
}

function fastWriter(field: RecordField): Writer | undefined {
  switch (field.kind) {
    case 'int':
    case 'uint':
      return integerWriter(field);
    case 'bool':
      return field.size === 1 ? boolWriter(field) : undefined;
    case 'chars':
      return field.size > 0 ? charsWriter(field) : undefined;
    case 'struct':
      return structWriter(field);
    case 'array':
      return arrayWriter(field);
    default:
      return undefined;
  }
}

const COMMA = 0x2c;
const MINUS = 0x2d;
const QUOTE = 0x22;
const TRUE = ascii('true');
const FALSE = ascii('false');

function structWriter(field: RecordField): Writer | undefined {
  const fields = field.fields ?? [];
  const names = fields.map((member) => member.name);
  // Names that JavaScript objects reorder, merge or treat in a way of their own take the ordinary path.
  const plain = names.every((name) => name !== '' && name !== '__proto__' && !/^\d+$/.test(name));
  if (!plain || new Set(names).size !== names.length) return undefined;
  const members = fields.map((member, i) => ({
    prefix: ascii(`${i === 0 ? '{' : ','}${JSON.stringify(member.name)}:`),
    writer: fieldWriter(member),
  }));
  if (members.length === 0) return undefined;
  const fixed = members.reduce((sum, m) => sum + m.prefix.length + (m.writer.longest ?? 0), 1);
  const known = members.every((m) => m.writer.longest !== null);
  return {
    longest: known ? fixed : null,
    write: (out, view, base, end) => {
      for (const { prefix, writer } of members) {
        if (!known) out.room(fixed);
        out.put(prefix);
        writer.write(out, view, base, end);
      }
      if (!known) out.room(1);
      out.bytes[out.at++] = 0x7d;
    },
  };
}

function arrayWriter(field: RecordField): Writer | undefined {
  const { element, count } = field;
  if (!element || element.size <= 0 || count === undefined || count * element.size !== field.size) return undefined;
  const one = fieldWriter(element);
  const { longest } = one;
  if (longest === null) return undefined;
  return {
    longest: 2 + count * (longest + 1),
    write: (out, view, base, end) => {
      const start = base + field.offset;
      out.bytes[out.at++] = 0x5b;
      for (let i = 0; i < count; i++) {
        if (i > 0) out.bytes[out.at++] = COMMA;
        one.write(out, view, start + i * element.size, end);
      }
      out.bytes[out.at++] = 0x5d;
    },
  };
}

function boolWriter(field: RecordField): Writer {
  return {
    longest: 5,
    write: (out, view, base) => out.put(view.getUint8(base + field.offset) !== 0 ? TRUE : FALSE),
  };
}

/** Printable ASCII without what JSON escapes is copied; anything else takes the ordinary path. */
function charsWriter(field: RecordField): Writer {
  const read = compileReader(field);
  return {
    longest: null,
    write: (out, view, base, end) => {
      const start = base + field.offset;
      const stop = Math.min(end, start + field.size);
      let at = start;
      out.room(field.size + 2);
      const mark = out.at;
      out.bytes[out.at++] = QUOTE;
      for (; at < stop; at++) {
        const byte = view.getUint8(at);
        if (byte === 0) break;
        if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === 0x5c || start === end) {
          out.at = mark;
          out.text(JSON.stringify(read(view, base, end)));
          return;
        }
        out.bytes[out.at++] = byte;
      }
      out.bytes[out.at++] = QUOTE;
    },
  };
}

/** -2^53 to 2^53 as a number, beyond that as text: 22 bytes at most. */
const LONGEST_INTEGER = 22;

function integerWriter(field: RecordField): Writer | undefined {
  const write = integerWrite(field, isSigned(field));
  return write && { longest: LONGEST_INTEGER, write };
}

function integerWrite(field: RecordField, signed: boolean): Writer['write'] | undefined {
  const at = field.offset;
  switch (field.size) {
    case 1:
      return signed
        ? (out, view, base) => integer(out, view.getInt8(base + at))
        : (out, view, base) => digits(out, view.getUint8(base + at));
    case 2:
      return signed
        ? (out, view, base) => integer(out, view.getInt16(base + at, true))
        : (out, view, base) => digits(out, view.getUint16(base + at, true));
    case 4:
      return signed
        ? (out, view, base) => integer(out, view.getInt32(base + at, true))
        : (out, view, base) => digits(out, view.getUint32(base + at, true));
    case 8:
      return signed
        ? (out, view, base) => signed64(out, view, base + at)
        : (out, view, base) => unsigned64(out, view, base + at);
    default:
      return undefined;
  }
}

function unsigned64(out: Text, view: DataView, at: number): void {
  const high = view.getUint32(at + 4, true);
  const low = view.getUint32(at, true);
  if (high === 0) digits(out, low);
  else if (high <= 0x1fffff) large(out, high * 0x1_0000_0000 + low);
  else quoted(out, view.getBigUint64(at, true));
}

function signed64(out: Text, view: DataView, at: number): void {
  const high = view.getInt32(at + 4, true);
  if (high >= 0) {
    unsigned64(out, view, at);
    return;
  }
  const value = view.getBigInt64(at, true);
  if (value < -9007199254740991n) {
    quoted(out, value);
    return;
  }
  out.bytes[out.at++] = MINUS;
  large(out, Number(-value));
}

function quoted(out: Text, value: bigint): void {
  out.bytes[out.at++] = QUOTE;
  out.put(ascii(value.toString()));
  out.bytes[out.at++] = QUOTE;
}

function integer(out: Text, value: number): void {
  if (value >= 0) {
    digits(out, value);
    return;
  }
  out.bytes[out.at++] = MINUS;
  digits(out, -value);
}

const BILLION = 1_000_000_000;

/** Up to 2^53. */
function large(out: Text, value: number): void {
  if (value < BILLION) {
    digits(out, value);
    return;
  }
  const high = Math.floor(value / BILLION);
  digits(out, high);
  const from = out.at;
  out.at += 9;
  backwards(out.bytes, from, out.at, value - high * BILLION);
}

/** "00" to "99": two digits a division. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) => 0x30 + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10));

/** Up to 2^32. */
function digits(out: Text, value: number): void {
  const from = out.at;
  if (value < 10) {
    out.bytes[from] = 0x30 + value;
    out.at = from + 1;
    return;
  }
  out.at = from + digitCount(value);
  backwards(out.bytes, from, out.at, value);
}

function digitCount(value: number): number {
  if (value < 100_000) return value < 100 ? 2 : value < 1_000 ? 3 : value < 10_000 ? 4 : 5;
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : value < BILLION ? 9 : 10;
}

/** Fills the place from its end; leading zeros where the value is shorter. */
function backwards(bytes: Uint8Array, from: number, end: number, value: number): void {
  let rest = value;
  let at = end;
  // Above 2^31 a bitwise operation would turn the sign.
  if (rest > 0x7fff_ffff) {
    const next = Math.floor(rest / 100);
    const pair = (rest - next * 100) * 2;
    bytes[--at] = PAIRS[pair + 1]!;
    bytes[--at] = PAIRS[pair]!;
    rest = next;
  }
  while (at - from >= 2) {
    const next = (rest / 100) | 0;
    const pair = (rest - next * 100) << 1;
    bytes[--at] = PAIRS[pair + 1]!;
    bytes[--at] = PAIRS[pair]!;
    rest = next;
  }
  if (at > from) bytes[from] = 0x30 + rest;
}
