import { RingsideError } from '../../errors.ts';
import type { RecordField, RecordInfo, StreamSchema } from '../../model/index.ts';
import {
  bigReader,
  fieldBytes,
  fitsNumber,
  floatNumberReader,
  isBigEndian,
  isInteger,
  isSigned,
  numberReader,
  recordBytes,
} from '../decode.ts';
import type { Batch } from '../expr/batch.ts';
import { compileDerived, isDerived, type DerivedValue } from '../expr/derived.ts';
import { fixedReader } from '../expr/fixed.ts';
import { fixedName, isKnownField, unknownField } from '../expr/names.ts';
import type { RowDecoder } from '../rows.ts';
import { resolvePath } from '../schema.ts';
import { textEnd } from '../text.ts';
import { integerKeys, type IntegerKeys } from './integerKeys.ts';

/** Texts and arrays are compared by so many words of eight bytes; cells show no more of them. */
export const MOST_WORDS = 32;

/** One word of a value: 64 bits that rise with it. */
export interface OrderWord {
  upper: number;
  lower: number;
}

/** The values of a column as words that can be compared one after the other, as unsigned numbers. */
export interface OrderKey {
  /** Words that a row's value has; 0 when the row has no such value. */
  words(batch: Batch, row: number, type: number): number;
  /** Writes the word at an index; beyond the value's last one it is 0. */
  read(batch: Batch, row: number, type: number, index: number, word: OrderWord): void;
  /** False when every value has one word at most, so that nobody needs to count. */
  readonly several: boolean;
  /** How integers that all rows have in one place are read at once; null for other columns. */
  readonly integers: IntegerKeys | null;
}

type Words = (batch: Batch, row: number) => number;
type Read = (batch: Batch, row: number, index: number, word: OrderWord) => void;
interface TypeKey {
  words: Words;
  read: Read;
  several: boolean;
}

/**
 * How a column's values are ordered: numbers (enums too) by value, addresses and bytes byte by byte, text by its
 * characters, arrays by their elements. @throws RingsideError `unknown-field`, `bad-value`
 */
export function orderKey(decoder: RowDecoder, column: string): OrderKey {
  const { schema } = decoder;
  if (isDerived(column)) return derivedKey(compileDerived(column, schema));
  const isField = !column.startsWith('@') && isKnownField(schema, column);
  if (!isField && column !== '@record' && fixedName(column) === undefined)
    throw unknownField(schema, column, column, 0);
  const types = schema.records.map((record) => {
    const field = isField ? resolvePath(record, column) : undefined;
    return isField ? fieldKey(record, field) : fixedKey(decoder, record, column);
  });
  return {
    words: (batch, row, type) => types[type]!.words(batch, row),
    read: (batch, row, type, index, word) => types[type]!.read(batch, row, index, word),
    several: types.some(({ several }) => several),
    integers: isField && schema.records.length === 1 ? integersOf(schema.records[0]!, column) : null,
  };
}

const integersOf = (record: RecordInfo, column: string): IntegerKeys | null =>
  integerKeys(record, resolvePath(record, column));

function derivedKey(value: DerivedValue): OrderKey {
  const encoder = new TextEncoder();
  const textOf = (batch: Batch, row: number, type: number): Uint8Array | null => {
    const found = value.read(batch, row, type);
    return found === null ? null : encoder.encode(String(found));
  };
  if (value.type === 'text') {
    return {
      several: true,
      integers: null,
      words: (batch, row, type) => {
        const text = textOf(batch, row, type);
        return text === null ? 0 : Math.min(MOST_WORDS, Math.max(1, Math.ceil(text.length / 8)));
      },
      read: (batch, row, type, index, word) => {
        const text = textOf(batch, row, type) ?? new Uint8Array(0);
        bytesWord(text, index * 8, text.length, word);
      },
    };
  }
  return {
    several: false,
    integers: null,
    words: (batch, row, type) => (value.read(batch, row, type) === null ? 0 : 1),
    read: (batch, row, type, _index, word) => numberWord(Number(value.read(batch, row, type) ?? 0), word),
  };
}

