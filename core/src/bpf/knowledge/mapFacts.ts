/** What a map of each type needs in its definition, and what it is for. */
import { mapTypeNames } from '../mapTypes.ts';

/** A field of a definition: it has to be there, may be there, or must not be. */
export type MapNeed = 'yes' | 'no' | 'may';

export interface MapFact {
  /** BPF_MAP_TYPE_HASH */
  constant: string;
  /** bpftool's name. */
  name: string;
  key: MapNeed;
  value: MapNeed;
  entries: MapNeed;
  /** Bytes that the kernel insists on; 0 = any. */
  keyBytes: number;
  valueBytes: number;
  /** Flags without which the kernel refuses the map. */
  flags: string;
  what: string;
}

/** key, value, max_entries: y = needed, n = must not be, m = may be. */
type Shape = `${'y' | 'n' | 'm'}${'y' | 'n' | 'm'}${'y' | 'n' | 'm'}`;
type Row = [shape: Shape, what: string, keyBytes?: number, valueBytes?: number, flags?: string];

const STORAGE = 'BPF_F_NO_PREALLOC';
const rows: Readonly<Record<string, Row>> = {
  hash: ['yyy', 'Values by key.'],
  array: ['yyy', 'Values by index; all there from the start, never deleted.', 4],
  prog_array: ['mmy', 'Programs for bpf_tail_call.', 4, 4],
  perf_event_array: ['mmm', 'Records to user space, a buffer per CPU; a ring buffer is the newer way.', 4, 4],
  percpu_hash: ['yyy', 'Values by key, one per CPU.'],
  percpu_array: ['yyy', 'Values by index, one per CPU.', 4],
  stack_trace: ['ymm', 'Stacks by number, for bpf_get_stackid.', 4],
  cgroup_array: ['mmy', 'Control groups, to ask whether something is below one.', 4, 4],
  lru_hash: ['yyy', 'Values by key; when it is full, what was used least goes.'],
  lru_percpu_hash: ['yyy', 'Values by key, one per CPU; when it is full, what was used least goes.'],
  lpm_trie: ['yyy', 'Values by prefix (addresses of networks); the longest that matches is found.', 0, 0, STORAGE],
  array_of_maps: ['mmy', 'Maps by index.', 4, 4],
  hash_of_maps: ['ymy', 'Maps by key.', 0, 4],
  devmap: ['yyy', 'Interfaces by index, for bpf_redirect_map.', 4],
  sockmap: ['yyy', 'Sockets by index.', 4],
  cpumap: ['yyy', 'CPUs that packets are redirected to.', 4],
  xskmap: ['yyy', 'AF_XDP sockets that packets are redirected to.', 4, 4],
  sockhash: ['yyy', 'Sockets by key.'],
  cgroup_storage: ['yyn', 'A value per control group and program; cgrp_storage is the newer one.'],
  reuseport_sockarray: ['yyy', 'Sockets that share a port.', 4],
  percpu_cgroup_storage: ['yyn', 'A value per control group, program and CPU.'],
  queue: ['nyy', 'Values, first in first out.'],
  stack: ['nyy', 'Values, last in first out.'],
  sk_storage: ['yyn', 'A value per socket.', 4, 0, STORAGE],
  devmap_hash: ['yyy', 'Interfaces by key, for bpf_redirect_map.', 4],
  struct_ops: ['mmm', 'An implementation of a kernel interface.'],
  ringbuf: ['nny', 'Records to user space, in one order over all CPUs.'],
  inode_storage: ['yyn', 'A value per inode.', 4, 0, STORAGE],
  task_storage: ['yyn', 'A value per task.', 4, 0, STORAGE],
  bloom_filter: ['nyy', 'A set that may say "perhaps" but never a wrong "no".'],
  user_ringbuf: ['nny', 'Records from user space.'],
  cgrp_storage: ['yyn', 'A value per control group.', 4, 0, STORAGE],
  arena: [
    'nny',
    'Memory that program and user space share, with pointers; max_entries counts pages.',
    0,
    0,
    'BPF_F_MMAPABLE',
  ],
  insn_array: ['yyy', 'Addresses of instructions, for indirect jumps.', 4],
  rhash: ['yyy', 'Values by key, in a table that grows.', 0, 0, STORAGE],
};

const need = { y: 'yes', n: 'no', m: 'may' } as const;

const facts = new Map<string, MapFact>(
  mapTypeNames.flatMap((name): [string, MapFact][] => {
    const row = rows[name];
    if (row === undefined) return [];
    const [shape, what, keyBytes = 0, valueBytes = 0, flags = ''] = row;
    const [key, value, entries] = [0, 1, 2].map((at) => need[shape.charAt(at) as 'y']) as [MapNeed, MapNeed, MapNeed];
    const constant = `BPF_MAP_TYPE_${name.toUpperCase()}`;
    return [[constant, { constant, name, key, value, entries, keyBytes, valueBytes, flags, what }]];
  }),
);

/** By its constant: BPF_MAP_TYPE_HASH. */
export function mapFact(constant: string): MapFact | undefined {
  return facts.get(constant);
}
export function mapFacts(): Iterable<MapFact> {
  return facts.values();
}

/** The fields of a map definition, with how they are written. */
export const mapFields: readonly { name: string; macro: string; what: string }[] = [
  { name: 'type', macro: '__uint(type, BPF_MAP_TYPE_${1:HASH});', what: 'What kind of map it is.' },
  { name: 'max_entries', macro: '__uint(max_entries, ${1:1024});', what: 'Most entries; for a ring buffer its bytes.' },
  { name: 'key', macro: '__type(key, ${1:__u32});', what: 'The type of keys.' },
  { name: 'value', macro: '__type(value, ${1:__u64});', what: 'The type of values.' },
  { name: 'key_size', macro: '__uint(key_size, ${1:4});', what: 'Bytes of a key, where no type says it.' },
  { name: 'value_size', macro: '__uint(value_size, ${1:8});', what: 'Bytes of a value, where no type says it.' },
  { name: 'map_flags', macro: '__uint(map_flags, ${1:BPF_F_NO_PREALLOC});', what: 'BPF_F_… flags.' },
  {
    name: 'pinning',
    macro: '__uint(pinning, LIBBPF_PIN_BY_NAME);',
    what: 'Pins it by its name: other programs find it.',
  },
  {
    name: 'map_extra',
    macro: '__ulong(map_extra, ${1:0});',
    what: 'Hash functions of a bloom filter, address of an arena.',
  },
  { name: 'numa_node', macro: '__uint(numa_node, ${1:0});', what: 'The memory node that it lies in.' },
  {
    name: 'values',
    macro: '__array(values, ${1:int (void *)});',
    what: 'What programs or maps are in it from the start.',
  },
];
