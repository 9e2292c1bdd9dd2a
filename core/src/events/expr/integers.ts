import type { RecordField } from '../../model/index.ts';
import { bigReader, fieldBytes, fitsNumber, isBigEndian, isSigned, numberReader } from '../decode.ts';
import type { CompareOp, Rational } from './ast.ts';
import { never, perRow, type Batch, type Condition } from './batch.ts';
import { wireOfInteger, withWire } from './wire.ts';

/**
 * Every comparison of an integer with a constant is one question: does it lie between `low` and `high` (both included),
 * or, negated, does it not?
 */
export interface IntegerRange {
  low: bigint;
  high: bigint;
  negated: boolean;
}

const FAR = 1n << 130n;

/** The range that `value op constant` asks about, for integers: x < 1.5 is x <= 1, x == 1.5 is never true. */
export function rangeOf(op: CompareOp, constant: Rational): IntegerRange {
  const { numerator, denominator } = constant;
  const floor = numerator / denominator - (numerator % denominator < 0n ? 1n : 0n);
  const exact = numerator % denominator === 0n;
  const ceiling = exact ? floor : floor + 1n;
  switch (op) {
    case '==':
    case '!=':
      return { low: exact ? floor : 1n, high: exact ? floor : 0n, negated: op === '!=' };
    case '<':
      return { low: -FAR, high: ceiling - 1n, negated: false };
    case '<=':
      return { low: -FAR, high: floor, negated: false };
    case '>':
      return { low: floor + 1n, high: FAR, negated: false };
    case '>=':
      return { low: ceiling, high: FAR, negated: false };
  }
}

/** Rows whose integer field lies in the range. Words in memory order are compared in place, other layouts are read. */
export function integerInRange(field: RecordField, range: IntegerRange): Condition {
  const { low, high, least, most, signed } = clipped(field, range);
  const condition = inRange(field, { low, high, negated: range.negated }, signed);
  if (low > high) return condition;
  return withWire(condition, wireOfInteger(field, { low, high, negated: range.negated }, { least, most, signed }));
}

function clipped(field: RecordField, range: IntegerRange) {
  const width = BigInt(field.bits > 0 ? field.bits : field.size * 8);
  const signed = isSigned(field);
  const least = signed ? -(1n << (width - 1n)) : 0n;
  const most = signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n;
  const low = range.low < least ? least : range.low;
  const high = range.high > most ? most : range.high;
  return { low, high, least, most, signed };
}

function inRange(field: RecordField, { low, high, negated }: IntegerRange, signed: boolean): Condition {
  const need = field.offset + fieldBytes(field);
  if (low > high) return negated ? present(need) : never;

  const inPlace = field.bits === 0 && !isBigEndian(field) && field.offset % 4 === 0;
  if (inPlace && field.size === 4) return wordInRange(field.offset, need, signed, Number(low), Number(high), negated);
  if (inPlace && field.size === 8) return longInRange(field.offset, need, signed, low, high, negated);
  if (fitsNumber(field)) return numberInRange(field, need, Number(low), Number(high), negated);
  const read = bigReader(field);
  return perRow(need, (batch, _row, offset) => {
    const value = read(batch.chunk.slab.view, offset);
    return (value >= low && value <= high) !== negated;
  });
}

function present(need: number): Condition {
  return {
    refine: (batch, mask) => {
      batch.dropShorter(mask, need);
    },
  };
}

// The three loops below are the hot path of a filter over millions of rows: plain typed-array reads, no calls.

function wordInRange(
  at: number,
  need: number,
  signed: boolean,
  low: number,
  high: number,
  negated: boolean,
): Condition {
  const inside = negated ? 0 : 1;
  return {
    refine(batch: Batch, mask: Uint8Array) {
      batch.dropShorter(mask, need);
      const { offsets, count } = batch;
      const word = at >> 2;
      // Two loops, so that each sees one array type only.
      if (signed) {
        const words = batch.chunk.slab.signedWords;
        for (let row = 0; row < count; row++) {
          const value = words[(offsets[row]! >> 2) + word]!;
          mask[row] = mask[row]! & (value >= low && value <= high ? inside : 1 - inside);
        }
      } else {
        const words = batch.chunk.slab.words;
        for (let row = 0; row < count; row++) {
          const value = words[(offsets[row]! >> 2) + word]!;
          mask[row] = mask[row]! & (value >= low && value <= high ? inside : 1 - inside);
        }
      }
    },
  };
}

function longInRange(
  at: number,
  need: number,
  signed: boolean,
  low: bigint,
  high: bigint,
  negated: boolean,
): Condition {
  // Signed numbers sort like unsigned ones once the sign bit is turned over.
  const flip = signed ? 0x80000000 : 0;
  const lowHigh = half(low, 32n, flip);
  const lowLow = half(low, 0n, 0);
  const highHigh = half(high, 32n, flip);
  const highLow = half(high, 0n, 0);
  const inside = negated ? 0 : 1;
  return {
    refine(batch: Batch, mask: Uint8Array) {
      batch.dropShorter(mask, need);
      const { offsets, count } = batch;
      const { words } = batch.chunk.slab;
      const word = at >> 2;
      for (let row = 0; row < count; row++) {
        const index = (offsets[row]! >> 2) + word;
        const upper = (words[index + 1]! ^ flip) >>> 0;
        const lower = words[index]!;
        const within =
          (upper > lowHigh || (upper === lowHigh && lower >= lowLow)) &&
          (upper < highHigh || (upper === highHigh && lower <= highLow));
        mask[row] = mask[row]! & (within ? inside : 1 - inside);
      }
    },
  };
}

function half(value: bigint, shift: bigint, flip: number): number {
  return (Number(BigInt.asUintN(32, value >> shift)) ^ flip) >>> 0;
}

function numberInRange(field: RecordField, need: number, low: number, high: number, negated: boolean): Condition {
  const read = numberReader(field);
  const inside = negated ? 0 : 1;
  return {
    refine(batch: Batch, mask: Uint8Array) {
      batch.dropShorter(mask, need);
      const { offsets, count } = batch;
      const { view } = batch.chunk.slab;
      for (let row = 0; row < count; row++) {
        if (mask[row] === 0) continue;
        const value = read(view, offsets[row]!);
        mask[row] = value >= low && value <= high ? inside : 1 - inside;
      }
    },
  };
}
