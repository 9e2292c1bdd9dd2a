/** The maps of an object: those declared in SEC(".maps"), and those that libbpf makes of its global variables. */
import type { MapInfo, TypeInfo } from '../model/index.ts';
import type { Btf } from './btf.ts';
import type { BtfComposite } from './btfTypes.ts';
import { malformed } from './bytes.ts';
import type { ElfSection } from './elf.ts';
import { carriesRecords, mapMemory, mapTypeName } from './mapTypes.ts';
import type { BpfObject } from './object.ts';

/** A map with the ids of its types, as libbpf reads it. */
export interface MapDefinition {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  extra: number;
  /** BTF ids; 0 when only sizes are declared. */
  keyType: number;
  valueType: number;
  /** BTF id of the struct that declares it; 0 for maps that libbpf makes. */
  declaration: number;
  /** True with __uint(pinning, LIBBPF_PIN_BY_NAME). */
  pinned: boolean;
  /** What the maps of a map-in-map look like. */
  inner: MapDefinition | null;
  /** Section and offset of the definition; relocations of instructions point there. */
  section: ElfSection;
  offset: number;
  /** Made by libbpf from .data, .rodata, .bss or .kconfig. */
  internal: boolean;
}

/** Key and value of an array of descriptors. */
export const DESCRIPTOR_BYTES = 4;
const MAPS = '.maps';
const INTERNAL = /^\.(rodata|data|bss)(\..*)?$/;
const RODATA_FLAGS = (1 << 10) | (1 << 7); // MMAPABLE, RDONLY_PROG
const DATA_FLAGS = 1 << 10;

export function isGlobalSection(name: string): boolean {
  return INTERNAL.test(name);
}

/** Declared maps in the order of their definitions, then the internal ones. Error: `object-malformed`. */
export function readMaps(object: BpfObject): MapDefinition[] {
  return [...declaredMaps(object), ...structOpsMaps(object), ...internalMaps(object)];
}

/** Every variable of a struct_ops section becomes a map; its kernel-side size is not known offline. */
function structOpsMaps(object: BpfObject): MapDefinition[] {
  const btf = object.btf;
  if (!btf) return [];
  return object.elf.sections
    .filter((section) => /^\.struct_ops(\.link)?$/.test(section.name))
    .flatMap((section) => {
      const id = btf.findByNameKind(section.name, 'datasec');
      const datasec = id === null ? null : btf.type(id);
      if (datasec?.kind !== 'datasec') return [];
      return datasec.vars.map((entry) => {
        const { name } = btf.type(entry.type);
        const shape = { keySize: 4, valueSize: btf.sizeOf(entry.type), maxEntries: 1, flags: 0, extra: 0 };
        const types = { keyType: 0, valueType: entry.type, declaration: 0, pinned: false, inner: null };
        const place = { section, offset: object.variableOffset(section, name) ?? entry.offset };
        return { name, type: 'struct_ops', ...shape, ...types, ...place, internal: false };
      });
    });
}

function declaredMaps(object: BpfObject): MapDefinition[] {
  const section = object.elf.section(MAPS);
  const btf = object.btf;
  const id = btf?.findByNameKind(MAPS, 'datasec');
  if (!section || !btf || id === null || id === undefined) return [];
  const datasec = btf.type(id);
  if (datasec.kind !== 'datasec') return [];
  const maps = datasec.vars.map(({ type, offset }) => {
    const variable = btf.type(type);
    if (variable.kind !== 'var') throw malformed('its map section holds something that is no variable');
    const struct = btf.resolve(variable.type);
    if (struct.kind !== 'struct') throw malformed(`map ${variable.name} is not a struct`);
    const place = { section, offset: object.variableOffset(section, variable.name) ?? offset };
    return readDefinition(btf, variable.name, struct, place, true);
  });
  return maps.sort((a, b) => a.offset - b.offset);
}

type Place = Pick<MapDefinition, 'section' | 'offset'>;

