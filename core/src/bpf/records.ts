/**
 * The types of the records that an object's rings and perf buffers carry, without any annotation: from the buffer's own
 * declaration, from the variables at the calls that send (DWARF), or from BTF types of the size that is sent.
 */
import type { Confidence, RecordField, RecordInfo } from '../model/index.ts';
import { RingsideError } from '../errors.ts';
import type { BtfComposite } from './btfTypes.ts';
import { Dwarf } from './dwarf.ts';
import { DwarfFunctions, DwarfTypes, type LocalScope, type LocalVariable } from './dwarfTypes.ts';
import { recordFields } from './fields.ts';
import { RecordFlow } from './flow.ts';
import { isGlobalSection, type MapDefinition } from './maps.ts';
import { carriesRecords } from './mapTypes.ts';
import type { BpfObject } from './object.ts';
import type { RecordCall } from './recordCalls.ts';
import { applyMarks } from './recordMeanings.ts';
import { KERNEL_TYPE, RecordGuesser } from './recordGuess.ts';
import { resolveType, typeName, typeSize, type TypeGraph } from './typeGraph.ts';

/** A type that a call may send. */
interface Candidate {
  graph: TypeGraph;
  type: number;
  score: number;
  confidence: Confidence;
}

/** Record types of every ring, user ring and perf buffer; one of confidence "none" where nothing is known. */
export function inferRecords(object: BpfObject, maps: readonly MapDefinition[], useDwarf: boolean): RecordInfo[] {
  const buffers = maps.filter((map) => carriesRecords(map.type));
  if (buffers.length === 0) return [];
  const flow = new RecordFlow(object, maps);
  const context: Context = {
    object,
    maps,
    locals: useDwarf ? readLocals(object) : null,
    guesser: object.btf ? new RecordGuesser(object.btf, relocatedTypes(object)) : null,
  };
  return buffers.flatMap((map) => inferBuffer(context, map, flow.callsTo(map)));
}

/** Types whose members the loader looks up in the kernel. */
function relocatedTypes(object: BpfObject): number[] {
  const relocations = withoutDamage(null, () => object.btfExt?.relocations);
  return [...(relocations?.values() ?? [])].flat().map((relocation) => relocation.type);
}

/** A record type with the calls that send it. */
interface Found {
  record: RecordInfo;
  calls: readonly RecordCall[];
}

interface Context {
  object: BpfObject;
  maps: readonly MapDefinition[];
  locals: Locals;
  guesser: RecordGuesser | null;
}

type Locals = {
  types: DwarfTypes;
  at(call: RecordCall): LocalScope[];
  /** All variables of the functions that lead to the call. */
  around(call: RecordCall): LocalVariable[];
} | null;

/** DWARF only helps: when it is damaged or of a kind that is not read, inference goes on without it. */
function readLocals(object: BpfObject): Locals {
  const types = readDwarfTypes(object);
  const functions = types && withoutDamage(null, () => new DwarfFunctions(types));
  if (!functions) return null;
  // Innermost first: the helper's own function, then its callers.
  const at = (call: RecordCall) =>
    call.chain
      .toReversed()
      .flatMap((place) => withoutDamage([], () => functions.scopesAt(place.function.name, place.offset)));
  const around = (call: RecordCall) =>
    call.chain.flatMap((place) =>
      withoutDamage([], () => functions.variablesAround(place.function.name, place.offset)),
    );
  return { types, at, around };
}

/** The object's DWARF types; null without (readable) DWARF. */
export function readDwarfTypes(object: BpfObject): DwarfTypes | null {
  return withoutDamage(null, () => {
    const dwarf = Dwarf.parse(object.elf);
    return dwarf && new DwarfTypes(dwarf);
  });
}

function isDamage(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof RingsideError && error.code === 'object-malformed');
}
function withoutDamage<T>(fallback: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return fallback;
    throw error;
  }
}

