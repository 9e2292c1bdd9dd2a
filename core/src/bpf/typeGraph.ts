/** Types by id, whether they come from BTF or from DWARF: what size, spelling and record layout are computed from. */
import { malformed } from './bytes.ts';
import { isModifier, type BtfModifier, type BtfType } from './btfTypes.ts';
import { declaration } from './cNames.ts';

export interface TypeGraph {
  /** Id 0 is void. Error: `object-malformed` for an id that does not exist. */
  type(id: number): BtfType;
}

/** Longest chain of typedefs, modifiers and array dimensions that is followed before it counts as a cycle. */
const MAX_DEPTH = 256;
const POINTER_BYTES = 8;

/** Follows typedefs, modifiers and type tags to the type that stores. */
export function resolveType(graph: TypeGraph, id: number): Exclude<BtfType, BtfModifier> {
  for (let steps = 0; steps < MAX_DEPTH; steps++) {
    const type = graph.type(id);
    if (!isModifier(type)) return type;
    id = type.type;
  }
  throw malformed(`type ${id} refers to itself`);
}

/** Bytes that a value of the type takes; 0 for void, functions and forward declarations. */
export function typeSize(graph: TypeGraph, id: number): number {
  let factor = 1;
  for (let steps = 0; steps < MAX_DEPTH; steps++) {
    const type = resolveType(graph, id);
    if ('size' in type) return bounded(factor * type.size);
    if (type.kind === 'ptr') return bounded(factor * POINTER_BYTES);
    if (type.kind === 'array') factor = bounded(factor * type.count);
    else if (type.kind !== 'var') return 0;
    id = type.type;
  }
  throw malformed(`type ${id} refers to itself`);
}

function bounded(size: number): number {
  if (size > Number.MAX_SAFE_INTEGER) throw malformed('an array has an impossible size');
  return size;
}

/** The C spelling: "struct event", "char[16]", "__u32", "struct sock *". */
export function typeName(graph: TypeGraph, id: number): string {
  return declaration(graph, id, '');
}

/** True when a const or volatile of that kind stands between the id and the type that stores. */
export function isQualified(graph: TypeGraph, id: number, qualifier: 'const' | 'volatile'): boolean {
  for (let steps = 0; steps < MAX_DEPTH; steps++) {
    const type = graph.type(id);
    if (type.kind === qualifier) return true;
    if (type.kind === 'array') id = type.type;
    else if (isModifier(type)) id = type.type;
    else return false;
  }
  return false;
}
