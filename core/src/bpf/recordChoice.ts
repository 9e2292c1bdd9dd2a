/** For a type picker: the types that an object knows, and the record that one of them makes. */
import type { RecordInfo } from '../model/index.ts';
import { recordFields } from './fields.ts';
import type { BpfObject } from './object.ts';
import { readDwarfTypes } from './records.ts';
import { typeName, typeSize, type TypeGraph } from './typeGraph.ts';

export interface RecordChoice {
  /** C spelling: "struct event". */
  type: string;
  size: number;
}

/** Named structs and unions of the object's BTF and DWARF, by name; only those of `size` bytes when it is given. */
export function recordChoices(object: BpfObject, size?: number): RecordChoice[] {
  const choices = new Map<string, RecordChoice>();
  for (const { graph, id } of composites(object)) {
    const choice = { type: typeName(graph, id), size: typeSize(graph, id) };
    if (size === undefined || choice.size === size) choices.set(choice.type, choice);
  }
  return [...choices.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** The record of a chosen type ("struct event"); null when the object does not know it. */
export function recordOfType(object: BpfObject, map: string, type: string): RecordInfo | null {
  for (const { graph, id } of composites(object)) {
    if (typeName(graph, id) !== type) continue;
    return { map, type, size: typeSize(graph, id), confidence: 'declared', tag: null, fields: recordFields(graph, id) };
  }
  return null;
}

function* composites(object: BpfObject): Generator<{ graph: TypeGraph; id: number }> {
  const btf = object.btf;
  for (let id = btf?.firstId ?? 0; btf && id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if ((kind === 'struct' || kind === 'union') && btf.type(id).name !== '') yield { graph: btf, id };
  }
  const dwarf = readDwarfTypes(object);
  for (const id of dwarf?.composites() ?? []) yield { graph: dwarf!, id };
}
