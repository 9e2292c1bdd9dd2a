/** The BTF kinds as a discriminated union, and how each is stored. */
import { malformed, type Bytes } from './bytes.ts';

export const KIND_NAMES = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const;

/** 'unknown' is a kind newer than this reader, skipped by the layout table of its BTF. */
export type BtfKind = (typeof KIND_NAMES)[number] | 'unknown';

export interface BtfMember {
  name: string;
  type: number;
  /** From the start of the struct. */
  bitOffset: number;
  /** Width of a bit field, else 0. */
  bitSize: number;
}
export interface BtfEnumValue {
  name: string;
  value: bigint;
}
export interface BtfParam {
  name: string;
  /** 0 as the last parameter means "...". */
  type: number;
}
export interface BtfSectionVar {
  type: number;
  offset: number;
  size: number;
}

interface Common {
  id: number;
  name: string;
}
export type BtfInt = Common & {
  kind: 'int';
  size: number;
  bits: number;
  bitOffset: number;
  signed: boolean;
  char: boolean;
  bool: boolean;
};
export type BtfComposite = Common & { kind: 'struct' | 'union'; size: number; members: BtfMember[] };
export type BtfEnum = Common & { kind: 'enum' | 'enum64'; size: number; signed: boolean; values: BtfEnumValue[] };
export type BtfArray = Common & { kind: 'array'; type: number; indexType: number; count: number };
export type BtfDatasec = Common & { kind: 'datasec'; size: number; vars: BtfSectionVar[] };
export type BtfFuncProto = Common & { kind: 'func_proto'; type: number; params: BtfParam[] };

export type BtfType =
  | (Common & { kind: 'void' })
  | BtfInt
  | (Common & { kind: 'ptr'; type: number })
  | (Common & { kind: 'typedef' | 'volatile' | 'const' | 'restrict'; type: number })
  /** `attribute` marks __attribute__((…)) (kind_flag) against btf_type_tag/btf_decl_tag. */
  | (Common & { kind: 'type_tag'; type: number; attribute: boolean })
  | BtfArray
  | BtfComposite
  | BtfEnum
  | (Common & { kind: 'fwd'; union: boolean })
  | (Common & { kind: 'func'; type: number; linkage: number })
  | BtfFuncProto
  | (Common & { kind: 'var'; type: number; linkage: number })
  | BtfDatasec
  | (Common & { kind: 'float'; size: number })
  | (Common & { kind: 'decl_tag'; type: number; component: number; attribute: boolean })
  | (Common & { kind: 'unknown' });

