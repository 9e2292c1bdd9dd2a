import type { FieldValue, RecordField, StreamSchema } from '../../model/index.ts';
import { completeSchema } from '../schema.ts';
import { Batch, type Condition } from './batch.ts';
import { RecordCompiler } from './compile.ts';
import type { Value } from './pairs.ts';
import { parseExpr } from './parser.ts';

/** Paths that begin so are expressions: whatever takes a column takes a derived one. */
export const DERIVED = '=';

export function isDerived(path: string): boolean {
  return path.startsWith(DERIVED);
}

/** The value that an EXPR has in a row (`type` = the row's record type); null where it has none. */
export interface DerivedValue {
  type: 'number' | 'text' | 'boolean';
  /** What the values are, as if they were a field of the record. */
  field: RecordField;
  read(batch: Batch, row: number, type: number): Value;
}

/**
 * Compiles the expression of a derived column: a value (`bytes / 1024`), or a condition (`ret < 0`, shown as true or
 * false). @throws RingsideError `bad-expression`, `unknown-field`
 */
export function compileDerived(path: string, schema: StreamSchema): DerivedValue {
  const text = path.slice(DERIVED.length);
  const complete = completeSchema(schema);
  const expr = parseExpr(text);
  const compilers = complete.records.map((record) => new RecordCompiler(text, complete, record));
  if (expr.kind !== 'truth') {
    const conditions = compilers.map((compiler) => compiler.condition(expr));
    return { type: 'boolean', field: fieldFor(path, 'boolean', 'plain'), read: rowTest(conditions) };
  }
  const values = compilers.map((compiler) => compiler.values.value(expr.operand));
  const { type, format } = values[0]!;
  return {
    type,
    field: fieldFor(path, type, format),
    read: (batch, row, recordType) => values[recordType]!.read(batch, row, batch.offsets[row]!),
  };
}

/** A computed value as JSON has it. */
export function derivedFieldValue({ type }: DerivedValue, value: Value): FieldValue {
  if (value === null) return null;
  if (type === 'boolean') return value !== 0;
  return typeof value === 'bigint' ? value.toString() : value;
}

function rowTest(conditions: readonly Condition[]): DerivedValue['read'] {
  const one = new Batch();
  const mask = new Uint8Array(1);
  return (batch, row, type) => {
    one.chunk = batch.chunk;
    one.firstSeq = batch.firstSeq + row;
    one.offsets[0] = batch.offsets[row]!;
    one.stream = batch.stream;
    one.hosts = batch.hosts;
    one.count = mask[0] = 1;
    conditions[type]!.refine(one, mask);
    return mask[0];
  };
}

function fieldFor(path: string, type: DerivedValue['type'], format: RecordField['format']): RecordField {
  const kind = ({ number: 'float', text: 'chars', boolean: 'bool' } as const)[type];
  return { name: path, type, offset: 0, bits: 0, size: type === 'number' ? 8 : 0, kind, format };
}
