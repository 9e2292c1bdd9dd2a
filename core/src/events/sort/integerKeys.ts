import type { RecordField, RecordInfo } from '../../model/index.ts';
import { isBigEndian, isInteger, isSigned } from '../decode.ts';
import type { Slab } from '../slab.ts';

/** Where keys of 64 bits go: the upper and the lower word of each row. */
interface KeyWords {
  upper: Uint32Array;
  lower: Uint32Array;
}

/**
 * Writes the keys of rows whose bytes begin at the first `count` of `offsets` to the words from `at` on. `flip` is
 * 0xffffffff to turn the order around.
 */
type FillKeys = (slab: Slab, offsets: Uint32Array, count: number, into: KeyWords, at: number, flip: number) => void;

/** The integers of a column, read for many rows in one loop. */
export interface IntegerKeys {
  /** Bytes that a record must have to have the integer. */
  need: number;
  /** False when they fill the lower word only. */
  wide: boolean;
  fill: FillKeys;
}

/** Null for a field that is no integer of 1, 2, 4 or 8 bytes in its record. */
export function integerKeys(record: RecordInfo, field: RecordField | undefined): IntegerKeys | null {
  if (field === undefined || !isInteger(field) || field.bits > 0) return null;
  const { offset, size } = field;
  const need = offset + size;
  if (record.size > 0 && need > record.size) return null;
  const little = !isBigEndian(field);
  // Flipping the sign's bit puts the numbers below zero before the others.
  const sign = isSigned(field);
  switch (size) {
    case 1:
      return { need, wide: false, fill: bytes(offset, sign ? 0x80 : 0) };
    case 2:
      return { need, wide: false, fill: halves(offset, little, sign ? 0x8000 : 0) };
    case 4:
      return { need, wide: false, fill: words(offset, little, sign ? 0x80000000 : 0) };
    case 8:
      return { need, wide: true, fill: pairs(offset, little, sign ? 0x80000000 : 0) };
    default:
      return null;
  }
}

function bytes(field: number, sign: number): FillKeys {
  return (slab, offsets, count, { lower }, at, flip) => {
    const from = slab.bytes;
    for (let i = 0; i < count; i++) lower[at + i] = from[offsets[i]! + field]! ^ sign ^ flip;
  };
}

function halves(field: number, little: boolean, sign: number): FillKeys {
  return ({ view }, offsets, count, { lower }, at, flip) => {
    for (let i = 0; i < count; i++) lower[at + i] = view.getUint16(offsets[i]! + field, little) ^ sign ^ flip;
  };
}

function words(field: number, little: boolean, sign: number): FillKeys {
  return ({ view }, offsets, count, { lower }, at, flip) => {
    for (let i = 0; i < count; i++) lower[at + i] = view.getUint32(offsets[i]! + field, little) ^ sign ^ flip;
  };
}

function pairs(field: number, little: boolean, sign: number): FillKeys {
  const [high, low] = little ? [field + 4, field] : [field, field + 4];
  return ({ view }, offsets, count, { upper, lower }, at, flip) => {
    for (let i = 0; i < count; i++) {
      upper[at + i] = view.getUint32(offsets[i]! + high, little) ^ sign ^ flip;
      lower[at + i] = view.getUint32(offsets[i]! + low, little) ^ flip;
    }
  };
}
