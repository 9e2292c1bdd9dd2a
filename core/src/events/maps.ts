import { RingsideError } from '../errors.ts';
import type { FieldValue, RecordField } from '../model/index.ts';
import { compileReader, jsonInteger, type Reader } from './decode.ts';

/** How the entries of a map dump lie in memory (see DumpMap in agent.proto). */
export interface MapLayout {
  /** Types with offset 0; null = show bytes. */
  key: RecordField | null;
  value: RecordField | null;
  keySize: number;
  /** Bytes of one entry's value; for per-CPU maps those of all CPUs. */
  valueBytes: number;
  /** Possible CPUs for per-CPU maps, else 0. */
  perCpu: number;
}

export interface MapEntry {
  key: FieldValue;
  /** For per-CPU maps `{perCpu: […], sum}`; `sum` is null where adding makes no sense. */
  value: FieldValue;
}

/**
 * The entries of a map dump, typed.
 * @throws RingsideError `protocol` when the bytes are not a whole number of entries.
 */
export function decodeMapEntries(bytes: Uint8Array, layout: MapLayout): MapEntry[] {
  const { keySize, valueBytes, perCpu } = layout;
  const entryBytes = keySize + valueBytes;
  if (bytes.length === 0) return [];
  if (entryBytes <= 0 || bytes.length % entryBytes !== 0) {
    throw new RingsideError(
      'protocol',
      `A map dump of ${bytes.length} bytes is no whole number of ${entryBytes}-byte entries.`,
    );
  }
  if (perCpu > 0 && valueBytes % perCpu !== 0) {
    throw new RingsideError('protocol', `Values of ${valueBytes} bytes cannot be split among ${perCpu} CPUs.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readKey = valueReader(layout.key);
  const readValue = valueReader(layout.value);
  const entries: MapEntry[] = [];
  for (let at = 0; at < bytes.length; at += entryBytes) {
    const valueAt = at + keySize;
    const key = readKey(view, at, valueAt);
    const value =
      perCpu > 0 ? perCpuValue(view, valueAt, layout, readValue) : readValue(view, valueAt, valueAt + valueBytes);
    entries.push({ key, value });
  }
  return entries;
}

function perCpuValue(view: DataView, at: number, { valueBytes, perCpu, value }: MapLayout, read: Reader): FieldValue {
  const slot = valueBytes / perCpu;
  const values = Array.from({ length: perCpu }, (_, cpu) => read(view, at + cpu * slot, at + (cpu + 1) * slot));
  return { perCpu: values, sum: value === null ? null : sumOf(value, values) };
}

const RAW: RecordField = {
  name: '',
  type: 'unsigned char[]',
  offset: 0,
  bits: 0,
  size: 0,
  kind: 'bytes',
  format: 'plain',
};

function valueReader(field: RecordField | null): Reader {
  return compileReader(field ?? RAW);
}

/** Adds values member by member, element by element; null for what is no count (text, addresses, enums). */
function sumOf(field: RecordField, values: readonly FieldValue[]): FieldValue {
  switch (field.kind) {
    case 'int':
    case 'uint':
      return values.every(isInteger)
        ? jsonInteger(values.reduce<bigint>((total, value) => total + BigInt(value), 0n))
        : null;
    case 'float':
      return values.reduce<number>((total, value) => total + Number(value), 0);
    case 'array':
      return sumElements(field, values);
    case 'struct':
      return Object.fromEntries(
        namedMembers(field).map((member) => [
          member.name,
          sumOf(
            member,
            values.map((value) => memberOf(value, member.name)),
          ),
        ]),
      );
    default:
      return null;
  }
}

function sumElements({ element }: RecordField, values: readonly FieldValue[]): FieldValue {
  const arrays = values.filter((value) => Array.isArray(value));
  if (element === undefined) return null;
  const length = Math.max(0, ...arrays.map((array) => array.length));
  return Array.from({ length }, (_, i) =>
    sumOf(
      element,
      arrays.map((array) => array[i] ?? null),
    ),
  );
}

/** Members of unnamed structs stand beside their siblings, as the reader puts them. */
function namedMembers(field: RecordField): RecordField[] {
  return (field.fields ?? []).flatMap((member) => (member.name === '' ? namedMembers(member) : [member]));
}

function memberOf(value: FieldValue, name: string): FieldValue {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value[name] ?? null) : null;
}

function isInteger(value: FieldValue): value is number | string {
  return typeof value === 'number' || typeof value === 'string';
}
