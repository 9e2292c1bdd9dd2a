/**
 * How clang lays out a C struct for the BPF target, and what must be added (padding, `packed`) so that every member of
 * a BTF struct comes to stand exactly where BTF says. Offsets and sizes are in bits unless a name says bytes.
 */
import type { Btf, BtfMember, BtfType } from '../bpf/index.ts';

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;

/** A piece of a record's body, in order. */
export type LayoutItem =
  | { kind: 'member'; member: BtfMember; bitSize: number }
  /** An unnamed bit field: moves on, is no member. */
  | { kind: 'skip'; type: 'char' | 'short' | 'int' | 'long'; bits: number }
  /** Bytes that give a union its size, or fill a large gap. */
  | { kind: 'fill'; bytes: number };

export interface RecordLayout {
  items: LayoutItem[];
  packed: boolean;
  /** Bytes; of the record as it will be written, which may be less than the kernel's own. */
  align: number;
}

const POINTER_BYTES = 8;
const skipTypes = [
  { type: 'long', bits: 64 },
  { type: 'int', bits: 32 },
  { type: 'short', bits: 16 },
  { type: 'char', bits: 8 },
] as const;

export class CLayout {
  private readonly records = new Map<number, RecordLayout>();
  constructor(private readonly btf: Btf) {}

  /** Layout of a struct or union, computed once. */
  record(type: Composite): RecordLayout {
    let layout = this.records.get(type.id);
    if (!layout) {
      // A record that holds itself is damage; the entry made first ends the recursion with some answer.
      this.records.set(type.id, { items: [], packed: false, align: 1 });
      const place = (packed: boolean) =>
        type.kind === 'struct' ? this.placeStruct(type, packed) : this.placeUnion(type, packed);
      layout = place(false) ?? place(true) ?? opaque(type);
      this.records.set(type.id, layout);
    }
    return layout;
  }

  /** Alignment in bytes that clang gives a value of the type. */
  align(id: number): number {
    const type = this.btf.resolve(id);
    switch (type.kind) {
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return scalarAlign(type.size);
      case 'ptr':
        return POINTER_BYTES;
      case 'array':
        return this.align(type.type);
      case 'struct':
      case 'union':
        return this.record(type).align;
      default:
        return 1;
    }
  }

  private placeStruct(type: Composite, packed: boolean): RecordLayout | null {
    const items: LayoutItem[] = [];
    let cursor = 0;
    let align = 1;
    for (const member of type.members) {
      const { offset, bitSize } = this.bits(member);
      const size = this.btf.sizeOf(member.type) * 8;
      const memberAlign = packed ? 1 : this.align(member.type);
      const natural =
        bitSize > 0 ? naturalBitField(cursor, bitSize, packed ? 0 : size) : roundUp(cursor, memberAlign * 8);
      if (offset < cursor) return null;
      if (bitSize > 0 ? !packed && (offset % size) + bitSize > size : offset % (memberAlign * 8) !== 0) return null;
      if (natural !== offset) skip(items, cursor, offset);
      items.push({ kind: 'member', member, bitSize });
      cursor = offset + (bitSize > 0 ? bitSize : size);
      align = Math.max(align, memberAlign);
    }
    const end = type.size * 8;
    if (roundUp(cursor, align * 8) !== end) {
      if (cursor > end || end % (align * 8) !== 0) return null;
      skip(items, cursor, end);
    }
    return { items, packed, align };
  }

  private placeUnion(type: Composite, packed: boolean): RecordLayout | null {
    const items: LayoutItem[] = [];
    let size = 0;
    let align = 1;
    for (const member of type.members) {
      const { offset, bitSize } = this.bits(member);
      if (offset !== 0) return null;
      items.push({ kind: 'member', member, bitSize });
      size = Math.max(size, bitSize > 0 ? bitSize : this.btf.sizeOf(member.type) * 8);
      if (!packed) align = Math.max(align, this.align(member.type));
    }
    const end = type.size * 8;
    if (roundUp(size, align * 8) !== end) {
      if (size > end || end % (align * 8) !== 0) return null;
      items.push({ kind: 'fill', bytes: type.size });
    }
    return { items, packed, align };
  }

  /** Place and width of a member; old BTF says a bit field's width in its integer type instead of the member. */
  private bits(member: BtfMember): { offset: number; bitSize: number } {
    if (member.bitSize > 0) return { offset: member.bitOffset, bitSize: member.bitSize };
    const type = this.btf.resolve(member.type);
    if (type.kind === 'int' && type.bits > 0 && type.bits < type.size * 8 && !type.bool) {
      return { offset: member.bitOffset + type.bitOffset, bitSize: type.bits };
    }
    return { offset: member.bitOffset, bitSize: 0 };
  }
}

/** A scalar is aligned to its size; sizes that no C type has are written as bytes. */
function scalarAlign(size: number): number {
  return size === 2 || size === 4 || size === 8 || size === 16 ? size : 1;
}

/** Where clang puts a bit field: at the cursor, unless it would cross a unit of its type (0 = packed, crossing allowed). */
function naturalBitField(cursor: number, bitSize: number, unit: number): number {
  return unit > 0 && (cursor % unit) + bitSize > unit ? roundUp(cursor, unit) : cursor;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Larger gaps become one array of bytes: damaged BTF may claim gaps of gigabytes. */
const LARGEST_SKIP = 64 * 8;

/** Appends unnamed bit fields from one bit to another; each lies within one aligned unit, so that none can move. */
function skip(items: LayoutItem[], from: number, to: number): void {
  let cursor = from;
  while (cursor < to) {
    const inByte = cursor % 8;
    if (inByte === 0 && to - cursor >= LARGEST_SKIP) {
      const bytes = Math.floor((to - cursor) / 8);
      items.push({ kind: 'fill', bytes });
      cursor += bytes * 8;
      continue;
    }
    if (inByte !== 0 || to - cursor < 8) {
      const bits = Math.min(to - cursor, 8 - inByte);
      items.push({ kind: 'skip', type: 'char', bits });
      cursor += bits;
      continue;
    }
    const unit = skipTypes.find((u) => cursor % u.bits === 0 && to - cursor >= u.bits)!;
    items.push({ kind: 'skip', type: unit.type, bits: unit.bits });
    cursor += unit.bits;
  }
}

/** What C cannot say (overlapping members, from a language other than C) keeps its size and loses its members. */
function opaque(type: Composite): RecordLayout {
  return { items: type.size > 0 ? [{ kind: 'fill', bytes: type.size }] : [], packed: false, align: 1 };
}
