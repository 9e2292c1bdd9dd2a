/** How the values of DWARF attributes are stored. */
import { malformed, type Bytes } from './bytes.ts';
import { Attribute, type Die, type DwarfUnit, type RawAttribute } from './dwarfEntries.ts';

export const Form = {
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

export function isConstant(form: number): boolean {
  return (
    (form >= Form.data2 && form <= Form.data8) ||
    form === Form.data1 ||
    form === Form.sdata ||
    form === Form.udata ||
    form === Form.implicitConst
  );
}

export class Cursor {
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

const KEPT: ReadonlySet<number> = new Set<number>(Object.values(Attribute));

/** The attributes that are kept, from an entry's body. */
export function readAttributes(cursor: Cursor, die: Die): Map<number, RawAttribute> {
  const attributes = new Map<number, RawAttribute>();
  for (const { name, form: stored, implicit } of die.abbreviation.attributes) {
    const form = actualForm(cursor, stored);
    const value = readForm(cursor, form, implicit, die.unit);
    if (KEPT.has(name)) attributes.set(name, { form, value });
  }
  return attributes;
}

/** An indirect form stands before the value itself. */
export function actualForm(cursor: Cursor, form: number): number {
  if (form !== Form.indirect) return form;
  const actual = cursor.uleb();
  if (actual === Form.indirect || actual === Form.implicitConst) throw malformed('a DWARF form is indirect twice');
  return actual;
}

/** Reads one value; for strings and blocks it is the offset of their bytes. */
export function readForm(cursor: Cursor, form: number, implicit: number | bigint, unit: DwarfUnit): number | bigint {
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
