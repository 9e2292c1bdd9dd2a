/** Global variables and what they start with. */
import type { GlobalInfo } from '../model/index.ts';
import type { Btf } from './btf.ts';
import { Bytes } from './bytes.ts';
import { isGlobalSection } from './maps.ts';
import type { BpfObject } from './object.ts';
import { isQualified } from './typeGraph.ts';

/** A variable with its place, for readers and writers. */
export interface GlobalVariable {
  name: string;
  section: string;
  /** BTF id of its type. */
  type: number;
  size: number;
  /** In its section as the program has it. */
  offset: number;
  constVolatile: boolean;
  /** Its initial bytes; zeros for .bss. A view of the object. */
  bytes: Uint8Array;
}

/** Aggregates beyond this many bytes are not printed. */
const MAX_RENDERED_BYTES = 256;
const MAX_ZEROED_BYTES = 4096;
/** Format strings of bpf_printk: variables to the compiler, text to everyone else. */
const FORMAT_STRING = /(^|\.)____fmt(\.\d+)?$/;

/** Variables of .rodata*, .data* and .bss*, in the order of the file. Error: `object-malformed`. */
export function readGlobals(object: BpfObject): GlobalVariable[] {
  const btf = object.btf;
  if (!btf) return [];
  const globals: GlobalVariable[] = [];
  for (const section of object.elf.sections) {
    const id = isGlobalSection(section.name) ? btf.findByNameKind(section.name, 'datasec') : null;
    const datasec = id === null ? null : btf.type(id);
    if (datasec?.kind !== 'datasec') continue;
    const data = new Bytes(section.data, section.name);
    for (const entry of datasec.vars) {
      const variable = btf.type(entry.type);
      if (variable.kind !== 'var' || FORMAT_STRING.test(variable.name)) continue;
      const offset = object.variableOffset(section, variable.name) ?? entry.offset;
      const size = btf.sizeOf(variable.type);
      const stored = section.data.length > 0;
      globals.push({
        name: variable.name,
        section: section.name,
        type: variable.type,
        size,
        offset,
        constVolatile: isQualified(btf, variable.type, 'const') && isQualified(btf, variable.type, 'volatile'),
        bytes: stored ? data.slice(offset, size) : new Uint8Array(Math.min(size, MAX_ZEROED_BYTES)),
      });
    }
  }
  return globals;
}

/** A variable as `inspect` shows it: the type without const and volatile, which constVolatile tells. */
export function describeGlobal(btf: Btf, variable: GlobalVariable): GlobalInfo {
  return {
    name: variable.name,
    section: variable.section,
    type: btf.cName(variable.type).replace(/^((const|volatile) )+/, ''),
    size: variable.size,
    value: variable.bytes.length < variable.size ? null : renderGlobal(btf, variable),
    constVolatile: variable.constVolatile,
  };
}

function renderGlobal(btf: Btf, variable: GlobalVariable): GlobalInfo['value'] {
  const type = btf.resolve(variable.type);
  const data = new Bytes(variable.bytes, variable.name);
  if (type.kind === 'array' && isChar(btf, type.type)) return text(variable.bytes);
  const aggregate = type.kind === 'array' || type.kind === 'struct' || type.kind === 'union';
  if (!aggregate) return renderScalar(btf, variable.type, data, 0);
  if (variable.size > MAX_RENDERED_BYTES || variable.section.startsWith('.bss')) return null;
  return renderAggregate(btf, variable.type, data, 0, { values: MAX_RENDERED_BYTES });
}

function renderScalar(btf: Btf, id: number, data: Bytes, at: number): string | number | boolean | null {
  const type = btf.resolve(id);
  if (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') {
    const value = readInteger(data, at, type.size, type.signed);
    if (value === null) return null;
    if (type.kind === 'int') return type.bool ? value !== 0n : plain(value);
    return type.values.find((v) => v.value === value)?.name ?? plain(value);
  }
  if (type.kind === 'ptr') return `0x${data.u64(at).toString(16)}`;
  if (type.kind !== 'float') return null;
  data.check(at, type.size);
  if (type.size === 4) return data.view.getFloat32(at, true);
  return type.size === 8 ? data.view.getFloat64(at, true) : null;
}

/** C initializer style: "{ 1, 2, 3 }", "{ .port = 80, .on = true }". `budget` bounds what damaged types can unfold to. */
function renderAggregate(btf: Btf, id: number, data: Bytes, at: number, budget: { values: number }): string {
  const type = btf.resolve(id);
  if (--budget.values < 0) return '…';
  const inside = (member: number, offset: number) => renderAggregate(btf, member, data, offset, budget);
  if (type.kind === 'array') {
    if (isChar(btf, type.type)) return JSON.stringify(text(data.slice(at, type.count)));
    const size = btf.sizeOf(type.type);
    const count = size === 0 ? 0 : type.count;
    data.check(at, size * count);
    return `{ ${Array.from({ length: count }, (_, i) => inside(type.type, at + i * size)).join(', ')} }`;
  }
  if (type.kind === 'struct' || type.kind === 'union') {
    const members: string[] = [];
    for (const member of type.members) {
      if (budget.values < 0) break;
      if (member.bitSize === 0) members.push(`.${member.name} = ${inside(member.type, at + (member.bitOffset >> 3))}`);
    }
    return `{ ${members.join(', ')} }`;
  }
  return String(renderScalar(btf, id, data, at));
}

export function isChar(btf: Btf, id: number): boolean {
  const type = btf.resolve(id);
  return type.kind === 'int' && type.size === 1 && (type.char || type.name === 'char');
}
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}
function plain(value: bigint): number | string {
  const exact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return exact ? Number(value) : value.toString();
}

/** null for sizes that are no machine integer (__int128). */
function readInteger(data: Bytes, at: number, size: number, signed: boolean): bigint | null {
  data.check(at, size);
  const view = data.view;
  switch (size) {
    case 1:
      return BigInt(signed ? view.getInt8(at) : view.getUint8(at));
    case 2:
      return BigInt(signed ? view.getInt16(at, true) : view.getUint16(at, true));
    case 4:
      return BigInt(signed ? view.getInt32(at, true) : view.getUint32(at, true));
    case 8:
      return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true);
    default:
      return null;
  }
}
