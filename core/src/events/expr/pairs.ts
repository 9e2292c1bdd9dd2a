import type { RecordField, RecordInfo } from '../../model/index.ts';
import { bigReader, fieldBytes, fitsNumber, floatNumberReader, isInteger, numberReader } from '../decode.ts';
import type { CompareOp } from './ast.ts';
import { perRow, type Batch, type Condition } from './batch.ts';
import { fixedReader } from './fixed.ts';
import type { Fixed } from './names.ts';
import { textReader, type Cut } from './texts.ts';

export type Side = { kind: 'field'; field: RecordField } | { kind: 'fixed'; name: Fixed };
/** A value of a row: integers exactly; null where it has none. */
export type Value = bigint | number | string | null;
export type ValueReader = (batch: Batch, row: number, offset: number) => Value;

/** Two fields of one row (`saddr == daddr`, `ret < count`); null when one is a number and the other text. */
export function fieldPair(record: RecordInfo, left: Side, op: CompareOp, right: Side, cut: Cut): Condition | null {
  if (isNumeric(left) !== isNumeric(right) || isNested(left) || isNested(right)) return null;
  const readLeft = valueReader(record, left, cut);
  const readRight = valueReader(record, right, cut);
  const holds = comparison(op);
  return perRow(0, (batch, row, offset) => {
    const a = readLeft(batch, row, offset);
    const b = readRight(batch, row, offset);
    return a !== null && b !== null && holds(a, b);
  });
}

export function isNumeric(side: Side): boolean {
  if (side.kind === 'fixed') return side.name !== 'host' && side.name !== 'stream';
  return isInteger(side.field) || side.field.kind === 'float';
}

export function isNested(side: Side): boolean {
  return side.kind === 'field' && ['struct', 'union', 'array'].includes(side.field.kind);
}

export function valueReader(record: RecordInfo, side: Side, cut: Cut): ValueReader {
  if (side.kind === 'fixed') return fixedReader(record, side.name);
  const { field } = side;
  if (!isNumeric(side)) {
    const read = textReader(field);
    return (batch, row, offset) => read(batch.chunk.slab.view, offset, cut(batch.lengthOf(row)));
  }
  const need = field.offset + fieldBytes(field);
  const read =
    field.kind === 'float' ? floatNumberReader(field) : fitsNumber(field) ? numberReader(field) : bigReader(field);
  return (batch, row, offset) => (batch.lengthOf(row) >= need ? read(batch.chunk.slab.view, offset) : null);
}

/** JavaScript orders numbers and bigints among each other exactly; equality is "neither less nor greater". */
export function comparison(op: CompareOp): (a: NonNullable<Value>, b: NonNullable<Value>) => boolean {
  switch (op) {
    case '==':
      return (a, b) => a >= b && a <= b;
    case '!=':
      return (a, b) => !(a >= b && a <= b);
    case '<':
      return (a, b) => a < b;
    case '<=':
      return (a, b) => a <= b;
    case '>':
      return (a, b) => a > b;
    case '>=':
      return (a, b) => a >= b;
  }
}
