import type { FieldValue, RecordField, RecordInfo } from '../../model/index.ts';
import { compileReader, fieldBytes, recordBytes } from '../decode.ts';
import type { Batch } from '../expr/batch.ts';
import { compileDerived, derivedFieldValue, isDerived, type DerivedValue } from '../expr/derived.ts';
import { fixedReader } from '../expr/fixed.ts';
import { fixedName } from '../expr/names.ts';
import { decimal } from '../formats.ts';
import { renderCell } from '../render.ts';
import type { RowDecoder } from '../rows.ts';
import { resolvePath } from '../schema.ts';
import { wallTime } from '../time.ts';
import { fieldOf } from './numbers.ts';

/** What a group stands for: as shown, and as it is. */
export interface KeyValues {
  texts: string[];
  values: FieldValue[];
}

/** Longest key; texts are cut there, so groups differ within it. */
const MOST_BYTES = 1024;

/** Puts the bytes that a path has in a row into the key at `at` and returns where they end. */
type KeyWriter = (batch: Batch, row: number, key: Uint8Array, at: number) => number;

/** The values of some columns of a row as one key: equal keys are equal values. */
export class RowKeys {
  readonly fields: (RecordField | null)[];
  readonly bytes = new Uint8Array(MOST_BYTES + 64);
  readonly #decoder: RowDecoder;
  readonly #paths: readonly string[];
  /** By record type, then by path. */
  readonly #writers: KeyWriter[][];
  /** By path; null for those that are no derived column. */
  readonly #derived: (DerivedValue | null)[];

