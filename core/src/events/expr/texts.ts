import type { RecordField } from '../../model/index.ts';
import { compileReader } from '../decode.ts';
import { readText } from '../text.ts';
import { never, perRow, type Batch, type Condition } from './batch.ts';
import type { CompareOp } from './ast.ts';
import { parseIpv4, parseIpv6 } from '../address.ts';
import { wireOfAddress, wireOfPrefix, withWire } from './wire.ts';

/** A field as text, of a record at `offset` with `length` bytes; null when the record does not reach it. */
export type TextReader = (view: DataView, offset: number, length: number) => string | null;

/** The text that the field shows as: that of enums is the name, of addresses and bytes what JSON shows. */
export function textReader(field: RecordField): TextReader {
  const read = compileReader(field);
  return (view, offset, length) => {
    const value = read(view, offset, offset + length);
    return value === null || typeof value === 'object' ? null : String(value);
  };
}

/** How many of a record's bytes count: see `recordBytes`. */
export type Cut = (length: number) => number;

/** `field op "text"` for char arrays, bytes and other kinds that show as text. */
export function textCompare(field: RecordField, op: CompareOp, constant: string, cut: Cut): Condition {
  if (field.kind === 'chars' && (op === '==' || op === '!=')) {
    const bytes = exactBytes(constant);
    if (bytes !== null) {
      const condition = charsEqual(field, bytes, op === '!=', cut);
      return op === '==' ? withWire(condition, wireOfPrefix(field, bytes)) : condition;
    }
  }
  const read = textReader(field);
  const holds = textComparison(op, constant);
  return perRow(0, (batch, row, offset) => {
    const text = read(batch.chunk.slab.view, offset, cut(batch.lengthOf(row)));
    return text !== null && holds(text);
  });
}

/** Order of code units, which for text is near enough to the order of bytes. */
export function textComparison(op: CompareOp, constant: string): (text: string) => boolean {
  switch (op) {
    case '==':
      return (text) => text === constant;
    case '!=':
      return (text) => text !== constant;
    case '<':
      return (text) => text < constant;
    case '<=':
      return (text) => text <= constant;
    case '>':
      return (text) => text > constant;
    case '>=':
      return (text) => text >= constant;
  }
}

/** The bytes that alone decode to this text; null for text with characters that stand for others (see visibleText). */
function exactBytes(text: string): Uint8Array | null {
  return /^[\u0020-\u007e]*$/.test(text) ? new TextEncoder().encode(text) : null;
}

function charsEqual(field: RecordField, constant: Uint8Array, negated: boolean, cut: Cut): Condition {
  const at = field.offset;
  if (field.size > 0 && constant.length > field.size) return negated ? hasChars(field, cut) : never;
  const slow = perRow(0, (batch, row, offset) => {
    const end = offset + cut(batch.lengthOf(row));
    const start = offset + at;
    if (start > end || (field.size > 0 && start === end)) return false;
    const stop = field.size > 0 ? Math.min(end, start + field.size) : end;
    return sameText(batch.chunk.slab.bytes, start, stop, constant) !== negated;
  });
  if (field.size === 0 || at % 4 !== 0 || field.size % 4 !== 0) return slow;
  const fast = wordsEqual(at, field.size, constant, negated);
  return {
    refine(batch, mask) {
      // Only where every record holds the whole field; shorter ones are looked at one by one.
      (batch.chunk.recordLength >= at + field.size ? fast : slow).refine(batch, mask);
    },
  };
}

/** Compares the text and its closing NUL word by word: the hot path of `comm == "nginx"`. */
function wordsEqual(at: number, size: number, text: Uint8Array, negated: boolean): Condition {
  const length = Math.min(size, text.length + 1);
  const bytes = new Uint8Array(Math.ceil(length / 4) * 4);
  bytes.set(text);
  const covered = new Uint8Array(bytes.length).fill(0xff, 0, length);
  const wanted = new Int32Array(bytes.buffer);
  const bits = new Int32Array(covered.buffer);
  const outside = negated ? 1 : 0;
  return {
    refine(batch: Batch, mask: Uint8Array) {
      const { offsets, count } = batch;
      const words = batch.chunk.slab.signedWords;
      for (let row = 0; row < count; row++) {
        if (mask[row] === 0) continue;
        const first = (offsets[row]! + at) >> 2;
        let i = 0;
        while (i < wanted.length && (words[first + i]! & bits[i]!) === wanted[i]!) i++;
        mask[row] = i === wanted.length ? 1 - outside : outside;
      }
    },
  };
}

function hasChars(field: RecordField, cut: Cut): Condition {
  return perRow(0, (batch, row) => cut(batch.lengthOf(row)) > field.offset);
}

/** True when the characters up to the first NUL are exactly `text`. */
function sameText(bytes: Uint8Array, start: number, stop: number, text: Uint8Array): boolean {
  if (stop - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  const after = start + text.length;
  return after === stop || bytes[after] === 0;
}

/** Anything that tells whether a text matches; `testBytes` may answer from printable ASCII without decoding. */
export interface TextTest {
  test(text: string): boolean;
  testBytes(bytes: Uint8Array, start: number, end: number): boolean | null;
}

/** `field ~ "pattern"`. */
export function textMatches(field: RecordField, regex: TextTest, negated: boolean, cut: Cut): Condition {
  if (field.kind !== 'chars') {
    const read = textReader(field);
    return perRow(0, (batch, row, offset) => {
      const text = read(batch.chunk.slab.view, offset, cut(batch.lengthOf(row)));
      return text !== null && regex.test(text) !== negated;
    });
  }
  return perRow(0, (batch, row, offset) => {
    const end = offset + cut(batch.lengthOf(row));
    const start = offset + field.offset;
    if (start > end || (field.size > 0 && start === end)) return false;
    const stop = field.size > 0 ? Math.min(end, start + field.size) : end;
    const { bytes } = batch.chunk.slab;
    return (regex.testBytes(bytes, start, stop) ?? regex.test(readText(bytes, start, stop))) !== negated;
  });
}

/** The bytes of an address field that a literal names, with the number of leading bits that count; null if it is none. */
export function addressBits(field: RecordField, literal: string): { bytes: Uint8Array; bits: number } | null {
  const [text, prefix] = literal.split('/', 2);
  const v4 = parseIpv4(text!);
  const width = field.kind === 'ipv4' ? 32 : 128;
  const bytes = field.kind === 'ipv4' ? v4 : v4 === null ? parseIpv6(text!) : v4Mapped(v4);
  if (bytes === null || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return null;
  // A prefix of an IPv4 literal counts within the IPv4 part of a mapped address.
  const bits = prefix === undefined ? width : Number(prefix) + (field.kind === 'ipv6' && v4 !== null ? 96 : 0);
  return bits <= width ? { bytes, bits } : null;
}

function v4Mapped(v4: Uint8Array): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4]);
}

/** `addr == "10.0.0.0/8"`: the leading bits of the field are those of the literal. */
export function addressEquals(field: RecordField, bytes: Uint8Array, bits: number, negated: boolean): Condition {
  const whole = bits >> 3;
  const rest = bits & 7;
  const restMask = (0xff << (8 - rest)) & 0xff;
  const condition = perRow(field.offset + field.size, (batch, _row, offset) => {
    const data = batch.chunk.slab.bytes;
    const at = offset + field.offset;
    let same = rest === 0 || ((data[at + whole]! ^ bytes[whole]!) & restMask) === 0;
    for (let i = 0; same && i < whole; i++) same = data[at + i] === bytes[i];
    return same !== negated;
  });
  return withWire(condition, wireOfAddress(field, bytes, bits, negated));
}
