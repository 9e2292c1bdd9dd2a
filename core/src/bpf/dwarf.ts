/**
 * A compact reader of the DWARF 4 and 5 that clang writes into BPF objects: the tree of debugging information entries
 * (DIEs) with the few attributes that types and local variables need.
 */
import { Bytes, malformed } from './bytes.ts';
import { SectionFlag, type Elf } from './elf.ts';

export const Tag = {
  arrayType: 0x01,
  enumerationType: 0x04,
  formalParameter: 0x05,
  lexicalBlock: 0x0b,
  member: 0x0d,
  pointerType: 0x0f,
  compileUnit: 0x11,
  structureType: 0x13,
  subroutineType: 0x15,
  typedef: 0x16,
  unionType: 0x17,
  inlinedSubroutine: 0x1d,
  subrangeType: 0x21,
  baseType: 0x24,
  constType: 0x26,
  enumerator: 0x28,
  subprogram: 0x2e,
  variable: 0x34,
  volatileType: 0x35,
  restrictType: 0x37,
  atomicType: 0x47,
} as const;

export const Attribute = {
  name: 0x03,
  byteSize: 0x0b,
  bitOffset: 0x0c,
  bitSize: 0x0d,
  lowPc: 0x11,
  highPc: 0x12,
  constValue: 0x1c,
  upperBound: 0x2f,
  abstractOrigin: 0x31,
  count: 0x37,
  dataMemberLocation: 0x38,
  declLine: 0x3b,
  declaration: 0x3c,
  encoding: 0x3e,
  type: 0x49,
  ranges: 0x55,
  dataBitOffset: 0x6b,
  linkageName: 0x6e,
  strOffsetsBase: 0x72,
  addrBase: 0x73,
  rnglistsBase: 0x74,
} as const;
const KEPT: ReadonlySet<number> = new Set<number>(Object.values(Attribute));

/** More entries than this (hundreds of vmlinux.h programs) are not read. */
const MAX_ENTRIES = 1_000_000;
const MAX_ATTRIBUTES = 20_000_000;
const MAX_ABBREVIATIONS = 1_000_000;

/** An entry; its attributes are read when asked for, as most of a vmlinux.h program's are never. */
export interface Die {
  /** Offset in .debug_info; unique, never 0. */
  offset: number;
  tag: number;
  unit: DwarfUnit;
  children: readonly Die[];
  /** Where its attributes begin, and how they are stored. */
  body: number;
  abbreviation: Abbreviation;
  /** The kept attributes, once they have been read. */
  attributes: Map<number, RawAttribute> | null;
}

interface RawAttribute {
  form: number;
  value: number | bigint;
}

export interface DwarfUnit {
  offset: number;
  version: number;
  addressBytes: number;
  root: Die | null;
}

export interface Abbreviation {
  tag: number;
  hasChildren: boolean;
  attributes: { name: number; form: number; implicit: number | bigint }[];
}

export class Dwarf {
  readonly units: readonly DwarfUnit[];
  readonly #entries: Map<number, Die>;
  readonly #sections: DebugSections;

  private constructor(units: DwarfUnit[], entries: Map<number, Die>, sections: DebugSections) {
    this.units = units;
    this.#entries = entries;
    this.#sections = sections;
  }

  /** null when the object has no DWARF, or a compressed one. Error: `object-malformed`. */
  static parse(elf: Elf): Dwarf | null {
    const info = elf.section('.debug_info');
    if (!info || !elf.section('.debug_abbrev') || (info.flags & SectionFlag.compressed) !== 0) return null;
    const sections = new DebugSections(elf);
    const entries = new Map<number, Die>();
    const units = readUnits(sections, entries);
    return new Dwarf(units, entries, sections);
  }

  entry(offset: number): Die | undefined {
    return this.#entries.get(offset);
  }

  /** The entry that a reference attribute points to. */
  reference(die: Die, attribute: number): Die | null {
    const raw = this.#raw(die, attribute);
    if (!raw) return null;
    const value = Number(raw.value);
    const local = raw.form >= Form.ref1 && raw.form <= Form.refUdata;
    if (!local && raw.form !== Form.refAddr) return null;
    return this.#entries.get(local ? die.unit.offset + value : value) ?? null;
  }

  name(die: Die): string {
    return this.string(die, Attribute.name);
  }

  string(die: Die, attribute: number): string {
    const raw = this.#raw(die, attribute);
    return raw ? this.#sections.string(die.unit, raw.form, Number(raw.value)) : '';
  }

  /** A constant as a number; null when it is missing or no constant. */
  number(die: Die, attribute: number): number | null {
    const value = this.integer(die, attribute);
    return value === null ? null : Number(value);
  }

  integer(die: Die, attribute: number): number | bigint | null {
    const raw = this.#raw(die, attribute);
    return raw && isConstant(raw.form) ? raw.value : null;
  }

