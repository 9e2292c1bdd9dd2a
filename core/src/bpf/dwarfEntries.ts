/** What DWARF is made of: tags, attributes, entries (DIEs) and how they are stored. */

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
  location: 0x02,
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
  declFile: 0x3a,
  declLine: 0x3b,
  declaration: 0x3c,
  encoding: 0x3e,
  type: 0x49,
  ranges: 0x55,
  callColumn: 0x57,
  callFile: 0x58,
  callLine: 0x59,
  dataBitOffset: 0x6b,
  linkageName: 0x6e,
  strOffsetsBase: 0x72,
  addrBase: 0x73,
  rnglistsBase: 0x74,
  loclistsBase: 0x8c,
} as const;

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

export interface RawAttribute {
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