const NONE: TypeKey = { words: () => 0, read: (_batch, _row, _index, word) => setWord(word, 0, 0), several: false };

function setWord(word: OrderWord, upper: number, lower: number): void {
  word.upper = upper >>> 0;
  word.lower = lower >>> 0;
}

/** A key of one word, for rows that hold `need` bytes. */
function single(need: number, read: (view: DataView, offset: number, word: OrderWord) => void): TypeKey {
  return {
    words: (batch, row) => (batch.lengthOf(row) >= need ? 1 : 0),
    read: (batch, row, _index, word) => read(batch.chunk.slab.view, batch.offsets[row]!, word),
    several: false,
  };
}

function fieldKey(record: RecordInfo, field: RecordField | undefined): TypeKey {
  if (field === undefined || (record.size > 0 && field.offset + field.size > record.size)) return NONE;
  switch (field.kind) {
    case 'float':
      return floatKey(field);
    case 'ipv4':
      return single(field.offset + 4, (view, offset, word) => setWord(word, 0, view.getUint32(offset + field.offset)));
    case 'chars':
      return bytesKey(record, field, true);
    case 'array':
      return field.element === undefined ? bytesKey(record, field, false) : arrayKey(record, field, field.element);
    default:
      return isInteger(field) ? integerKey(field) : bytesKey(record, field, false);
  }
}

function integerKey(field: RecordField): TypeKey {
  return single(field.offset + fieldBytes(field), integerWord(field));
}

function integerWord(field: RecordField): (view: DataView, offset: number, word: OrderWord) => void {
  const flip = isSigned(field) ? 0x80000000 : 0;
  if (fitsNumber(field)) {
    const read = numberReader(field);
    return (view, offset, word) => setWord(word, 0, read(view, offset) ^ flip);
  }
  if (field.bits === 0 && field.size === 8) {
    const little = !isBigEndian(field);
    const [upper, lower] = little ? [field.offset + 4, field.offset] : [field.offset, field.offset + 4];
    return (view, offset, word) =>
      setWord(word, view.getUint32(offset + upper, little) ^ flip, view.getUint32(offset + lower, little));
  }
  const read = bigReader(field);
  return (view, offset, word) => bigWord(read(view, offset), flip, word);
}

function bigWord(value: bigint, flip: number, word: OrderWord): void {
  setWord(word, Number(BigInt.asUintN(32, value >> 32n)) ^ flip, Number(BigInt.asUintN(32, value)));
}

const bits = new DataView(new ArrayBuffer(8));

/** A number's word; numbers that are none are told apart by the caller. */
export function numberWord(value: number, word: OrderWord): void {
  // -0 is no other number than 0.
  bits.setFloat64(0, value + 0);
  const [upper, lower] = [bits.getUint32(0), bits.getUint32(4)];
  if (upper >= 0x80000000) setWord(word, ~upper, ~lower);
  else setWord(word, upper | 0x80000000, lower);
}

function floatKey(field: RecordField): TypeKey {
  const read = floatNumberReader(field);
  const need = field.offset + field.size;
  return {
    words: (batch, row) =>
      batch.lengthOf(row) >= need && !Number.isNaN(read(batch.chunk.slab.view, batch.offsets[row]!)) ? 1 : 0,
    read: (batch, row, _index, word) => numberWord(read(batch.chunk.slab.view, batch.offsets[row]!), word),
    several: false,
  };
}

/** Bytes from the first on; of text up to its NUL. An empty text is a value, too. */
function bytesKey(record: RecordInfo, field: RecordField, text: boolean): TypeKey {
  const endOf = (batch: Batch, row: number): number => {
    const length = recordBytes(record, batch.lengthOf(row));
    const start = batch.offsets[row]! + field.offset;
    const stop = batch.offsets[row]! + (field.size > 0 ? Math.min(length, field.offset + field.size) : length);
    return text ? textEnd(batch.chunk.slab.bytes, start, stop) : stop;
  };
  return {
    several: true,
    words: (batch, row) => {
      const size = recordBytes(record, batch.lengthOf(row)) - field.offset;
      if (size < 0 || (size === 0 && field.size > 0)) return 0;
      const start = batch.offsets[row]! + field.offset;
      return Math.min(MOST_WORDS, Math.max(1, Math.ceil((endOf(batch, row) - start) / 8)));
    },
    read: (batch, row, index, word) => {
      const at = batch.offsets[row]! + field.offset + index * 8;
      bytesWord(batch.chunk.slab.bytes, at, endOf(batch, row), word);
    },
  };
}

