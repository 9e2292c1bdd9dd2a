import type { Column, RecordField, RecordInfo, StreamSchema } from '../model/index.ts';
import { bigReader, fieldsOf, isInteger, recordBytes } from './decode.ts';

/** Tells the record type of a record: an index into the schema's `records`. */
export type RecordSelector = (view: DataView, offset: number, length: number) => number;

/**
 * Chooses between the record types of a stream: first by their leading tag, then by exact size, then the largest that
 * fits (perf samples arrive padded), else the smallest (some records are sent shorter than their struct).
 */
export function recordSelector(schema: StreamSchema): RecordSelector {
  const records = schema.records;
  if (records.length < 2) return () => 0;
  const tags = records.flatMap((record, index) => {
    const field = record.tag === null ? undefined : resolvePath(record, record.tag.field);
    if (record.tag === null || field === undefined || !isInteger(field)) return [];
    return [{ index, need: field.offset + field.size, value: BigInt(record.tag.value), read: bigReader(field) }];
  });
  const bySize = records.map((record, index) => ({ size: record.size, index })).sort((a, b) => b.size - a.size);
  return (view, offset, length) => {
    for (const tag of tags) {
      if (length >= tag.need && tag.read(view, offset) === tag.value) return tag.index;
    }
    const exact = bySize.find(({ size }) => size === length);
    return (exact ?? bySize.find(({ size }) => size <= length) ?? bySize.at(-1)!).index;
  };
}

/** The record type when a stream's schema is not known: its bytes. */
export function unknownRecord(map: string): RecordInfo {
  return { map, type: '', size: 0, confidence: 'none', tag: null, fields: [] };
}

/** A schema with at least one record type, so that every row can be shown. */
export function completeSchema(schema: StreamSchema): StreamSchema {
  return schema.records.length > 0 ? schema : { ...schema, records: [unknownRecord(schema.stream)] };
}

/** A leaf of a record: what is neither struct nor union, with its path and its offset from the record's start. */
export interface Leaf {
  path: string;
  field: RecordField;
}

/** The leaves of a record, structs and unions flattened with dots, in declared order. */
export function leavesOf(record: RecordInfo): Leaf[] {
  return fieldsOf(record).flatMap((field) => leaves(field, ''));
}

/** The leaves of one field: itself, or what is in the struct or union, with paths that begin with `prefix`. */
export function leaves(field: RecordField, prefix: string): Leaf[] {
  const path = join(prefix, field.name);
  if (field.kind !== 'struct' && field.kind !== 'union') return [{ path, field }];
  return (field.fields ?? []).flatMap((member) => leaves(member, path));
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : name === '' ? prefix : `${prefix}.${name}`;
}

/**
 * The field that a path names ("pid", "addr.v4", "slots[3]", "stack[0].ip"), with its offset from the record's start;
 * undefined when the record has none. Members of unnamed structs are reached without them, as in C.
 */
export function resolvePath(record: RecordInfo, path: string): RecordField | undefined {
  const steps = path.match(/[^.[\]]+|\[\d+\]/g);
  if (steps?.join('.').replaceAll('.[', '[') !== path) return undefined;
  let fields: readonly RecordField[] = fieldsOf(record);
  let found: RecordField | undefined;
  let base = 0;
  for (const step of steps) {
    if (step.startsWith('[')) {
      if (found?.element === undefined) return undefined;
      const index = Number(step.slice(1, -1));
      const { element } = found;
      if (element.size <= 0 || (found.size > 0 && (index + 1) * element.size > found.size)) return undefined;
      // Inside an element offsets count from the element's start; the field found carries the absolute one.
      base = found.offset + index * element.size;
      found = { ...element, offset: base + element.offset };
    } else {
      const member = findMember(fields, step);
      if (member === undefined) return undefined;
      found = { ...member, offset: base + member.offset };
    }
    fields = found.fields ?? [];
  }
  return found;
}