  flag(die: Die, attribute: number): boolean {
    const raw = this.#raw(die, attribute);
    return raw !== undefined && Number(raw.value) !== 0;
  }

  #raw(die: Die, attribute: number): RawAttribute | undefined {
    return this.#sections.attribute(die, attribute);
  }

  /** Byte ranges of the entry's code in its section, [from, to); empty when it has none. */
  ranges(die: Die): [number, number][] {
    const low = this.#raw(die, Attribute.lowPc);
    const high = this.#raw(die, Attribute.highPc);
    if (low && high) {
      const from = this.#sections.address(die.unit, low.form, Number(low.value));
      const to = isConstant(high.form)
        ? from + Number(high.value)
        : this.#sections.address(die.unit, high.form, Number(high.value));
      return [[from, to]];
    }
    const ranges = this.#raw(die, Attribute.ranges);
    if (!ranges) return [];
    const rootLow = die.unit.root && this.#raw(die.unit.root, Attribute.lowPc);
    const base = rootLow ? this.#sections.address(die.unit, rootLow.form, Number(rootLow.value)) : 0;
    return this.#sections.rangeList(die.unit, ranges.form, Number(ranges.value), base);
  }
}

const Form = {
  addr: 0x01,
  block2: 0x03,
  block4: 0x04,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  block1: 0x0a,
  data1: 0x0b,
  flag: 0x0c,
  sdata: 0x0d,
  strp: 0x0e,
  udata: 0x0f,
  refAddr: 0x10,
  ref1: 0x11,
  ref2: 0x12,
  ref4: 0x13,
  ref8: 0x14,
  refUdata: 0x15,
  indirect: 0x16,
  secOffset: 0x17,
  exprloc: 0x18,
  flagPresent: 0x19,
  strx: 0x1a,
  addrx: 0x1b,
  refSup4: 0x1c,
  strpSup: 0x1d,
  data16: 0x1e,
  lineStrp: 0x1f,
  refSig8: 0x20,
  implicitConst: 0x21,
  loclistx: 0x22,
  rnglistx: 0x23,
  refSup8: 0x24,
  strx1: 0x25,
  strx2: 0x26,
  strx3: 0x27,
  strx4: 0x28,
  addrx1: 0x29,
  addrx2: 0x2a,
  addrx3: 0x2b,
  addrx4: 0x2c,
} as const;

function isConstant(form: number): boolean {
  return (
    (form >= Form.data2 && form <= Form.data8) ||
    form === Form.data1 ||
    form === Form.sdata ||
    form === Form.udata ||
    form === Form.implicitConst
  );
}

/** The debug sections with their relocations applied, and what is looked up in them by index. */
class DebugSections {
  readonly #elf: Elf;
  readonly #relocated = new Map<string, Bytes>();

  constructor(elf: Elf) {
    this.#elf = elf;
  }

  /** Empty when the object has no such section. */
  get(name: string): Bytes {
    let bytes = this.#relocated.get(name);
    if (!bytes) {
      const section = this.#elf.section(name);
      bytes = new Bytes(section ? this.#elf.relocated(section) : new Uint8Array(0), name);
      this.#relocated.set(name, bytes);
    }
    return bytes;
  }

  string(unit: DwarfUnit, form: number, value: number): string {
    switch (form) {
      case Form.string:
        return this.get('.debug_info').cString(value);
      case Form.strp:
        return this.get('.debug_str').cString(value);
      case Form.lineStrp:
        return this.get('.debug_line_str').cString(value);
      case Form.strx:
      case Form.strx1:
      case Form.strx2:
      case Form.strx3:
      case Form.strx4: {
        const offsets = this.get('.debug_str_offsets');
        return this.get('.debug_str').cString(offsets.u32(this.#base(unit, Attribute.strOffsetsBase) + value * 4));
      }
      default:
        return '';
    }
  }

  address(unit: DwarfUnit, form: number, value: number): number {
    if (form === Form.addr) return value;
    return this.#addressAt(unit, value);
  }

  #addressAt(unit: DwarfUnit, index: number): number {
    return this.get('.debug_addr').size64(this.#base(unit, Attribute.addrBase) + index * unit.addressBytes);
  }

  /** A base attribute of the unit; without it the table begins after its header of 8 bytes. */
  #base(unit: DwarfUnit, attribute: number, fallback = 8): number {
    const raw = unit.root && this.attribute(unit.root, attribute);
    return raw ? Number(raw.value) : fallback;
  }

  attribute(die: Die, attribute: number): RawAttribute | undefined {
    die.attributes ??= readAttributes(new Cursor(this.get('.debug_info'), die.body), die);
    return die.attributes.get(attribute);
  }

  rangeList(unit: DwarfUnit, form: number, value: number, start: number): [number, number][] {
    if (unit.version < 5) return this.#oldRanges(value, start);
    const lists = this.get('.debug_rnglists');
    if (form !== Form.rnglistx) return this.#ranges(unit, lists, value, start);
    const table = this.#base(unit, Attribute.rnglistsBase, 12);
    return this.#ranges(unit, lists, table + lists.u32(table + value * 4), start);
  }

  /** DWARF 4: pairs of addresses relative to the base, which an all-ones address replaces. */
  #oldRanges(at: number, start: number): [number, number][] {
    const data = this.get('.debug_ranges');
    const ranges: [number, number][] = [];
    for (; ; at += 16) {
      const from = data.u64(at);
      const to = data.u64(at + 8);
      if (from === 0n && to === 0n) return ranges;
      if (from === 0xffffffffffffffffn) start = Number(to);
      else ranges.push([start + Number(from), start + Number(to)]);
    }
  }

  #ranges(unit: DwarfUnit, data: Bytes, at: number, start: number): [number, number][] {
    const reader = new Cursor(data, at);
    const ranges: [number, number][] = [];
    const address = () => this.#addressAt(unit, reader.uleb());
    for (;;) {
      const kind = reader.u8();
      if (kind === 0) return ranges;
      else if (kind === 1) start = address();
      else if (kind === 2) ranges.push([address(), address()]);
      else if (kind === 3) ranges.push(withLength(address(), reader.uleb()));
      else if (kind === 4) ranges.push([start + reader.uleb(), start + reader.uleb()]);
      else if (kind === 5) start = reader.size64();
      else if (kind === 6) ranges.push([reader.size64(), reader.size64()]);
      else if (kind === 7) ranges.push(withLength(reader.size64(), reader.uleb()));
      else throw malformed('a DWARF range list has an unknown entry');
    }
  }
}

