/** From a type to the fields of a record: where each lies, and how people want to read it. */
import type { FieldKind, RecordField } from '../model/index.ts';
import type { BtfComposite, BtfEnum, BtfMember, BtfType } from './btfTypes.ts';
import { isModifier } from './btfTypes.ts';
import { malformed } from './bytes.ts';
import { numberMeaning, PORT } from './fieldFormats.ts';
import { combines } from './flagSets.ts';
import { resolveType, typeName, typeSize, type TypeGraph } from './typeGraph.ts';

/** Nesting and number of fields beyond which a record is damage, or a kernel structure that nobody sends whole. */
const MAX_DEPTH = 16;
const MAX_FIELDS = 4096;

interface Budget {
  fields: number;
}

/** The fields of a struct or union; for any other type one field named "value". */
export function recordFields(graph: TypeGraph, id: number): RecordField[] {
  const type = resolveType(graph, id);
  const budget = { fields: MAX_FIELDS };
  if (type.kind === 'struct' || type.kind === 'union') return memberFields(graph, type, 0, 0, budget);
  return [buildField(graph, 'value', id, 0, 0, budget)];
}

/** The type as one field: for map keys and values. */
export function typeField(graph: TypeGraph, name: string, id: number): RecordField {
  return buildField(graph, name, id, 0, 0, { fields: MAX_FIELDS });
}

/** A field of bytes without a better reading; size 0 reaches to the record's end. */
export function bytesField(name: string, size: number, offset = 0): RecordField {
  return { name, type: size === 0 ? 'bytes' : `__u8[${size}]`, offset, bits: 0, size, kind: 'bytes', format: 'hex' };
}

function memberFields(
  graph: TypeGraph,
  struct: BtfComposite,
  base: number,
  depth: number,
  budget: Budget,
): RecordField[] {
  const fields: RecordField[] = [];
  for (const member of struct.members) {
    const field = memberField(graph, member, base, depth, budget);
    // Members of an anonymous struct or union belong to the outer one, as they do in C; those of a union overlap.
    if (field.name === '') fields.push(...(field.fields ?? []));
    else fields.push(field);
  }
  return fields;
}

function memberField(graph: TypeGraph, member: BtfMember, base: number, depth: number, budget: Budget): RecordField {
  if (member.bitSize === 0) {
    return buildField(graph, member.name, member.type, base + (member.bitOffset >> 3), depth, budget);
  }
  // Read a bit field from the storage unit of its type that holds it whole.
  const unit = Math.max(typeSize(graph, member.type), 1);
  let start = Math.floor(member.bitOffset / (unit * 8)) * unit;
  if (member.bitOffset + member.bitSize > (start + unit) * 8) start = member.bitOffset >> 3;
  const field = buildField(graph, member.name, member.type, base + start, depth, budget);
  return { ...field, bits: member.bitSize, bitOffset: member.bitOffset - start * 8 };
}

function buildField(
  graph: TypeGraph,
  name: string,
  id: number,
  offset: number,
  depth: number,
  budget: Budget,
): RecordField {
  if (--budget.fields < 0) throw malformed('a record type has too many fields');
  const type = resolveType(graph, id);
  const size = typeSize(graph, id);
  const field: RecordField = {
    name,
    type: spelling(graph, id),
    offset,
    bits: 0,
    size,
    kind: 'bytes',
    format: 'plain',
  };
  if (depth > MAX_DEPTH) return { ...field, format: 'hex' };
  switch (type.kind) {
    case 'int':
      return { ...field, ...integerReading(graph, id, type, name) };
    case 'enum':
    case 'enum64':
      return { ...field, kind: 'enum', format: enumFormat(type), values: enumNames(type) };
    case 'float':
      return { ...field, kind: 'float' };
    case 'ptr':
      return { ...field, kind: 'pointer', format: 'hex' };
    case 'struct':
    case 'union':
      if (isIpv6(type)) return { ...field, kind: 'ipv6', bigEndian: true };
      return { ...field, kind: type.kind, fields: memberFields(graph, type, offset, depth + 1, budget) };
    case 'array':
      return arrayField(graph, field, type, depth, budget);
    case 'void':
    case 'fwd':
    case 'func':
    case 'func_proto':
    case 'var':
    case 'datasec':
    case 'decl_tag':
    case 'unknown':
      return { ...field, format: 'hex' };
  }
}

const namesOfEnum = new WeakMap<BtfEnum, Record<string, string>>();

