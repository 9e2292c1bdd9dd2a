import type { FieldValue, RecordField, RecordInfo } from '../model/index.ts';
import { ipv4Text, ipv6Text } from './address.ts';
import { hexText, readText } from './text.ts';

/**
 * Reads one value. `base` is where the record (or the array element that the field belongs to) begins in the view, `end`
 * where the record's bytes end; what lies beyond `end` reads as null.
 */
export type Reader = (view: DataView, base: number, end: number) => FieldValue;
/** Reads an integer that is known to lie within the record. */
export type NumberReader = (view: DataView, base: number) => number;
export type BigReader = (view: DataView, base: number) => bigint;

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A 64-bit integer as JSON may carry it: a number up to 2^53, beyond that a decimal string. */
export function jsonInteger(value: bigint): number | string {
  return value <= SAFE && value >= -SAFE ? Number(value) : value.toString();
}

/** Bytes from the field's own place to its last one. */
export function fieldBytes(field: RecordField): number {
  return field.bits > 0 ? Math.ceil(((field.bitOffset ?? 0) + field.bits) / 8) : field.size;
}

export function isSigned(field: RecordField): boolean {
  if (field.kind === 'enum') return Object.keys(field.values ?? {}).some((value) => value.startsWith('-'));
  return field.kind === 'int';
}

export function isBigEndian(field: RecordField): boolean {
  return field.bigEndian === true || field.format === 'be';
}

/** Kinds that are stored as one integer. */
export function isInteger(field: RecordField): boolean {
  return ['int', 'uint', 'bool', 'char', 'pointer', 'enum'].includes(field.kind);
}

/** True when every value of the integer field is exact as a JavaScript number. */
export function fitsNumber(field: RecordField): boolean {
  return field.bits > 0 ? (field.bitOffset ?? 0) + field.bits <= 32 : field.size <= 4;
}

/** The integer of a field whose values are exact as numbers (see `fitsNumber`). */
export function numberReader(field: RecordField): NumberReader {
  const at = field.offset;
  const signed = isSigned(field);
  if (field.bits > 0) return bitsReader(field, signed);
  const little = !isBigEndian(field);
  switch (field.size) {
    case 1:
      return signed ? (view, base) => view.getInt8(base + at) : (view, base) => view.getUint8(base + at);
    case 2:
      return signed
        ? (view, base) => view.getInt16(base + at, little)
        : (view, base) => view.getUint16(base + at, little);
    case 4:
      return signed
        ? (view, base) => view.getInt32(base + at, little)
        : (view, base) => view.getUint32(base + at, little);
    default: {
      const read = bigReader(field);
      return (view, base) => Number(read(view, base));
    }
  }
}

function bitsReader(field: RecordField, signed: boolean): NumberReader {
  const bitOffset = field.bitOffset ?? 0;
  const at = field.offset + (bitOffset >> 3);
  const shift = bitOffset & 7;
  const bytes = Math.ceil((shift + field.bits) / 8);
  if (bytes > 4) {
    const read = bigReader(field);
    return (view, base) => Number(read(view, base));
  }
  const unused = 32 - field.bits;
  return (view, base) => {
    let word = 0;
    for (let i = 0; i < bytes; i++) word |= view.getUint8(base + at + i) << (8 * i);
    const aligned = (word >>> shift) << unused;
    return signed ? aligned >> unused : aligned >>> unused;
  };
}

/** The integer of any integer field, exactly. */
export function bigReader(field: RecordField): BigReader {
  const signed = isSigned(field);
  const width = field.bits > 0 ? field.bits : field.size * 8;
  const bitOffset = field.bits > 0 ? (field.bitOffset ?? 0) : 0;
  const at = field.offset + (bitOffset >> 3);
  const shift = BigInt(bitOffset & 7);
  const bytes = Math.ceil(((bitOffset & 7) + width) / 8);
  const little = field.bits > 0 || !isBigEndian(field);
  if (field.bits === 0 && field.size === 8) {
    return signed
      ? (view, base) => view.getBigInt64(base + at, little)
      : (view, base) => view.getBigUint64(base + at, little);
  }
  return (view, base) => {
    let value = 0n;
    for (let i = 0; i < bytes; i++) {
      value = (value << 8n) | BigInt(view.getUint8(base + at + (little ? bytes - 1 - i : i)));
    }
    value >>= shift;
    return signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  };
}

/** A reader of the field's value as JSON shows it: enums by name, addresses and char arrays as text, bytes as hex. */
export function compileReader(field: RecordField): Reader {
  switch (field.kind) {
    case 'struct':
    case 'union':
      return membersReader(field.fields ?? []);
    case 'array':
      return arrayReader(field);
    case 'chars':
      return tailReader(field, (view, start, end) => readText(bytesOf(view), start, end));
    case 'bytes':
      return tailReader(field, (view, start, end) => hexText(bytesOf(view), start, end));
    default:
      return whenPresent(field, scalarReader(field));
  }
}

function whenPresent(field: RecordField, read: (view: DataView, base: number) => FieldValue): Reader {
  const need = field.offset + fieldBytes(field);
  return (view, base, end) => (base + need <= end ? read(view, base) : null);
}

