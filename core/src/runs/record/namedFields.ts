/**
 * Reads from records the numbers that their host may have a name for, and nothing else: every recorded row is looked at.
 * What is shown with a name is in events/render.ts.
 */
import type { RecordField } from '../../model/index.ts';
import { bigReader, fieldBytes, fitsNumber, isBigEndian, numberReader } from '../../events/decode.ts';
import { isKernelAddress, isStackId, stacksOf, type NamedIds } from '../namedIds.ts';
import { Seen } from './seen.ts';

/** Adds what a record has; `base` is where it begins, `end` where its bytes end. */
export type Collector = (view: DataView, base: number, end: number, ids: NamedIds) => void;

/** null: none of the fields has names. */
export function collectorOf(fields: readonly RecordField[]): Collector | null {
  return together(fields.map(collector));
}

function together(all: readonly (Collector | null)[]): Collector | null {
  const some = all.filter((one) => one !== null);
  if (some.length < 2) return some[0] ?? null;
  return (view, base, end, ids) => {
    for (const collect of some) collect(view, base, end, ids);
  };
}

function collector(field: RecordField): Collector | null {
  if (field.kind === 'array') return ofElements(field);
  if (field.kind === 'struct' || field.kind === 'union') return collectorOf(field.fields ?? []);
  if (field.kind === 'pointer') return ofAddress(field);
  if (field.kind !== 'int' && field.kind !== 'uint') return null;
  switch (field.format) {
    case 'uid':
      return ofNumber(field, (ids) => ids.user);
    case 'gid':
      return ofNumber(field, (ids) => ids.group);
    case 'symbol':
      return ofAddress(field);
    case 'stack':
      return ofStack(field);
    default:
      return null;
  }
}

function ofElements({ element, offset, size, count }: RecordField): Collector | null {
  if (element === undefined || element.size <= 0) return null;
  const collect = collector(element);
  if (collect === null) return null;
  const most = size > 0 ? (count ?? Math.floor(size / element.size)) : Infinity;
  return (view, base, end, ids) => {
    let at = base + offset;
    for (let i = 0; i < most && at + element.size <= end; i++, at += element.size) collect(view, at, end, ids);
  };
}

/** Of users and groups, which are numbers of 32 bits. */
function ofNumber(field: RecordField, of: (ids: NamedIds) => Set<bigint>): Collector {
  const need = field.offset + fieldBytes(field);
  const read = lowReader(field);
  const seen = new Seen();
  return (view, base, end, ids) => {
    if (base + need > end) return;
    const id = read(view, base) >>> 0;
    if (seen.before(ids, 0, id)) return;
    of(ids).add(BigInt(id));
  };
}

function lowReader(field: RecordField): (view: DataView, base: number) => number {
  if (fitsNumber(field)) return numberReader(field);
  const read = bigReader(field);
  return (view, base) => Number(BigInt.asUintN(32, read(view, base)));
}

function ofAddress(field: RecordField): Collector {
  const need = field.offset + fieldBytes(field);
  const read = bigReader(field);
  const plain = field.bits === 0 && field.size === 8 && !isBigEndian(field);
  const seen = new Seen();
  return (view, base, end, ids) => {
    if (base + need > end) return;
    // Most rows have an address that an earlier one had: making a bigint of each would cost more than all the rest.
    const at = base + field.offset;
    if (plain && seen.before(ids, view.getUint32(at + 4, true), view.getUint32(at, true))) return;
    const address = BigInt.asUintN(64, read(view, base));
    if (isKernelAddress(address)) ids.symbol.add(address);
  };
}

/** A number below zero is why there is no stack. */
function ofStack(field: RecordField): Collector | null {
  const { map } = field;
  if (map === undefined) return null;
  const need = field.offset + fieldBytes(field);
  const big = bigReader(field);
  const read = fitsNumber(field) ? numberReader(field) : (view: DataView, base: number) => Number(big(view, base));
  const seen = new Seen();
  return (view, base, end, ids) => {
    if (base + need > end) return;
    const id = read(view, base);
    if (!isStackId(id) || seen.before(ids, 0, id)) return;
    stacksOf(ids, map).add(id);
  };
}