function inferBuffer(context: Context, map: MapDefinition, calls: readonly RecordCall[]): RecordInfo[] {
  const { object, guesser } = context;
  const btf = object.btf;
  if (btf && declaresRecord(object, map)) {
    const record = toRecord(map, { graph: btf, type: map.valueType, score: 0, confidence: 'declared' });
    applyMarks(record.fields, calls, context.maps);
    return [record];
  }
  const found: Found[] = [];
  const unknown: RecordCall[] = [];
  for (const call of calls) {
    const candidate = bestCandidate(context, call);
    const record = candidate && withoutDamage(null, () => toRecord(map, candidate));
    if (!record) {
      if (call.size !== null) unknown.push(call);
      continue;
    }
    const known = found.find((f) => f.record.type === record.type && f.record.size === record.size);
    if (known) known.calls = [...known.calls, call];
    else found.push({ record, calls: [call] });
  }
  if (found.length === 0 && btf && calls.every((call) => call.size === null)) {
    const guess = guesser?.byName(map.name);
    if (guess) found.push({ record: toRecord(map, { graph: btf, score: 0, ...guess }), calls });
  }
  if (found.length === 0) return [unknownRecord(map, calls)];
  if (unknown.length > 0) found.push({ record: unknownRecord(map, unknown), calls: [] });
  for (const { record, calls: its } of found) applyMarks(record.fields, its, context.maps);
  addTags(found);
  return found.map((f) => f.record);
}

/** A perf buffer's value is a file descriptor, whatever type is written there, unless it is a struct. */
function declaresRecord(object: BpfObject, map: MapDefinition): boolean {
  if (!object.btf || map.valueType === 0) return false;
  const kind = object.btf.resolve(map.valueType).kind;
  return map.type !== 'perf_event_array' || kind === 'struct' || kind === 'union';
}

function unknownRecord(map: MapDefinition, calls: readonly RecordCall[]): RecordInfo {
  const sizes = new Set(calls.map((call) => call.size));
  const [only] = sizes;
  return {
    map: map.name,
    type: '',
    size: sizes.size === 1 ? (only ?? 0) : 0,
    confidence: 'none',
    tag: null,
    fields: [],
  };
}

function toRecord(map: MapDefinition, { graph, type, confidence }: Candidate): RecordInfo {
  return {
    map: map.name,
    type: typeName(graph, type).replace(/^((const|volatile) )+/, ''),
    size: typeSize(graph, type),
    confidence,
    tag: null,
    fields: recordFields(graph, type),
  };
}

function bestCandidate({ object, maps, locals, guesser }: Context, call: RecordCall): Candidate | null {
  const inScope = [
    ...(locals ? withoutDamage([], () => localCandidates(locals, locals.at(call), call)) : []),
    ...storedCandidates(object, maps, call),
  ];
  const around = () => locals && withoutDamage([], () => localCandidates(locals, nearby(locals.around(call)), call));
  const candidates = inScope.length > 0 ? inScope : (around() ?? []);
  const [best, second] = candidates.sort((a, b) => b.score - a.score);
  if (best) {
    const rival = second && second.score === best.score && spelt(second) !== spelt(best);
    return rival ? { ...best, confidence: 'guess' } : best;
  }
  const guess = call.size === null ? null : guesser?.bySize(call.size, call.map.name);
  return guess && object.btf ? { graph: object.btf, score: 0, ...guess } : null;
}

function spelt(candidate: Candidate): string {
  return typeName(candidate.graph, candidate.type);
}

/** What is sent from a map's value or a global variable has the type declared there. */
function storedCandidates(object: BpfObject, maps: readonly MapDefinition[], call: RecordCall): Candidate[] {
  const btf = object.btf;
  const data = call.data;
  if (!btf || !data) return [];
  let type = 0;
  if (data.kind === 'mapValue' && data.offset === 0) type = maps[data.map]?.valueType ?? 0;
  if (data.kind === 'global') type = globalTypeAt(object, data.section, data.offset);
  if (type === 0 || !isComposite(btf, type)) return [];
  const size = typeSize(btf, type);
  // A computed size is a prefix of the value: its variable tail is cut.
  if (call.size !== null && call.size !== size) return [];
  return [{ graph: btf, type, score: 60, confidence: 'declared' }];
}

function globalTypeAt(object: BpfObject, sectionIndex: number, offset: number): number {
  const section = object.elf.sections[sectionIndex];
  const id = section && isGlobalSection(section.name) ? object.btf?.findByNameKind(section.name, 'datasec') : null;
  const datasec = id === null || id === undefined ? null : object.btf?.type(id);
  if (!section || !object.btf || datasec?.kind !== 'datasec') return 0;
  for (const entry of datasec.vars) {
    const variable = object.btf.type(entry.type);
    if (variable.kind !== 'var') continue;
    if ((object.variableOffset(section, variable.name) ?? entry.offset) === offset) return variable.type;
  }
  return 0;
}