function scalarReader(field: RecordField): (view: DataView, base: number) => FieldValue {
  const at = field.offset;
  switch (field.kind) {
    case 'ipv4':
      return (view, base) => ipv4Text(bytesOf(view), view.byteOffset + base + at);
    case 'ipv6':
      return (view, base) => ipv6Text(bytesOf(view), view.byteOffset + base + at);
    case 'float':
      return floatReader(field);
    case 'bool': {
      const read = bigReader(field);
      return (view, base) => read(view, base) !== 0n;
    }
    case 'pointer': {
      const read = bigReader(field);
      return (view, base) => `0x${read(view, base).toString(16)}`;
    }
    case 'char': {
      const read = numberReader(field);
      return (view, base) => charValue(read(view, base));
    }
    case 'enum': {
      const read = bigReader(field);
      const names = field.values ?? {};
      return (view, base) => enumValue(names, read(view, base));
    }
    default:
      return integerReader(field);
  }
}

function integerReader(field: RecordField): (view: DataView, base: number) => FieldValue {
  if (fitsNumber(field)) return numberReader(field);
  const read = bigReader(field);
  return (view, base) => jsonInteger(read(view, base));
}

function enumValue(names: Record<string, string>, value: bigint): FieldValue {
  const key = value.toString();
  return Object.hasOwn(names, key) ? names[key]! : jsonInteger(value);
}

/** A single C char: text when it is a printable character, else its number. */
function charValue(code: number): FieldValue {
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : code;
}

/** JSON has no NaN and no infinity: they become their names. */
function floatReader(field: RecordField): (view: DataView, base: number) => FieldValue {
  const read = floatNumberReader(field);
  return (view, base) => {
    const value = read(view, base);
    return Number.isFinite(value) ? value : String(value);
  };
}

export function floatNumberReader(field: RecordField): NumberReader {
  const little = !isBigEndian(field);
  const at = field.offset;
  return field.size === 4
    ? (view, base) => view.getFloat32(base + at, little)
    : (view, base) => view.getFloat64(base + at, little);
}

/** Text and bytes: what the record holds of them counts, and a size of 0 reaches to the record's end. */
function tailReader(field: RecordField, read: (view: DataView, start: number, end: number) => FieldValue): Reader {
  return (view, base, end) => {
    const start = base + field.offset;
    if (start > end || (field.size > 0 && start === end)) return null;
    const stop = field.size > 0 ? Math.min(end, start + field.size) : end;
    return read(view, view.byteOffset + start, view.byteOffset + stop);
  };
}

function arrayReader(field: RecordField): Reader {
  const element = field.element;
  if (element === undefined || element.size <= 0) return compileReader({ ...field, kind: 'bytes' });
  const read = compileReader(element);
  return (view, base, end) => {
    const start = base + field.offset;
    if (start > end) return null;
    const fits = Math.floor((end - start) / element.size);
    const count = field.size > 0 ? Math.min(field.count ?? Math.floor(field.size / element.size), fits) : fits;
    const values: FieldValue[] = [];
    for (let i = 0; i < count; i++) values.push(read(view, start + i * element.size, end));
    return values;
  };
}

/** Struct and union members by name; those of unnamed members stand beside their siblings, as in C. */
function membersReader(
  fields: readonly RecordField[],
): (view: DataView, base: number, end: number) => { [name: string]: FieldValue } {
  const members = fields.map((field) => ({ field, read: compileReader(field) }));
  return (view, base, end) => {
    const object: { [name: string]: FieldValue } = {};
    for (const { field, read } of members) {
      const value = read(view, base, end);
      if (field.name === '' && value !== null && typeof value === 'object') Object.assign(object, value);
      else if (field.name !== '__proto__') object[field.name] = value;
      // Assigning this one would change the object instead of adding a member.
      else Object.defineProperty(object, field.name, { value, enumerable: true, writable: true, configurable: true });
    }
    return object;
  };
}

const views = new WeakMap<ArrayBufferLike, Uint8Array>();

/** All bytes of the buffer behind a view, so that no array is made per value. */
function bytesOf(view: DataView): Uint8Array {
  let bytes = views.get(view.buffer);
  if (bytes === undefined) views.set(view.buffer, (bytes = new Uint8Array(view.buffer)));
  return bytes;
}

const recordReaders = new WeakMap<
  RecordInfo,
  (view: DataView, base: number, end: number) => { [name: string]: FieldValue }
>();

/** The record at `offset` of the view as an object of its fields, in declared order; without known fields, its bytes as hex. */
export function decodeRecord(
  record: RecordInfo,
  view: DataView,
  offset: number,
  length: number,
): { [name: string]: FieldValue } {
  let read = recordReaders.get(record);
  if (read === undefined) recordReaders.set(record, (read = membersReader(fieldsOf(record))));
  return read(view, offset, offset + recordBytes(record, length));
}

/** The fields of a record, or one `bytes` field for a record of unknown type. */
export function fieldsOf(record: RecordInfo): RecordField[] {
  if (record.fields.length > 0) return record.fields;
  return [{ name: 'bytes', type: 'unsigned char[]', offset: 0, bits: 0, size: 0, kind: 'bytes', format: 'plain' }];
}

/** How many of `length` bytes belong to the record: perf samples arrive padded, so a fixed size cuts them. */
export function recordBytes(record: RecordInfo, length: number): number {
  return fieldsOf(record).some(isTail) || record.size === 0 ? length : Math.min(length, record.size);
}

/** A variable tail: it reaches to the record's end. */
export function isTail(field: RecordField): boolean {
  return field.size === 0 && (field.kind === 'chars' || field.kind === 'bytes' || field.kind === 'array');
}
