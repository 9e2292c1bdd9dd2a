/** bpftool's names of the map types, by number (enum bpf_map_type). */
export const mapTypeNames = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
  'insn_array',
  'rhash',
] as const;

const PER_CPU = new Set(['percpu_hash', 'percpu_array', 'lru_percpu_hash', 'percpu_cgroup_storage']);
const RECORDS = new Set(['ringbuf', 'user_ringbuf', 'perf_event_array']);

/** "type 99" for a type newer than this table. */
export function mapTypeName(type: number): string {
  return mapTypeNames[type] ?? `type ${type}`;
}
export function isPerCpuMap(type: string): boolean {
  return PER_CPU.has(type);
}
/** Maps that carry records to user space (or back). */
export function carriesRecords(type: string): boolean {
  return RECORDS.has(type);
}

const PAGE = 4096;
const NO_PREALLOC = 1;
const MMAPABLE = 1 << 10;
/** Heads of the kernel's structures, as Linux 6.18 counts them; they differ by some bytes between kernels. */
const MAP_HEAD = 312;
const HASH_HEAD = 896;
const STACK_HEAD = 320;
const RING_HEAD = 344;
const HASH_BUCKET = 16;
const HASH_ELEMENT = 48;
const STACK_BUCKET = 16;
const LPM_NODE = 40;
/** Pages of a ring besides its data: the kernel's own, the consumer's and the producer's. */
const RING_PAGES = 3;

export interface MapShape {
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  extra: number;
}

/**
 * Kernel memory of a full map in bytes, as the kernel's map_mem_usage callbacks count it, with one possible CPU for
 * per-CPU maps. null where it depends on what is not in the object (storages, arenas, sizes left to user space).
 */
export function mapMemory(map: MapShape): number | null {
  const { type, maxEntries: entries } = map;
  const key = roundUp(map.keySize, 8);
  const value = roundUp(map.valueSize, 8);
  if (entries === 0) return null;
  switch (type) {
    case 'array':
      return (map.flags & MMAPABLE) !== 0 ? PAGE + roundUp(value * entries, PAGE) : MAP_HEAD + value * entries;
    case 'percpu_array':
      return MAP_HEAD + (8 + value) * entries;
    case 'prog_array':
    case 'perf_event_array':
    case 'cgroup_array':
    case 'array_of_maps':
    case 'devmap':
    case 'cpumap':
    case 'xskmap':
    case 'sockmap':
    case 'reuseport_sockarray':
      return MAP_HEAD + 8 * entries;
    case 'hash':
    case 'hash_of_maps':
    case 'lru_hash':
    case 'rhash':
    case 'devmap_hash':
    case 'sockhash':
      return hashMemory(entries, HASH_ELEMENT + key + value, type === 'hash' && (map.flags & NO_PREALLOC) === 0);
    case 'percpu_hash':
    case 'lru_percpu_hash':
      return hashMemory(entries, HASH_ELEMENT + key + 8 + value, false);
    case 'lpm_trie':
      return MAP_HEAD + entries * (LPM_NODE + Math.max(map.keySize - 4, 0) + map.valueSize);
    case 'stack_trace':
      return STACK_HEAD + powerOfTwo(entries) * 8 + entries * (STACK_BUCKET + value);
    case 'queue':
    case 'stack':
      return MAP_HEAD + (entries + 1) * map.valueSize;
    case 'ringbuf':
    case 'user_ringbuf':
      return RING_HEAD + ringBytes(entries) + RING_PAGES * PAGE;
    case 'bloom_filter':
      return MAP_HEAD + powerOfTwo(Math.ceil((entries * (map.extra & 15 || 5) * 7) / 5)) / 8;
    default:
      return null;
  }
}

/** Buckets, elements, and one spare element per CPU for updates in place. */
function hashMemory(entries: number, element: number, spare: boolean): number {
  return HASH_HEAD + powerOfTwo(entries) * HASH_BUCKET + entries * element + (spare ? element + 8 : 0);
}

/** A ring's size as libbpf corrects it: a power of two, at least a page. */
export function ringBytes(entries: number): number {
  return entries === 0 ? 0 : Math.max(PAGE, powerOfTwo(entries));
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
function powerOfTwo(value: number): number {
  return value <= 1 ? 1 : 2 ** Math.ceil(Math.log2(value));
}