function findMember(fields: readonly RecordField[], name: string): RecordField | undefined {
  for (const field of fields) {
    if (field.name === name) return field;
    const inner = field.name === '' ? findMember(field.fields ?? [], name) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** The field that tells when a record was made: the first one that holds a kernel clock (format "ktime"). */
export function clockField(record: RecordInfo): RecordField | undefined {
  return fieldsOf(record).find((field) => field.format === 'ktime' && field.size === 8 && isInteger(field));
}

/** Columns that are there whatever the records hold. */
const TIME: Column = { id: '@time', title: 'time', align: 'left', width: 12, field: null };
const HOST: Column = { id: '@host', title: 'host', align: 'left', width: 12, field: null };
const RECORD: Column = { id: '@record', title: 'record', align: 'left', width: 16, field: null };

const PADDING = /^_*(pad|padding|reserved|unused)\d*_*$/;

/**
 * The grid's columns: time, host if there are several, the record's type if there are several, then every leaf of every
 * record type once. Padding is left out, and so is the clock that `time` shows already.
 */
export function columns(schema: StreamSchema, hosts: number): Column[] {
  const complete = completeSchema(schema);
  const list = [TIME];
  if (hosts > 1) list.push(HOST);
  if (complete.records.length > 1) list.push(RECORD);
  const seen = new Set<string>();
  for (const record of complete.records) {
    const clock = clockField(record);
    for (const { path, field } of leavesOf(record)) {
      if (seen.has(path) || PADDING.test(field.name) || field === clock) continue;
      seen.add(path);
      list.push(column(path, field));
    }
  }
  return list;
}

/** The column of one leaf. */
export function column(path: string, field: RecordField): Column {
  return { id: path, title: path, align: alignment(field), width: columnWidth(path, field), field };
}

function alignment(field: RecordField): 'left' | 'right' {
  if (['ktime', 'symbol', 'stack', 'flags', 'uid', 'gid', 'dev', 'mode'].includes(field.format)) return 'left';
  return ['int', 'uint', 'float', 'pointer'].includes(field.kind) ? 'right' : 'left';
}

/** Characters that a value of the field usually needs, at least those of the title. */
function columnWidth(title: string, field: RecordField): number {
  return Math.max(title.length, Math.min(48, valueWidth(field)));
}

function valueWidth(field: RecordField): number {
  switch (field.kind) {
    case 'chars':
      return field.size === 0 ? 32 : field.size <= 16 ? field.size : Math.max(16, field.size / 4);
    case 'ipv4':
      return 15;
    case 'ipv6':
      return 24;
    case 'enum':
      return Math.max(4, ...Object.values(field.values ?? {}).map((name) => name.length));
    case 'pointer':
      return 18;
    case 'bool':
      return 5;
    case 'char':
      return 3;
    case 'array':
    case 'bytes':
    case 'struct':
    case 'union':
      return 24;
    default:
      return integerWidth(field);
  }
}

function integerWidth(field: RecordField): number {
  if (field.format === 'symbol' || field.format === 'flags') return 24;
  if (field.format === 'stack') return 48;
  if (field.format === 'uid' || field.format === 'gid') return 14;
  if (field.format === 'ktime' || field.format === 'hex') return field.format === 'ktime' ? 12 : 2 + field.size * 2;
  return field.kind === 'float' || field.size > 4 ? 12 : field.size === 4 ? 8 : 5;
}

/** A record as the store's rows need it: which type, and how many of its bytes count. */
export function recordOf(
  schema: StreamSchema,
  select: RecordSelector,
  view: DataView,
  offset: number,
  length: number,
): { record: RecordInfo; length: number } {
  const record = schema.records[select(view, offset, length)]!;
  return { record, length: recordBytes(record, length) };
}

/** The leaves below a struct or union field as paths that begin with its own name. */
export function fieldPathList(field: RecordField): string[] {
  return leaves(field, '').map((leaf) => leaf.path);
}
