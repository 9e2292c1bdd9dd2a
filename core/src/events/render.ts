import type { FieldValue, RecordField } from '../model/index.ts';
import type { HostNames } from './hostNames.ts';
import { errnoName, signalName } from './names.ts';
import { clockText } from './time.ts';

/** Turns a kernel clock's value into wall time (nanoseconds since the epoch); null when it cannot be one. */
export type ToWallTime = (clock: bigint) => bigint | null;

/** What the record alone does not say. */
interface Context {
  wallTime: ToWallTime | undefined;
  names: HostNames | undefined;
}

/** Most characters of a cell; the row detail has the rest. */
const CELL_LIMIT = 256;
/** Zeros at the end of an array that are still written out. */
const FEW_ZEROS = 3;

/** A value as the grid shows it: one line of text. */
export function renderCell(field: RecordField, value: FieldValue, wallTime?: ToWallTime, names?: HostNames): string {
  const text = renderValue(field, value, { wallTime, names });
  return text.length <= CELL_LIMIT ? text : `${text.slice(0, CELL_LIMIT - 1)}…`;
}

/** The same for the row detail: nothing cut, and the names of errors and signals beside their numbers. */
export function renderDetail(field: RecordField, value: FieldValue, wallTime?: ToWallTime, names?: HostNames): string {
  const text = renderValue(field, value, { wallTime, names });
  const name = typeof value === 'number' ? knownName(field, value) : null;
  return name === null ? text : `${text} (${name})`;
}

function knownName(field: RecordField, value: number): string | null {
  // A result is an error only when it is negative (3 is a file descriptor); a field called errno holds it positive.
  if (field.format === 'errno' && (value < 0 || /^err/.test(field.name))) return errnoName(Math.abs(value));
  if (field.format === 'signal') return signalName(value);
  return null;
}

function renderValue(field: RecordField, value: FieldValue, context: Context): string {
  if (value === null) return '';
  if (Array.isArray(value)) return renderArray(field, value, context);
  if (typeof value === 'object') return renderMembers(field, value, context);
  if (field.kind === 'pointer') return symbolText(value, context) ?? String(value);
  if (['bytes', 'chars', 'char'].includes(field.kind) || !isIntegerValue(value)) return String(value);
  return renderInteger(field, BigInt(value), context) ?? String(value);
}

/** null: as a plain number. */
function renderInteger(field: RecordField, value: bigint, context: Context): string | null {
  const withName = (name: string | null | undefined) => (name ? `${value} (${name})` : null);
  switch (field.format) {
    case 'ktime': {
      const time = context.wallTime?.(value) ?? null;
      return time === null ? null : clockText(time);
    }
    case 'uid':
      return withName(context.names?.user(Number(BigInt.asUintN(32, value))));
    case 'gid':
      return withName(context.names?.group(Number(BigInt.asUintN(32, value))));
    case 'symbol':
      return symbolText(value.toString(), context) ?? hexNumber(value, field.size);
    case 'stack':
      return stackText(field, value, context);
    case 'dev':
      return `${value >> 20n}:${value & 0xfffffn}`;
    case 'mode':
      return `0${value.toString(8)}`;
    case 'flags':
      return flagsText(field, value);
    case 'hex':
      return field.kind === 'enum' ? null : hexNumber(value, field.size);
    default:
      return null;
  }
}

function symbolText(value: string | number | boolean, { names }: Context): string | null {
  return typeof value === 'boolean' ? null : (names?.symbol(BigInt.asUintN(64, BigInt(value))) ?? null);
}

/** An id below zero is why there is no stack. */
function stackText(field: RecordField, value: bigint, context: Context): string | null {
  if (value < 0n) return `${value} (${errnoName(Number(-value)) ?? 'none'})`;
  const addresses = field.map === undefined ? null : context.names?.stack(field.map, Number(value));
  if (!addresses) return null;
  const place = (address: bigint) => symbolText(address.toString(), context) ?? `0x${address.toString(16)}`;
  return addresses.map(place).join(' < ');
}

/** The names of all bits, the rest in hex: "O_WRONLY|O_CREAT|0x8000"; null for 0 without a name. */
function flagsText(field: RecordField, value: bigint): string | null {
  const names = Object.entries(field.values ?? {}).map(([bits, name]) => ({ bits: BigInt(bits), name }));
  const zero = names.find(({ bits }) => bits === 0n)?.name;
  if (value === 0n) return zero ?? null;
  let rest = value < 0n ? BigInt.asUintN(field.size * 8, value) : value;
  const found: { bits: bigint; name: string }[] = [];
  for (const flag of names.sort((a, b) => (a.bits < b.bits ? 1 : -1))) {
    if (flag.bits === 0n || (rest & flag.bits) !== flag.bits) continue;
    found.unshift(flag);
    rest &= ~flag.bits;
  }
  const texts = found.map(({ name }) => name);
  // Of the ways to open a file the first is 0.
  if (zero === 'O_RDONLY' && (value & 3n) === 0n) texts.unshift(zero);
  if (rest !== 0n) texts.push(`0x${rest.toString(16)}`);
  return texts.join('|');
}

/** Unused places at the end (of a stack, of slots) are counted instead of shown, so that the used ones can be seen. */
function renderArray({ element }: RecordField, values: readonly FieldValue[], context: Context): string {
  let used = values.length;
  while (used > 0 && values[used - 1] === 0) used--;
  const unused = values.length - used;
  const shown = unused > FEW_ZEROS ? values.slice(0, used) : values;
  const texts = shown.map((item) => (element === undefined ? plain(item) : renderValue(element, item, context)));
  if (unused > FEW_ZEROS) texts.push(`0 × ${unused}`);
  return `[${texts.join(', ')}]`;
}

function isIntegerValue(value: FieldValue): value is number | string {
  return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'string' && /^-?\d+$/.test(value);
}

function renderMembers(field: RecordField, value: { [name: string]: FieldValue }, context: Context): string {
  const members = new Map((field.fields ?? []).map((member) => [member.name, member]));
  const parts = Object.entries(value).map(([name, member]) => {
    const known = members.get(name);
    return `${name}: ${known === undefined ? plain(member) : renderValue(known, member, context)}`;
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