/** __uint(name, n) is a pointer to an array of n elements, __type(name, t) a pointer to t. */
function readDefinition(btf: Btf, name: string, struct: BtfComposite, place: Place, outer: boolean): MapDefinition {
  const sizes = { type: 0, key_size: 0, value_size: 0, max_entries: 0, map_flags: 0, map_extra: 0, pinning: 0 };
  let [keyType, valueType] = [0, 0];
  let inner: MapDefinition | null = null;
  for (const member of struct.members) {
    if (Object.hasOwn(sizes, member.name)) sizes[member.name as keyof typeof sizes] = readNumber(btf, name, member);
    else if (member.name === 'key') keyType = pointee(btf, name, member);
    else if (member.name === 'value') valueType = pointee(btf, name, member);
    else if (member.name === 'values' && outer) {
      inner = readInner(btf, name, member.type, place);
      sizes.value_size = 4;
    }
  }
  const type = mapTypeName(sizes.type);
  const descriptors = type === 'perf_event_array' || type === 'prog_array';
  // The __type(value, …) of a ring or perf buffer says what its records are; the map itself has no such values.
  const declared = carriesRecords(type) ? 0 : valueType;
  return {
    name,
    type,
    keySize: keyType ? btf.sizeOf(keyType) : sizes.key_size || (descriptors ? DESCRIPTOR_BYTES : 0),
    valueSize: type.endsWith('ringbuf')
      ? 0
      : declared
        ? btf.sizeOf(declared)
        : sizes.value_size || (descriptors ? DESCRIPTOR_BYTES : 0),
    maxEntries: sizes.max_entries,
    flags: sizes.map_flags,
    extra: sizes.map_extra,
    keyType,
    valueType,
    declaration: struct.id,
    pinned: sizes.pinning === 1,
    inner,
    ...place,
    internal: false,
  };
}

function readNumber(btf: Btf, map: string, member: { name: string; type: number }): number {
  const field = btf.resolve(member.type);
  if (field.kind === 'ptr') {
    const array = btf.resolve(field.type);
    if (array.kind === 'array') return array.count;
  }
  // __ulong(name, value) makes an enum of one 64-bit value.
  if ((field.kind === 'enum' || field.kind === 'enum64') && field.values[0]) return Number(field.values[0].value);
  throw malformed(`map ${map} declares ${member.name} in a way that is not known`);
}

function pointee(btf: Btf, map: string, member: { name: string; type: number }): number {
  const field = btf.resolve(member.type);
  if (field.kind !== 'ptr') throw malformed(`map ${map} declares ${member.name} in a way that is not known`);
  return field.type;
}

/** __array(values, struct inner) is an array of pointers to the inner definition (or to functions, for prog arrays). */
function readInner(btf: Btf, name: string, type: number, place: Place): MapDefinition | null {
  const array = btf.resolve(type);
  if (array.kind !== 'array') return null;
  const pointer = btf.resolve(array.type);
  if (pointer.kind !== 'ptr') return null;
  const struct = btf.resolve(pointer.type);
  return struct.kind === 'struct' ? readDefinition(btf, `${name}.inner`, struct, place, false) : null;
}

function internalMaps(object: BpfObject): MapDefinition[] {
  return object.elf.sections
    .filter((section) => isGlobalSection(section.name) && section.size > 0 && (section.flags & 2) !== 0)
    .map((section) => ({
      name: section.name,
      type: 'array',
      keySize: 4,
      valueSize: section.size,
      maxEntries: 1,
      flags: section.name.startsWith('.rodata') ? RODATA_FLAGS : DATA_FLAGS,
      extra: 0,
      keyType: 0,
      valueType: object.btf?.findByNameKind(section.name, 'datasec') ?? 0,
      declaration: 0,
      pinned: false,
      inner: null,
      section,
      offset: 0,
      internal: true,
    }));
}

/** A map as `inspect` shows it. */
export function describeMap(btf: Btf | null, map: MapDefinition): MapInfo {
  const describe = (id: number): TypeInfo | null =>
    btf && id !== 0 && btf.kind(id) !== 'datasec' && btf.kind(id) !== 'var'
      ? { name: btf.cName(id), size: btf.sizeOf(id) }
      : null;
  return {
    name: map.name,
    type: map.type,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    key: describe(map.keyType),
    value: describe(map.valueType),
    bytes: mapMemory(map),
  };
}
