import type { FieldValue, RecordField } from '../model/index.ts';
import { errnoName, signalName } from './names.ts';
import { clockText } from './time.ts';

/** Turns a kernel clock's value into wall time (nanoseconds since the epoch); null when it cannot be one. */
export type ToWallTime = (clock: bigint) => bigint | null;

/** Most characters of a cell; the row detail has the rest. */
const CELL_LIMIT = 256;
/** Zeros at the end of an array that are still written out. */
const FEW_ZEROS = 3;

/** A value as the grid shows it: one line of text, numbers as plain numbers, so that they can be filtered as shown. */
export function renderCell(field: RecordField, value: FieldValue, wallTime?: ToWallTime): string {
  const text = renderValue(field, value, wallTime);
  return text.length <= CELL_LIMIT ? text : `${text.slice(0, CELL_LIMIT - 1)}…`;
}

/** The same for the row detail: nothing cut, and the names of errors and signals beside their numbers. */
export function renderDetail(field: RecordField, value: FieldValue, wallTime?: ToWallTime): string {
  const text = renderValue(field, value, wallTime);
  const name = typeof value === 'number' ? knownName(field, value) : null;
  return name === null ? text : `${text} (${name})`;
}

function knownName(field: RecordField, value: number): string | null {
  // A result is an error only when it is negative (3 is a file descriptor); a field called errno holds it positive.
  if (field.format === 'errno' && (value < 0 || /^err/.test(field.name))) return errnoName(Math.abs(value));
  if (field.format === 'signal') return signalName(value);
  return null;
}

function renderValue(field: RecordField, value: FieldValue, wallTime: ToWallTime | undefined): string {
  if (value === null) return '';
  if (Array.isArray(value)) return renderArray(field, value, wallTime);
  if (typeof value === 'object') return renderMembers(field, value, wallTime);
  if (field.format === 'ktime' && wallTime !== undefined) {
    const time = wallTime(BigInt(value));
    if (time !== null) return clockText(time);
  }
  if (field.format === 'hex' && field.kind !== 'enum' && isIntegerValue(value))
    return hexNumber(BigInt(value), field.size);
  return String(value);
}

/** Unused places at the end (of a stack, of slots) are counted instead of shown, so that the used ones can be seen. */
function renderArray(
  { element }: RecordField,
  values: readonly FieldValue[],
  wallTime: ToWallTime | undefined,
): string {
  let used = values.length;
  while (used > 0 && values[used - 1] === 0) used--;
  const unused = values.length - used;
  const shown = unused > FEW_ZEROS ? values.slice(0, used) : values;
  const texts = shown.map((item) => (element === undefined ? plain(item) : renderValue(element, item, wallTime)));
  if (unused > FEW_ZEROS) texts.push(`0 × ${unused}`);
  return `[${texts.join(', ')}]`;
}

function isIntegerValue(value: FieldValue): value is number | string {
  return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^-?\d+$/.test(value);
}

function renderMembers(
  field: RecordField,
  value: { [name: string]: FieldValue },
  wallTime: ToWallTime | undefined,
): string {
  const members = new Map((field.fields ?? []).map((member) => [member.name, member]));
  const parts = Object.entries(value).map(([name, member]) => {
    const known = members.get(name);
    return `${name}: ${known === undefined ? plain(member) : renderValue(known, member, wallTime)}`;
  });
  return `{${parts.join(', ')}}`;
}

function plain(value: FieldValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Two's complement in the field's width, as a C programmer expects it. */
function hexNumber(value: bigint, size: number): string {
  const unsigned = value < 0n && size > 0 ? BigInt.asUintN(size * 8, value) : value;
  return `0x${unsigned.toString(16)}`;
}
