import { RingsideError } from '../../errors.ts';
import type { RecordField, RecordInfo, StreamSchema } from '../../model/index.ts';
import {
  fieldBytes,
  fitsNumber,
  floatNumberReader,
  isBigEndian,
  isInteger,
  isSigned,
  numberReader,
} from '../decode.ts';
import type { Batch } from '../expr/batch.ts';
import { compileDerived, isDerived } from '../expr/derived.ts';
import { fixedName, isKnownField, unknownField } from '../expr/names.ts';
import { recordSelector, resolvePath, clockField } from '../schema.ts';
import { ageOf, type RecordSource } from '../slab.ts';

/** A number of a row (`type` = its record type); NaN where the row has none. */
export type NumberColumn = (batch: Batch, row: number, type: number) => number;

/** Milliseconds since the epoch at which a row was made. */
export type TimeColumn = (batch: Batch, row: number, type: number) => number;

/**
 * The record type of each row of a batch. With one type there is nothing to find out.
 */
export function typeColumn(schema: StreamSchema): (batch: Batch, row: number) => number {
  if (schema.records.length < 2) return () => 0;
  const select = recordSelector(schema);
  return (batch, row) => select(batch.chunk.slab.view, batch.offsets[row]!, batch.lengthOf(row));
}

/** The first record type's field of a path; null for a fixed column. @throws RingsideError `unknown-field` */
export function fieldOf(schema: StreamSchema, path: string): RecordField | null {
  if (isDerived(path)) return compileDerived(path, schema).field;
  if (!path.startsWith('@')) {
    for (const record of schema.records) {
      const field = resolvePath(record, path);
      if (field !== undefined) return { ...field, name: path };
    }
  }
  if (path === '@record' || fixedName(path) !== undefined) return null;
  throw unknownField(schema, path, path, 0);
}

/** Reads a path's numbers. @throws RingsideError `unknown-field`, or `bad-value` when it holds no numbers. */
export function numberColumn(schema: StreamSchema, path: string): NumberColumn {
  if (isDerived(path)) return derivedNumber(schema, path);
  if (!isKnownField(schema, path) || path.startsWith('@')) return fixedNumber(schema, path);
  const readers = schema.records.map((record) => recordNumber(record, path));
  if (readers.every((reader) => reader === null)) {
    throw new RingsideError('bad-value', `"${path}" holds no numbers.`, {
      remedy: 'Choose a field that is a number, or count the rows.',
    });
  }
  return (batch, row, type) => {
    const reader = readers[type] ?? null;
    if (reader === null || batch.lengthOf(row) < reader.need) return Number.NaN;
    return reader.read(batch.chunk.slab.view, batch.offsets[row]!);
  };
}

function derivedNumber(schema: StreamSchema, path: string): NumberColumn {
  const value = compileDerived(path, schema);
  if (value.type === 'text') {
    throw new RingsideError('bad-value', `"${path.slice(1)}" holds no numbers.`, {
      remedy: 'Choose a column that is a number, or count the rows.',
    });
  }
  return (batch, row, type) => {
    const found = value.read(batch, row, type);
    return found === null ? Number.NaN : Number(found);
  };
}

function fixedNumber(schema: StreamSchema, path: string): NumberColumn {
  switch (fixedName(path)) {
    case 'cpu':
      return (batch, row) => batch.chunk.cpuAt(batch.offsets[row]!) ?? Number.NaN;
    case 'seq':
      return (batch, row) => batch.firstSeq + row;
    case 'time':
    case 'host':
    case 'stream':
      throw new RingsideError('bad-value', `"${path}" holds no numbers that could be added up.`, {
        remedy: 'Choose a field of the record, or count the rows.',
      });
    case undefined:
      throw unknownField(schema, path, path, 0);
  }
}

interface FieldNumber {
  need: number;
  read: (view: DataView, base: number) => number;
}

function recordNumber(record: RecordInfo, path: string): FieldNumber | null {
  const field = resolvePath(record, path);
  if (field === undefined) return null;
  const need = field.offset + fieldBytes(field);
  if (field.kind === 'float') return { need, read: floatNumberReader(field) };
  return isInteger(field) ? { need, read: fastNumber(field) } : null;
}

/** A 64-bit integer as the nearest double, without a BigInt in between: sums and sizes need no more. */
function fastNumber(field: RecordField): (view: DataView, base: number) => number {
  if (fitsNumber(field) || field.bits > 0 || field.size !== 8) return numberReader(field);
  const at = field.offset;
  const big = isBigEndian(field);
  const [high, low] = big ? [at, at + 4] : [at + 4, at];
  return isSigned(field)
    ? (view, base) => view.getInt32(base + high, !big) * 4294967296 + view.getUint32(base + low, !big)
    : (view, base) => view.getUint32(base + high, !big) * 4294967296 + view.getUint32(base + low, !big);
}

const NANOS_PER_MS = 1e6;
const LONGEST_WAIT_MS = 3_600_000;
const AHEAD_MS = 1_000;

/** The clocks of a chunk in milliseconds; taken once a chunk, because BigInt is slow. */
interface ChunkTimes {
  readMs: number;
  offsets: readonly number[];
}

/** When a row was made: as `eventTime` tells it, to the microsecond, fast enough for millions of rows. */
export function timeColumn(schema: StreamSchema): TimeColumn {
  const clocks = schema.records.map((record) => {
    const field = clockField(record);
    return field === undefined ? null : { need: field.offset + field.size, read: fastNumber(field) };
  });
  let seen: RecordSource | null = null;
  let times: ChunkTimes = { readMs: 0, offsets: [] };
  return (batch, row, type) => {
    const { chunk } = batch;
    if (chunk !== seen) [seen, times] = [chunk, chunkTimes(chunk)];
    const offset = batch.offsets[row]!;
    const made =
      chunk.cpuAt(offset) === null ? times.readMs : times.readMs - ageOf(ageWordAt(chunk, offset)) / NANOS_PER_MS;
    const clock = clocks[type] ?? null;
    if (clock === null || batch.lengthOf(row) < clock.need) return made;
    const value = clock.read(chunk.slab.view, offset) / NANOS_PER_MS;
    for (const distance of times.offsets) {
      const time = value + distance;
      if (time <= made + AHEAD_MS && time >= made - LONGEST_WAIT_MS) return time;
    }
    return made;
  };
}

function chunkTimes(chunk: RecordSource): ChunkTimes {
  const ms = (ns: bigint): number => Number(ns / 1000n) / 1000;
  const { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs } = chunk.clocks;
  return { readMs: ms(chunk.readTimeNs), offsets: [ms(realtimeMinusMonotonicNs), ms(realtimeMinusBoottimeNs), 0] };
}

function ageWordAt(chunk: RecordSource, offset: number): number {
  return chunk.slab.words[(offset - 4) >> 2]!;
}
