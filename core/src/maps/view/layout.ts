/**
 * How an entry lies in the table of a map that is looked at: the change a second, the key, the value, and for per-CPU maps
 * what each CPU has. One record for filters, columns and readers alike.
 */
import { column, compileReader, leaves, renderCell, resolvePath, type RowReader } from '../../events/index.ts';
import type { FieldValue, MapColumn, RecordField, RecordInfo } from '../../model/index.ts';
import type { MapTyping } from '../hostTypes.ts';
import { sumType, type SumType } from './sums.ts';

const PADDING = /^_*(pad|padding|reserved|unused)\d*_*$/;
export const RATE_AT = 0;
export const KEY_AT = 8;
const CLOCKS = new Set(['ktime']);
const round = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** A column and how its cells read. */
interface Cell {
  column: MapColumn;
  field: RecordField | null;
  read: RowReader | null;
  /** Per-CPU members that cannot be added: what the CPUs have when they agree. */
  agree: boolean;
}

export class RowLayout {
  readonly stride: number;
  readonly valueAt: number;
  readonly cpusAt: number;
  /** Bytes of one CPU's value. */
  readonly slot: number;
  readonly record: RecordInfo;
  /** Members of the value that count: their change a second means something. */
  readonly counters: string[];
  readonly sum: SumType | null;

  constructor(
    readonly name: string,
    readonly typing: MapTyping,
    readonly keySize: number,
    /** As the host sends it: of all CPUs. */
    readonly valueBytes: number,
    readonly editable: boolean,
  ) {
    const { key, value, perCpu } = typing;
    this.valueAt = KEY_AT + round(keySize);
    this.slot = perCpu > 0 ? valueBytes / perCpu : 0;
    this.sum = perCpu > 0 ? sumType(value) : null;
    const shown = this.sum?.field ?? value;
    const shownBytes = this.sum ? shown.size : valueBytes;
    this.cpusAt = this.valueAt + round(shownBytes);
    this.stride = this.cpusAt + (perCpu > 0 ? round(valueBytes) : 0);
    const fields = [rateField()];
    if (keySize > 0) fields.push(placed({ ...key, name: 'key' }, KEY_AT));
    if (shownBytes > 0) fields.push(placed({ ...shown, name: 'value' }, this.valueAt));
    if (perCpu > 0) fields.push(this.#cpus(value));
    this.record = { map: name, type: '', size: this.stride, confidence: 'declared', tag: null, fields };
    this.counters = shownBytes > 0 ? leaves({ ...shown, name: 'value' }, '').flatMap(countsOf) : [];
    if (this.sum) this.counters = this.counters.filter((path) => !this.sum!.apart.has(path));
  }

  #cpus(value: RecordField): RecordField {
    const { slot, cpusAt, valueBytes } = this;
    const element = { ...value, name: '', size: slot };
    const field = { name: 'cpu', type: `${value.type}[]`, offset: cpusAt, bits: 0, size: valueBytes };
    return { ...field, kind: 'array', format: 'plain', element, count: this.typing.perCpu };
  }

  /** The field that a path names, with its place in a row. */
  field(path: string): RecordField | undefined {
    return resolvePath(this.record, path);
  }