function withLength(from: number, length: number): [number, number] {
  return [from, from + length];
}

class Cursor {
  readonly data: Bytes;
  at: number;

  constructor(data: Bytes, at: number) {
    this.data = data;
    this.at = at;
  }

  u8(): number {
    return this.data.u8(this.at++);
  }
  fixed(size: number): number | bigint {
    const at = this.at;
    this.at += size;
    if (size === 1) return this.data.u8(at);
    if (size === 2) return this.data.u16(at);
    if (size === 3) return this.data.u16(at) | (this.data.u8(at + 2) << 16);
    if (size === 4) return this.data.u32(at);
    const value = this.data.u64(at);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
  size64(): number {
    const value = this.data.size64(this.at);
    this.at += 8;
    return value;
  }
  uleb(): number {
    const byte = this.data.u8(this.at);
    if (byte < 0x80) {
      this.at++;
      return byte;
    }
    return Number(this.leb(false));
  }
  /** LEB128, at most 64 bits. */
  leb(signed: boolean): number | bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 63n) throw malformed('a DWARF number is too long');
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) !== 0) continue;
      if (signed && (byte & 0x40) !== 0) value -= 1n << (shift + 7n);
      const exact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
      return exact ? Number(value) : value;
    }
  }
  skip(size: number): number {
    this.data.check(this.at, size);
    const at = this.at;
    this.at += size;
    return at;
  }
}

const NONE: readonly Die[] = [];

interface Budget {
  attributes: number;
  abbreviations: number;
}

function readUnits(sections: DebugSections, entries: Map<number, Die>): DwarfUnit[] {
  const info = sections.get('.debug_info');
  const tables = new Map<number, Map<number, Abbreviation>>();
  const units: DwarfUnit[] = [];
  const budget = { attributes: MAX_ATTRIBUTES, abbreviations: MAX_ABBREVIATIONS };
  for (let at = 0; at < info.length;) {
    const length = info.u32(at);
    if (length >= 0xfffffff0) throw malformed('its DWARF is of the 64-bit format');
    info.check(at + 4, length);
    const end = at + 4 + length;
    const version = info.u16(at + 4);
    if (version === 4 || version === 5) {
      const cursor = new Cursor(info, at + 6);
      const kind = version === 5 ? cursor.u8() : 1;
      let addressBytes = version === 5 ? cursor.u8() : 0;
      const abbreviations = Number(cursor.fixed(4));
      if (version === 4) addressBytes = cursor.u8();
      let table = tables.get(abbreviations);
      if (!table)
        tables.set(abbreviations, (table = readAbbreviations(sections.get('.debug_abbrev'), abbreviations, budget)));
      const unit: DwarfUnit = { offset: at, version, addressBytes, root: null };
      // Kind 1 is a compile unit, 3 a partial one; type and skeleton units do not occur in BPF objects.
      if (kind === 1 || kind === 3) readTree(unit, cursor, end, table, entries, budget);
      units.push(unit);
    }
    at = end;
  }
  return units;
}

