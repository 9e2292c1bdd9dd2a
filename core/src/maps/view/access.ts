/** How the kernel lets what is in a map be reached, by its type: as host-agent/crates/bpf/src/map/info.rs has it. */
import { RingsideError } from '../../errors.ts';
import type { MapAccess } from '../../model/index.ts';

const BY_TYPE: Readonly<Record<string, MapAccess>> = {
  queue: 'next',
  stack: 'next',
  bloom_filter: 'member',
  ringbuf: 'positions',
  user_ringbuf: 'positions',
  sk_storage: 'owners',
  inode_storage: 'owners',
  task_storage: 'owners',
  cgrp_storage: 'owners',
  arena: 'pages',
  perf_event_array: 'nothing',
  cgroup_array: 'nothing',
  xskmap: 'nothing',
};
/** The kernel tells a socket's cookie, and only to those with room for its 8 bytes. */
const SOCKETS = new Set(['sockmap', 'sockhash', 'reuseport_sockarray']);
/** Every key is always there. */
const FIXED_KEYS = new Set([
  'array',
  'percpu_array',
  'prog_array',
  'array_of_maps',
  'devmap',
  'cpumap',
  'sockmap',
  'reuseport_sockarray',
  'struct_ops',
  'insn_array',
]);
/** Of which an entry can be emptied all the same. */
const CLEARABLE = new Set(['prog_array', 'array_of_maps', 'devmap', 'cpumap', 'sockmap', 'reuseport_sockarray']);

export function accessOf(map: { type: string; valueSize: number }): MapAccess {
  if (SOCKETS.has(map.type) && map.valueSize < 8) return 'nothing';
  return BY_TYPE[map.type] ?? 'entries';
}

export function hasFixedKeys(type: string): boolean {
  return FIXED_KEYS.has(type);
}

export function isOfMaps(type: string): boolean {
  return type === 'array_of_maps' || type === 'hash_of_maps';
}

/** Whether entries can be deleted. */
export function canDelete(type: string): boolean {
  return accessOf({ type, valueSize: 8 }) === 'entries' ? !FIXED_KEYS.has(type) || CLEARABLE.has(type) : false;
}

/** Whether entries can be added: by key, or pushed. */
export function canAdd(type: string): boolean {
  if (type === 'queue' || type === 'stack' || type === 'bloom_filter') return true;
  if (type === 'struct_ops' || type === 'stack_trace' || type === 'insn_array') return false;
  return accessOf({ type, valueSize: 8 }) === 'entries' && (!FIXED_KEYS.has(type) || CLEARABLE.has(type));
}

/** Why cells cannot be typed into; "" = they can. */
export function whyReadOnly({ type, valueSize }: { type: string; valueSize: number }): string {
  switch (type) {
    case 'stack_trace':
      return 'Stacks are written by programs alone.';
    case 'struct_ops':
      return 'A struct_ops map is filled in by attaching it.';
    case 'insn_array':
      return 'An instruction array is written by the verifier.';
    case 'queue':
    case 'stack':
      return 'Values are put in and taken out; they cannot be changed where they are.';
    case 'ringbuf':
    case 'user_ringbuf':
      return 'The positions of a ring are the kernel’s and its reader’s.';
    default:
      break;
  }
  if (SOCKETS.has(type)) return 'Sockets are put in by `ringside map set`, with a process and its descriptor.';
  const access = accessOf({ type, valueSize });
  return access === 'entries' ? '' : 'What is in a map of this type cannot be written here.';
}

/** A map of which the kernel shows nothing, in words that say what can be done instead. */
export function notShown({ type, name, valueSize }: { type: string; name: string; valueSize: number }): RingsideError {
  const say = (message: string, remedy: string) => new RingsideError('map-access', message, { remedy });
  switch (accessOf({ type, valueSize })) {
    case 'member':
      return say(
        `${name} is a bloom filter: it cannot be listed, only asked whether a value may be in it.`,
        `Ask with \`ringside map get HOST ${name} VALUE\`; Add puts a value in.`,
      );
    case 'pages':
      return say(
        `${name} is an arena: pages of memory that programs and processes share, without entries.`,
        `Read a page with \`ringside map get HOST ${name} PAGE\`: reading one that nobody uses would allocate it.`,
      );
    default:
      break;
  }
  if (SOCKETS.has(type))
    return say(
      `${name} is a ${type} with values of ${valueSize} bytes: the kernel shows nobody its sockets.`,
      'With values of 8 bytes it would show their cookies.',
    );
  if (type === 'perf_event_array')
    return say(
      `${name} is a perf buffer: what goes through it are records, not entries.`,
      'The Trace panel of its run shows the records.',
    );
  return say(`${name} is a ${type}: the kernel shows nobody what is in it.`, 'Its programs still see and use it.');
}
