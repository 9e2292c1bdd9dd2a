/**
 * A ring or perf buffer that says what its records are, with __type(value, struct event), is refused by the kernel: libbpf
 * takes that for the size of the map's values. Rings have none, and those of perf buffers are descriptors of 4 bytes, which
 * the agent chooses where nothing is said.
 */
import type { Btf } from './btf.ts';
import { malformed } from './bytes.ts';
import { DESCRIPTOR_BYTES, readMaps, type MapDefinition } from './maps.ts';
import { BpfObject } from './object.ts';

/** Name and type of a struct's member, as BTF has them; its place stands behind. */
const MEMBER_BYTES = 12;
const NAME_AND_TYPE_BYTES = 8;
const TYPE_HEADER_BYTES = 12;

/**
 * The object with rings that declare no type of key and value, and perf buffers none of records, so that libbpf can create
 * them. Nothing is moved; an object without such a buffer comes back as it is. Errors: `not-elf`, `not-bpf`, `object-malformed`.
 */
export function withoutRingTypes(bytes: Uint8Array, object = BpfObject.parse(bytes)): Uint8Array {
  const { btf } = object;
  const section = object.elf.section('.BTF');
  if (!btf || !section) return bytes;
  const typed = readMaps(object)
    .flatMap((map) => (map.inner ? [map, map.inner] : [map]))
    .map((map) => ({ map, hidden: refusedMembers(btf, map) }))
    .filter(({ hidden }) => hidden.length > 0);
  if (typed.length === 0) return bytes;
  const out = Uint8Array.from(bytes);
  const start = section.data.byteOffset - bytes.byteOffset;
  for (const { map, hidden } of typed) hideMembers(btf, map, hidden, out.subarray(start, start + section.data.length));
  return out;
}

/** Members of a map's declaration that say a size which the kernel refuses. */
function refusedMembers(btf: Btf, { type, keyType, valueType }: MapDefinition): string[] {
  const isRefused = (declared: number): boolean =>
    declared !== 0 &&
    (type.endsWith('ringbuf') || (type === 'perf_event_array' && btf.sizeOf(declared) !== DESCRIPTOR_BYTES));
  return [...(isRefused(keyType) ? ['key'] : []), ...(isRefused(valueType) ? ['value'] : [])];
}

/** In their place the declaration says once more of which type the map is. */
function hideMembers(
  btf: Btf,
  { name, declaration }: MapDefinition,
  hidden: readonly string[],
  section: Uint8Array,
): void {
  const struct = btf.type(declaration);
  if (struct.kind !== 'struct') throw malformed(`map ${name} is not a struct`);
  const at = (index: number): number => btf.offsetOf(declaration) + TYPE_HEADER_BYTES + index * MEMBER_BYTES;
  const type = at(struct.members.findIndex((member) => member.name === 'type'));
  for (const [index, member] of struct.members.entries())
    if (hidden.includes(member.name)) section.copyWithin(at(index), type, type + NAME_AND_TYPE_BYTES);
}