function isComposite(graph: TypeGraph, type: number): boolean {
  const kind = resolveType(graph, type).kind;
  return kind === 'struct' || kind === 'union';
}

const RECORD_VARIABLE =
  /^(e|ev|evt|event|events|data|rec|record|info|entry|sample|msg|pkt|p|d|r|out|buf|key|val)$|event|_?data$|_?rec(ord)?$/i;

function nearby(variables: LocalVariable[]): LocalScope[] {
  return [{ function: '', variables, call: null }];
}

/** Variables of the scopes whose type, or what they point to, has the size that is sent. */
function localCandidates(locals: NonNullable<Locals>, scopes: LocalScope[], call: RecordCall): Candidate[] {
  return scopes.flatMap((scope, depth) =>
    scope.variables.flatMap((variable) => {
      const seen = variableType(locals.types, variable, call);
      if (!seen) return [];
      const named = RECORD_VARIABLE.test(variable.name) ? 10 : 0;
      const score = seen.score + named - depth - (variable.parameter ? 2 : 0);
      return [{ graph: locals.types, type: seen.type, score, confidence: 'dwarf' as const }];
    }),
  );
}

function variableType(
  types: DwarfTypes,
  variable: LocalVariable,
  call: RecordCall,
): { type: number; score: number } | null {
  const own = resolveType(types, variable.type);
  const type = own.kind === 'ptr' ? own.type : variable.type;
  const stored = resolveType(types, type);
  if (own.kind !== 'ptr' && call.how === 'reserve') return null;
  const composite = stored.kind === 'struct' || stored.kind === 'union';
  if (composite && KERNEL_TYPE.test(typeName(types, type))) return null;
  const size = typeSize(types, type);
  const pointer = own.kind === 'ptr';
  // Output sends a variable itself more often than what one points to; reserve gives an address.
  const fits = pointer === (call.how === 'reserve') ? 90 : 80;
  if (call.size === null) {
    return composite && size > 0 && pointer ? { type, score: hasTail(types, stored) ? 60 : 30 } : null;
  }
  if (size === call.size && composite) return { type, score: fits };
  // Scalars and arrays are sent too, but a struct of that size is likelier.
  if (size === call.size && size > 0 && !pointer) return { type, score: 40 };
  return null;
}

/** A struct that ends in an array is often sent only as far as the array is filled. */
function hasTail(graph: TypeGraph, type: BtfComposite): boolean {
  const last = type.members.at(-1);
  return last !== undefined && resolveType(graph, last.type).kind === 'array';
}

/** Finds the field by which the record types of one buffer are told apart: one place, a different constant in each. */
function addTags(found: Found[]): void {
  if (found.length < 2 || found.some((f) => f.calls.length === 0)) return;
  for (const field of scalarFields(found[0]!.record.fields, '')) {
    const values = found.map(({ record, calls }) => {
      const same = scalarFields(record.fields, '').find((f) => f.offset === field.offset && f.size === field.size);
      const constants = new Set(calls.map((call) => constantAt(call.bytes, field.offset, field.size)));
      const [value] = constants;
      return same && constants.size === 1 && value !== undefined && value !== null ? { path: same.path, value } : null;
    });
    if (values.some((v) => v === null) || new Set(values.map((v) => v?.value)).size < values.length) continue;
    found.forEach((f, i) => {
      const tag = values[i];
      if (tag) f.record.tag = { field: tag.path, value: tag.value };
    });
    return;
  }
}

function scalarFields(fields: RecordField[], prefix: string): { path: string; offset: number; size: number }[] {
  return fields.flatMap((field) => {
    const path = prefix + field.name;
    if (field.kind === 'struct') return scalarFields(field.fields ?? [], `${path}.`);
    const scalar = ['int', 'uint', 'enum', 'char', 'bool'].includes(field.kind) && field.bits === 0 && field.size <= 4;
    return scalar ? [{ path, offset: field.offset, size: field.size }] : [];
  });
}

function constantAt(bytes: Map<number, number>, offset: number, size: number): number | null {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) {
    const byte = bytes.get(offset + i);
    if (byte === undefined || byte < 0) return null;
    value = value * 256 + byte;
  }
  return value;
}