/** Names by value, made once per type: large enums appear in many fields. The first name of a value counts. */
function enumNames(type: BtfEnum): Record<string, string> {
  let names = namesOfEnum.get(type);
  if (!names) {
    names = Object.fromEntries(type.values.toReversed().map((v) => [v.value.toString(), v.name]));
    namesOfEnum.set(type, names);
  }
  return names;
}

/** Flags in an enum are told by its bits: with two names only, 1 and 2 are as likely a choice. */
function enumFormat(type: BtfEnum): 'flags' | 'plain' {
  return combines(type.values.map((v) => v.value)) ? 'flags' : 'plain';
}

/** The C spelling without outer qualifiers. */
function spelling(graph: TypeGraph, id: number): string {
  return typeName(graph, id).replace(/^((const|volatile) )+/, '');
}

function isIpv6(type: BtfComposite): boolean {
  return type.name === 'in6_addr' && type.size === 16;
}

function arrayField(
  graph: TypeGraph,
  field: RecordField,
  array: Extract<BtfType, { kind: 'array' }>,
  depth: number,
  budget: Budget,
): RecordField {
  const element = resolveType(graph, array.type);
  if (element.kind === 'int' && element.size === 1 && !element.bool) {
    const isText =
      element.char || /^(unsigned |signed )?char$/.test(element.name) ? isCharSpelling(graph, array.type) : false;
    if (isText) return { ...field, kind: 'chars' };
    if (array.count === 16 && ADDRESS.test(field.name)) return { ...field, kind: 'ipv6', bigEndian: true };
    if (array.count === 4 && ADDRESS.test(field.name)) return { ...field, kind: 'ipv4', bigEndian: true };
    if (isTextName(field.name) && array.count >= 8) return { ...field, kind: 'chars' };
    return { ...field, kind: 'bytes', format: 'hex' };
  }
  if (element.kind === 'int' && element.size === 4 && array.count === 4 && ADDRESS6.test(field.name)) {
    return { ...field, kind: 'ipv6', bigEndian: true };
  }
  const one = buildField(graph, field.name, array.type, 0, depth + 1, budget);
  return { ...field, kind: 'array', element: one, count: array.count };
}

/** __u8 and u8 are typedefs of unsigned char: a number to their author, while char arrays are text. */
function isCharSpelling(graph: TypeGraph, id: number): boolean {
  let type = graph.type(id);
  for (let steps = 0; steps < MAX_DEPTH && isModifier(type) && type.kind !== 'typedef'; steps++)
    type = graph.type(type.type);
  return type.kind === 'int' && /^(signed )?char$/.test(type.name);
}

function isTextName(name: string): boolean {
  return /name$|(^|_)(comm|path|filepath|str|string|text|msg|message|cmd|cmdline|command|argv|args)$/.test(name);
}

const ADDRESS =
  /(^|_)([sdl]?addr|[sdlr]?ip|address|saddr|daddr|raddr|laddr|rcv_saddr|src|dst|addr_?v?[46]|ip_?v?[46]|v[46]|[sd](addr|ip)_?v?[46]|gateway|gw)$/i;
const ADDRESS6 = /(addr|ip|v)_?v?6(_?32)?$|in6|v6_(daddr|saddr)|ipv6/i;

type Reading = Pick<RecordField, 'kind' | 'format'> & { bigEndian?: boolean; values?: Record<string, string> };

function integerReading(graph: TypeGraph, id: number, type: Extract<BtfType, { kind: 'int' }>, name: string): Reading {
  if (type.bool) return { kind: 'bool', format: 'plain' };
  const names = typedefNames(graph, id);
  const bigEndian = names.some((n) => /^__be(16|32|64)$/.test(n));
  if (type.size === 4 && ADDRESS.test(name) && (bigEndian || !type.signed)) {
    return { kind: 'ipv4', format: 'plain', bigEndian: true };
  }
  if (bigEndian) return { kind: 'uint', format: PORT.test(name) ? 'port' : 'be', bigEndian: true };
  const kind: FieldKind = isPlainChar(graph, id, type) ? 'char' : type.signed ? 'int' : 'uint';
  return { kind, ...numberMeaning(name, type.size, type.signed, names) };
}

function isPlainChar(graph: TypeGraph, id: number, type: Extract<BtfType, { kind: 'int' }>): boolean {
  return type.size === 1 && isCharSpelling(graph, id);
}

function typedefNames(graph: TypeGraph, id: number): string[] {
  const names: string[] = [];
  let type = graph.type(id);
  for (let steps = 0; steps < MAX_DEPTH && isModifier(type); steps++) {
    if (type.kind === 'typedef') names.push(type.name);
    type = graph.type(type.type);
  }
  return names;
}