  /** The member of a value (of one CPU) that a column stands for, and which CPU's: null = of all. */
  memberOf(columnId: string): { field: RecordField; cpu: number | null } | null {
    const cpu = /^cpu\[(\d+)\](.*)$/.exec(columnId);
    const path = cpu ? `value${cpu[2]}` : columnId;
    if (path !== 'value' && !/^value[.[]/.test(path)) return null;
    const whole = { ...this.typing.value, name: 'value' };
    const record = { ...this.record, fields: [whole], size: whole.size };
    const field = resolvePath(record, path);
    return field ? { field, cpu: cpu ? Number(cpu[1]) : null } : null;
  }

  /** The columns, in the order in which they stand. */
  cells(split: boolean, rateOf: string): Cell[] {
    const { typing, keySize } = this;
    const cells: Cell[] = keySize > 0 ? this.#of('key', { ...typing.key, name: 'key' }, 'key') : [];
    const value = { ...typing.value, name: 'value' };
    if (typing.perCpu > 0 && split) {
      for (let cpu = 0; cpu < typing.perCpu; cpu++) cells.push(...this.#of('value', value, `cpu[${cpu}]`));
    } else if (value.size > 0 || this.valueBytes > 0) {
      cells.push(...this.#of('value', { ...(this.sum?.field ?? value), name: 'value' }, 'value'));
    }
    if (rateOf !== '') cells.push(rateCell(rateOf), trendCell(rateOf));
    return cells;
  }

  #of(role: 'key' | 'value', whole: RecordField, prefix: string): Cell[] {
    return leaves(whole, '').flatMap(({ path, field }) => {
      if (PADDING.test(field.name)) return [];
      const id = prefix + path.slice(whole.name.length);
      const inRow = this.field(id);
      if (inRow === undefined) return [];
      const editable = role === 'value' && this.editable && field.kind !== 'union';
      const apart = role === 'value' && prefix === 'value' && this.sum?.apart.has(path) === true;
      const made = { ...column(id, { ...field, name: id }), role, editable: editable && !apart };
      return [{ column: made, field: inRow, read: compileReader(inRow), agree: apart }];
    });
  }

  /** The text of a cell of the row whose bytes begin at `base`. */
  text(cell: Cell, view: DataView, base: number): string {
    const { field, read } = cell;
    if (field === null || read === null) return '';
    const value = read(view, base, base + this.stride);
    if (cell.agree && !this.#cpusAgree(cell.column.id, value, view, base)) return '≠';
    return renderCell(field, value);
  }

  #cpusAgree(path: string, first: FieldValue, view: DataView, base: number): boolean {
    for (let cpu = 1; cpu < this.typing.perCpu; cpu++) {
      const field = this.field(path.replace(/^value/, `cpu[${cpu}]`));
      if (field === undefined) return false;
      const value = compileReader(field)(view, base, base + this.stride);
      if (JSON.stringify(value) !== JSON.stringify(first)) return false;
    }
    return true;
  }

  /** The number that a member has: the sum of its elements where it is an array. */
  counter(path: string): ((view: DataView, base: number) => number) | null {
    const field = path === '' ? undefined : this.field(path);
    if (field === undefined) return null;
    const read = compileReader(field);
    return (view, base) => numberOf(read(view, base, base + this.stride));
  }
}

export function numberOf(value: FieldValue): number {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + numberOf(one), 0);
  return typeof value === 'string' ? Number(value) : Number.NaN;
}

function countsOf({ path, field }: { path: string; field: RecordField }): string[] {
  const one = field.kind === 'array' ? field.element : field;
  if (one === undefined || PADDING.test(field.name)) return [];
  const counts = one.kind === 'int' || one.kind === 'uint' || one.kind === 'float';
  return counts && !CLOCKS.has(one.format) && one.format !== 'hex' ? [path] : [];
}

function rateField(): RecordField {
  const field = { name: 'rate', type: 'double', offset: RATE_AT, bits: 0, size: 8 };
  return { ...field, kind: 'float', format: 'plain' };
}

function rateCell(of: string): Cell {
  const made: MapColumn = {
    id: 'rate',
    title: 'Δ/s',
    align: 'right',
    width: 10,
    field: { ...rateField(), name: `change of ${of} a second`, type: `change of ${of} a second` },
    role: 'rate',
    editable: false,
  };
  return { column: made, field: null, read: null, agree: false };
}

function trendCell(of: string): Cell {
  const made: MapColumn = {
    id: 'trend',
    title: 'trend',
    align: 'left',
    width: 14,
    field: { ...rateField(), name: 'trend', type: `change of ${of} a second, the newest on the right` },
    role: 'trend',
    editable: false,
  };
  return { column: made, field: null, read: null, agree: false };
}

/** The field and what is in it, moved by so many bytes. Elements of arrays count from their own beginning. */
function placed(field: RecordField, by: number): RecordField {
  const moved = { ...field, offset: field.offset + by };
  return field.fields ? { ...moved, fields: field.fields.map((member) => placed(member, by)) } : moved;
}