  constructor(decoder: RowDecoder, paths: readonly string[]) {
    this.#decoder = decoder;
    this.#paths = paths;
    this.fields = paths.map((path) => fieldOf(decoder.schema, path));
    this.#derived = paths.map((path) => (isDerived(path) ? compileDerived(path, decoder.schema) : null));
    this.#writers = decoder.schema.records.map((record, type) =>
      paths.map((path, i) => {
        const derived = this.#derived[i] ?? null;
        return derived === null ? keyWriter(record, type, path) : derivedWriter(derived, type);
      }),
    );
  }

  /** Writes the row's key to `bytes` and returns its length. */
  write(batch: Batch, row: number, type: number): number {
    let at = 0;
    for (const write of this.#writers[type]!) at = Math.min(MOST_BYTES, write(batch, row, this.bytes, at));
    return at;
  }

  /** The values of a row, for people and for filters. */
  read(batch: Batch, row: number, type: number): KeyValues {
    const record = this.#decoder.schema.records[type]!;
    const offset = batch.offsets[row]!;
    const { chunk } = batch;
    const end = offset + recordBytes(record, batch.lengthOf(row));
    const texts: string[] = [];
    const values: FieldValue[] = [];
    for (const [i, path] of this.#paths.entries()) {
      const derived = this.#derived[i] ?? null;
      if (derived !== null) {
        const found = derivedFieldValue(derived, derived.read(batch, row, type));
        values.push(found);
        texts.push(decimal(found ?? ''));
        continue;
      }
      const field = path.startsWith('@') ? undefined : resolvePath(record, path);
      if (field === undefined) {
        const fixed = this.#fixed(batch, row, record, path);
        values.push(fixed);
        texts.push(String(fixed ?? ''));
        continue;
      }
      const value = compileReader(field)(chunk.slab.view, offset, end);
      values.push(value);
      const toWall = (clock: bigint) => wallTime(clock, chunk.timeAt(offset), chunk.clocks);
      texts.push(renderCell(field, value, toWall, this.#decoder.store.hosts[chunk.host]?.names));
    }
    return { texts, values };
  }

  #fixed(batch: Batch, row: number, record: RecordInfo, path: string): string | number | null {
    if (path === '@record') return record.type;
    const name = fixedName(path);
    if (name === undefined) return null;
    const value = fixedReader(record, name)(batch, row, batch.offsets[row]!);
    return typeof value === 'bigint' ? value.toString() : value;
  }
}

function derivedWriter(derived: DerivedValue, type: number): KeyWriter {
  const encoder = new TextEncoder();
  return (batch, row, key, at) => {
    const value = derived.read(batch, row, type);
    if (value === null) return putAbsent(key, at);
    if (typeof value === 'number') return putNumber(key, at, value);
    key[at] = 1;
    const { written } = encoder.encodeInto(String(value), key.subarray(at + 1, MOST_BYTES));
    key[at + 1 + written] = 0;
    return at + written + 2;
  };
}

function keyWriter(record: RecordInfo, type: number, path: string): KeyWriter {
  const field = path.startsWith('@') ? undefined : resolvePath(record, path);
  if (field !== undefined) return fieldWriter(field);
  if (path === '@record') return (_batch, _row, key, at) => putNumber(key, at, type);
  const name = fixedName(path);
  if (name === undefined) return (_batch, _row, key, at) => putAbsent(key, at);
  if (name === 'host') return (batch, _row, key, at) => putNumber(key, at, batch.chunk.host);
  const read = fixedReader(record, name);
  return (batch, row, key, at) => {
    const value = read(batch, row, batch.offsets[row]!);
    return value === null ? putAbsent(key, at) : putNumber(key, at, Number(value));
  };
}

/** The bytes as they lie there. Texts end at their NUL and are told apart from what follows by one. */
function fieldWriter(field: RecordField): KeyWriter {
  const { offset: place, size } = field;
  if (field.bits > 0) {
    const read = compileReader(field);
    return (batch, row, key, at) => {
      const base = batch.offsets[row]!;
      const value = read(batch.chunk.slab.view, base, base + batch.lengthOf(row));
      return value === null ? putAbsent(key, at) : putNumber(key, at, Number(value));
    };
  }
  const text = field.kind === 'chars';
  const need = size > 0 && !text ? place + fieldBytes(field) : place;
  return (batch, row, key, at) => {
    const length = batch.lengthOf(row);
    if (length < need) return putAbsent(key, at);
    const { bytes } = batch.chunk.slab;
    const start = batch.offsets[row]! + place;
    const stop = Math.min(
      start + (size > 0 ? Math.min(size, length - place) : length - place),
      start + MOST_BYTES - at,
    );
    key[at++] = 1;
    for (let from = start; from < stop; from++) {
      const byte = bytes[from]!;
      if (text && byte === 0) break;
      key[at++] = byte;
    }
    if (text) key[at++] = 0;
    return at;
  };
}

function putAbsent(key: Uint8Array, at: number): number {
  key[at] = 0;
  return at + 1;
}

const number = new DataView(new ArrayBuffer(8));

function putNumber(key: Uint8Array, at: number, value: number): number {
  number.setFloat64(0, value);
  key[at] = 1;
  for (let i = 0; i < 8; i++) key[at + 1 + i] = number.getUint8(i);
  return at + 9;
}

interface Entry<T> {
  key: Uint8Array;
  item: T;
  next: Entry<T> | null;
}

/** Items by key bytes. */
export class KeyTable<T> {
  readonly #table = new Map<number, Entry<T>>();
  size = 0;

  /** The item of a key, or null. `hash` is that of `hashOf`. */
  get(bytes: Uint8Array, length: number, hash: number): T | null {
    for (let entry = this.#table.get(hash) ?? null; entry !== null; entry = entry.next) {
      if (same(entry.key, bytes, length)) return entry.item;
    }
    return null;
  }

  put(bytes: Uint8Array, length: number, hash: number, item: T): void {
    this.#table.set(hash, { key: bytes.slice(0, length), item, next: this.#table.get(hash) ?? null });
    this.size++;
  }
}

function same(key: Uint8Array, bytes: Uint8Array, length: number): boolean {
  if (key.length !== length) return false;
  for (let at = 0; at < length; at++) if (key[at] !== bytes[at]) return false;
  return true;
}

/** FNV-1a. */
export function hashOf(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}