/** Types that only name or qualify another one. */
export type BtfModifier = Extract<BtfType, { kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag' }>;
const MODIFIERS: ReadonlySet<BtfKind> = new Set<BtfKind>(['typedef', 'volatile', 'const', 'restrict', 'type_tag']);

export function isModifier(type: BtfType): type is BtfModifier {
  return MODIFIERS.has(type.kind);
}

/** Bytes that follow the 12-byte head of a kind this reader does not know. */
export interface BtfLayout {
  info: number;
  element: number;
}

/** Bytes after the 12-byte head; -1 when the kind is neither known nor described. */
export function extraBytes(kind: number, vlen: number, layout: BtfLayout | undefined): number {
  switch (kind) {
    case 1: // int
    case 14: // var
    case 17: // decl_tag
      return 4;
    case 2: // ptr
    case 7: // fwd
    case 8: // typedef
    case 9: // volatile
    case 10: // const
    case 11: // restrict
    case 12: // func
    case 16: // float
    case 18: // type_tag
      return 0;
    case 3: // array
      return 12;
    case 4: // struct
    case 5: // union
    case 15: // datasec
    case 19: // enum64
      return vlen * 12;
    case 6: // enum
    case 13: // func_proto
      return vlen * 8;
    default:
      return layout && kind > 0 ? layout.info + vlen * layout.element : -1;
  }
}

/** Decodes one type whose extent has been checked by the index pass. */
export function decodeType(data: Bytes, at: number, id: number, nameAt: (offset: number) => string): BtfType {
  const info = data.u32(at + 4);
  const sizeOrType = data.u32(at + 8);
  const vlen = info & 0xffffff;
  const flag = info >>> 31 === 1;
  const kind = KIND_NAMES[(info >>> 24) & 0x7f] ?? 'unknown';
  const name = nameAt(data.u32(at));
  const body = at + 12;
  switch (kind) {
    case 'int':
      return decodeInt({ id, name }, sizeOrType, data.u32(body));
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
      return { id, name, kind, type: sizeOrType };
    case 'type_tag':
      return { id, name, kind, type: sizeOrType, attribute: flag };
    case 'array':
      return { id, name, kind, type: data.u32(body), indexType: data.u32(body + 4), count: data.u32(body + 8) };
    case 'struct':
    case 'union':
      return { id, name, kind, size: sizeOrType, members: decodeMembers(data, body, vlen, flag, nameAt) };
    case 'enum':
    case 'enum64':
      return {
        id,
        name,
        kind,
        size: sizeOrType,
        signed: flag,
        values: decodeEnum(data, body, vlen, flag, kind, nameAt),
      };
    case 'fwd':
      return { id, name, kind, union: flag };
    case 'func':
      return { id, name, kind, type: sizeOrType, linkage: vlen };
    case 'func_proto':
      return {
        id,
        name,
        kind,
        type: sizeOrType,
        params: times(vlen, (i) => ({ name: nameAt(data.u32(body + i * 8)), type: data.u32(body + i * 8 + 4) })),
      };
    case 'var':
      return { id, name, kind, type: sizeOrType, linkage: data.u32(body) };
    case 'datasec':
      return {
        id,
        name,
        kind,
        size: sizeOrType,
        vars: times(vlen, (i) => ({
          type: data.u32(body + i * 12),
          offset: data.u32(body + i * 12 + 4),
          size: data.u32(body + i * 12 + 8),
        })),
      };
    case 'float':
      return { id, name, kind, size: sizeOrType };
    case 'decl_tag':
      return { id, name, kind, type: sizeOrType, component: data.i32(body), attribute: flag };
    case 'unknown':
      return { id, name, kind };
    case 'void':
      throw malformed(`BTF type ${id} is void`);
  }
}

function times<T>(count: number, make: (index: number) => T): T[] {
  const out: T[] = [];
  for (let i = 0; i < count; i++) out.push(make(i));
  return out;
}

function decodeInt(common: Common, size: number, data: number): BtfInt {
  const encoding = (data >>> 24) & 15;
  return {
    ...common,
    kind: 'int',
    size,
    bits: data & 0xff,
    bitOffset: (data >>> 16) & 0xff,
    signed: (encoding & 1) !== 0,
    char: (encoding & 2) !== 0,
    bool: (encoding & 4) !== 0,
  };
}

/** With kind_flag the upper 8 bits of a member's offset are the width of its bit field. */
function decodeMembers(
  data: Bytes,
  at: number,
  count: number,
  flag: boolean,
  nameAt: (o: number) => string,
): BtfMember[] {
  return times(count, (i) => {
    const offset = data.u32(at + i * 12 + 8);
    return {
      name: nameAt(data.u32(at + i * 12)),
      type: data.u32(at + i * 12 + 4),
      bitOffset: flag ? offset & 0xffffff : offset,
      bitSize: flag ? offset >>> 24 : 0,
    };
  });
}

function decodeEnum(
  data: Bytes,
  at: number,
  count: number,
  signed: boolean,
  kind: 'enum' | 'enum64',
  nameAt: (offset: number) => string,
): BtfEnumValue[] {
  return times(count, (i) => {
    if (kind === 'enum') {
      const value = signed ? data.i32(at + i * 8 + 4) : data.u32(at + i * 8 + 4);
      return { name: nameAt(data.u32(at + i * 8)), value: BigInt(value) };
    }
    const bits = (BigInt(data.u32(at + i * 12 + 8)) << 32n) | BigInt(data.u32(at + i * 12 + 4));
    return { name: nameAt(data.u32(at + i * 12)), value: signed ? BigInt.asIntN(64, bits) : bits };
  });
}