/** The eight bytes from `at` on, the first one counting most; what lies behind `end` is 0. */
export function bytesWord(bytes: Uint8Array, at: number, end: number, word: OrderWord): void {
  const byte = (i: number): number => (at + i < end ? bytes[at + i]! : 0);
  setWord(
    word,
    (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3),
    (byte(4) << 24) | (byte(5) << 16) | (byte(6) << 8) | byte(7),
  );
}

function arrayKey(record: RecordInfo, field: RecordField, element: RecordField): TypeKey {
  if (element.size <= 0 || !(isInteger(element) || element.kind === 'float')) return bytesKey(record, field, false);
  const float = element.kind === 'float' ? floatNumberReader(element) : null;
  const integer = float === null ? integerWord(element) : null;
  const countOf = (length: number): number => {
    const size = field.size > 0 ? Math.min(field.size, length - field.offset) : length - field.offset;
    return Math.min(MOST_WORDS, Math.max(0, Math.floor(size / element.size)));
  };
  return {
    several: true,
    words: (batch, row) => countOf(recordBytes(record, batch.lengthOf(row))),
    read: (batch, row, index, word) => {
      if (index >= countOf(recordBytes(record, batch.lengthOf(row)))) {
        setWord(word, 0, 0);
        return;
      }
      const { view } = batch.chunk.slab;
      const at = batch.offsets[row]! + field.offset + index * element.size;
      if (float !== null) numberWord(float(view, at), word);
      else integer!(view, at, word);
    },
  };
}

function fixedKey(decoder: RowDecoder, record: RecordInfo, column: string): TypeKey {
  if (column === '@record') return rankKey(rankOf(decoder.schema.records, record));
  const name = fixedName(column)!;
  if (name === 'host') return hostKey(decoder);
  if (name === 'stream') return rankKey(0);
  const read = fixedReader(record, name);
  return {
    several: false,
    words: name === 'cpu' ? (batch, row) => (read(batch, row, batch.offsets[row]!) === null ? 0 : 1) : () => 1,
    read: (batch, row, _index, word) => {
      const value = read(batch, row, batch.offsets[row]!);
      if (typeof value === 'bigint') bigWord(value, 0, word);
      else setWord(word, 0, Number(value ?? 0));
    },
  };
}

function rankKey(rank: number): TypeKey {
  return { words: () => 1, read: (_batch, _row, _index, word) => setWord(word, 0, rank), several: false };
}

function rankOf(records: readonly RecordInfo[], record: RecordInfo): number {
  return [...new Set(records.map(({ type }) => type))].sort(byText).indexOf(record.type);
}

function hostKey(decoder: RowDecoder): TypeKey {
  const names = decoder.store.hosts.map(({ name }) => name);
  const sorted = [...names].sort(byText);
  const ranks = names.map((name) => sorted.indexOf(name));
  return {
    several: false,
    words: () => 1,
    // A host that came after the order was asked for stands behind the others.
    read: (batch, _row, _index, word) => setWord(word, 0, ranks[batch.chunk.host] ?? ranks.length),
  };
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** @throws RingsideError `bad-value` for more columns than can be sorted by. */
export function checkOrder(schema: StreamSchema, columns: readonly string[]): void {
  if (columns.length === 0 || columns.length > MOST_ORDER_COLUMNS) {
    throw new RingsideError(
      'bad-value',
      `Rows of ${schema.stream} are sorted by one to ${MOST_ORDER_COLUMNS} columns.`,
      {
        remedy: 'Choose fewer columns.',
      },
    );
  }
}

export const MOST_ORDER_COLUMNS = 4;