function readAbbreviations(data: Bytes, at: number, budget: Budget): Map<number, Abbreviation> {
  const cursor = new Cursor(data, at);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    const abbreviation: Abbreviation = { tag: cursor.uleb(), hasChildren: cursor.u8() !== 0, attributes: [] };
    for (;;) {
      const name = cursor.uleb();
      const form = cursor.uleb();
      const implicit = form === Form.implicitConst ? cursor.leb(true) : 0;
      if (name === 0 && form === 0) break;
      if (--budget.abbreviations < 0) throw malformed('its DWARF has too many abbreviations');
      abbreviation.attributes.push({ name, form, implicit });
    }
    if (--budget.abbreviations < 0) throw malformed('its DWARF has too many abbreviations');
    table.set(code, abbreviation);
  }
  return table;
}

function readTree(
  unit: DwarfUnit,
  cursor: Cursor,
  end: number,
  table: Map<number, Abbreviation>,
  entries: Map<number, Die>,
  budget: Budget,
): void {
  const open: Die[][] = [];
  while (cursor.at < end) {
    const offset = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      open.pop();
      if (open.length === 0) return;
      continue;
    }
    const abbreviation = table.get(code);
    if (!abbreviation) throw malformed('its DWARF uses an abbreviation that is not there');
    budget.attributes -= abbreviation.attributes.length;
    if (entries.size >= MAX_ENTRIES || budget.attributes < 0) throw malformed('its DWARF has too many entries');
    const die: Die = {
      offset,
      tag: abbreviation.tag,
      unit,
      children: NONE,
      body: cursor.at,
      abbreviation,
      attributes: null,
    };
    for (const { form, implicit } of abbreviation.attributes)
      readForm(cursor, actualForm(cursor, form), implicit, unit);
    entries.set(offset, die);
    unit.root ??= die;
    open.at(-1)?.push(die);
    if (abbreviation.hasChildren) {
      const children: Die[] = [];
      die.children = children;
      open.push(children);
    } else if (open.length === 0) return;
  }
}

function readAttributes(cursor: Cursor, die: Die): Map<number, RawAttribute> {
  const attributes = new Map<number, RawAttribute>();
  for (const { name, form: stored, implicit } of die.abbreviation.attributes) {
    const form = actualForm(cursor, stored);
    const value = readForm(cursor, form, implicit, die.unit);
    if (KEPT.has(name)) attributes.set(name, { form, value });
  }
  return attributes;
}

/** An indirect form stands before the value itself. */
function actualForm(cursor: Cursor, form: number): number {
  if (form !== Form.indirect) return form;
  const actual = cursor.uleb();
  if (actual === Form.indirect || actual === Form.implicitConst) throw malformed('a DWARF form is indirect twice');
  return actual;
}

function readForm(cursor: Cursor, form: number, implicit: number | bigint, unit: DwarfUnit): number | bigint {
  switch (form) {
    case Form.addr:
      return cursor.fixed(unit.addressBytes === 4 ? 4 : 8);
    case Form.data1:
    case Form.ref1:
    case Form.flag:
    case Form.strx1:
    case Form.addrx1:
      return cursor.fixed(1);
    case Form.data2:
    case Form.ref2:
    case Form.strx2:
    case Form.addrx2:
      return cursor.fixed(2);
    case Form.strx3:
    case Form.addrx3:
      return cursor.fixed(3);
    case Form.data4:
    case Form.ref4:
    case Form.strp:
    case Form.lineStrp:
    case Form.strpSup:
    case Form.refSup4:
    case Form.secOffset:
    case Form.refAddr:
    case Form.strx4:
    case Form.addrx4:
      return cursor.fixed(4);
    case Form.data8:
    case Form.ref8:
    case Form.refSig8:
    case Form.refSup8:
      return cursor.fixed(8);
    case Form.data16:
      return cursor.skip(16);
    case Form.sdata:
      return cursor.leb(true);
    case Form.udata:
    case Form.refUdata:
    case Form.strx:
    case Form.addrx:
    case Form.loclistx:
    case Form.rnglistx:
      return cursor.leb(false);
    case Form.string: {
      const value = cursor.at;
      while (cursor.u8() !== 0);
      return value;
    }
    case Form.exprloc:
    case Form.block:
      return cursor.skip(cursor.uleb());
    case Form.block1:
      return cursor.skip(Number(cursor.fixed(1)));
    case Form.block2:
      return cursor.skip(Number(cursor.fixed(2)));
    case Form.block4:
      return cursor.skip(Number(cursor.fixed(4)));
    case Form.flagPresent:
      return 1;
    case Form.implicitConst:
      return implicit;
    default:
      throw malformed(`its DWARF uses the unknown form ${form}`);
  }
}
