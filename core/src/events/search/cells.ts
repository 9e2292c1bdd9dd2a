import type { FieldFormat, RecordField, RowFind } from '../../model/index.ts';
import { fieldBytes, fitsNumber, numberReader, recordBytes } from '../decode.ts';
import type { Batch } from '../expr/batch.ts';
import type { RowLook } from '../rowLook.ts';
import { resolvePath } from '../schema.ts';
import { typeColumn } from '../summary/numbers.ts';

/** Says whether a row's cells have a text. */
export type CellMatcher = (batch: Batch, row: number) => boolean;

/**
 * Looks for a text in the cells as they are shown, without regard to case. Texts are compared byte by byte and numbers
 * only when the text could be a part of one, so that most rows need not be written; what has another format is written.
 */
export function cellMatchers(look: RowLook, find: RowFind): CellMatcher[] {
  const needle = find.text.toLowerCase();
  const type = typeColumn(look.decoder.schema);
  const columns = look.columns.flatMap((column, index) =>
    find.columns.length === 0 || find.columns.includes(column.id) ? [{ column, index }] : [],
  );
  const rendered: number[] = [];
  const matchers: CellMatcher[] = [];
  for (const { column, index } of columns) {
    const byType = look.decoder.schema.records.map((record) => {
      const field = column.field === null || column.id.startsWith('=') ? undefined : resolvePath(record, column.id);
      if (field === undefined) return column.field === null || column.id.startsWith('=') ? null : NEVER;
      const fast = look.isPlain(column.id) ? fastMatcher(field, needle) : null;
      return fast === null
        ? null
        : (batch: Batch, row: number) => fast(batch, row, recordBytes(record, batch.lengthOf(row)));
    });
    if (byType.includes(null)) rendered.push(index);
    else if (byType.some((matcher) => matcher !== NEVER))
      matchers.push((batch, row) => byType[type(batch, row)]!(batch, row));
  }
  if (rendered.length > 0) matchers.push(renderedMatcher(look, rendered, needle));
  return matchers;
}

const NEVER: CellMatcher = () => false;

type FastMatcher = (batch: Batch, row: number, length: number) => boolean;
const NOT_THERE: FastMatcher = () => false;

/** Formats in which the cell of an integer is more than its decimal digits (see `renderCell`). */
const WRITTEN_OTHERWISE: ReadonlySet<FieldFormat> = new Set<FieldFormat>([
  ...(['ktime', 'hex', 'uid', 'gid', 'symbol', 'stack', 'dev', 'mode', 'flags'] as const),
]);

/** A matcher that writes nothing; null for fields that must be written to know. */
function fastMatcher(field: RecordField, needle: string): FastMatcher | null {
  if (field.kind === 'chars') return /^[\x20-\x7e]*$/.test(needle) ? charsMatcher(field, needle) : null;
  if ((field.kind !== 'int' && field.kind !== 'uint') || WRITTEN_OTHERWISE.has(field.format)) return null;
  if (!/^-?\d*$/.test(needle)) return NOT_THERE;
  if (!fitsNumber(field)) return null;
  const read = numberReader(field);
  const need = field.offset + fieldBytes(field);
  return (batch, row, length) =>
    length >= need && String(read(batch.chunk.slab.view, batch.offsets[row]!)).includes(needle);
}

/** ASCII letters of either case are one; the text ends at its NUL. */
function charsMatcher(field: RecordField, needle: string): FastMatcher {
  const wanted = new TextEncoder().encode(needle);
  const first = wanted[0]!;
  return (batch, row, length) => {
    const { bytes } = batch.chunk.slab;
    const start = batch.offsets[row]! + field.offset;
    const stop = batch.offsets[row]! + (field.size > 0 ? Math.min(length, field.offset + field.size) : length);
    for (let at = start; at < stop && bytes[at] !== 0; at++) {
      if (lower(bytes[at]!) !== first || at + wanted.length > stop) continue;
      let i = 1;
      while (i < wanted.length && lower(bytes[at + i]!) === wanted[i]) i++;
      if (i === wanted.length) return true;
    }
    return false;
  };
}

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);

function renderedMatcher(look: RowLook, columns: readonly number[], needle: string): CellMatcher {
  return (batch, row) => {
    const offset = batch.offsets[row]!;
    const place = { seq: batch.firstSeq + row, chunk: batch.chunk as never, offset, length: batch.lengthOf(row) };
    const cells = look.cells(place);
    return columns.some((index) => cells[index]!.toLowerCase().includes(needle));
  };
}
