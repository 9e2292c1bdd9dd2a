/** Numbers, ranges and lists in words. */
import type { RegisterState } from '../log/index.ts';

export const capitalize = (text: string): string => (text === '' ? text : text[0]!.toUpperCase() + text.slice(1));

export function list(items: readonly string[], last = 'or'): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)!}`;
}

export const bytes = (count: number | bigint): string => (BigInt(count) === 1n ? '1 byte' : `${count} bytes`);

/** How a log counts elements: "12 times". */
const grouped = (value: bigint): string => value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');

const BIG = 1n << 31n;

/** "may be any number", "is at most 128", "is between -5 and 10", as the verifier knows it. */
export function rangeWords(register: RegisterState | null): string {
  if (register?.type !== 'scalar') return 'may be any number';
  if (register.constant !== null) return `is ${grouped(register.constant)}`;
  const { smin, smax, umin, umax } = register.range;
  if (smin < 0n) {
    if (smin <= -BIG && smax >= BIG) return 'may be any number';
    if (smin <= -BIG) return `may be negative (it is at most ${grouped(smax)})`;
    return smax >= BIG ? `may be negative and may be very large` : `is between ${grouped(smin)} and ${grouped(smax)}`;
  }
  if (umax >= BIG) return umin === 0n ? 'may be very large' : `is at least ${grouped(umin)}, but may be very large`;
  return umin === 0n ? `may be up to ${grouped(umax)}` : `is between ${grouped(umin)} and ${grouped(umax)}`;
}

/** What a function says with NULL. */
export function whyNull(called: string): string {
  for (const [pattern, why] of nullReasons) if (pattern.test(called)) return why;
  return 'when it fails';
}

const nullReasons: readonly [RegExp, string][] = [
  [/map_lookup_percpu/, 'when the map has no such key or there is no such CPU'],
  [/map_lookup/, 'when the map has no such key'],
  [/ringbuf_reserve/, 'when the ring buffer is full'],
  [/sk_lookup|skc_lookup/, 'when there is no such socket'],
  [/skc_to_|sk_fullsock|tcp_sock|get_listener/, 'when the socket is of another kind'],
  [/dynptr_(?:slice|data)/, 'when the buffer is shorter than what is asked for'],
  [/task_acquire|cgroup_acquire|cpumask_acquire/, 'when it is being freed already'],
  [/from_v?pid|from_id/, 'when there is none of that number'],
  [/storage_get/, 'when nothing is stored there'],
  [/kptr_xchg/, 'when the field was empty'],
  [/obj_new|cpumask_create|percpu_obj_new/, 'when there is no memory'],
  [/per_cpu_ptr|this_cpu_ptr/, 'when there is no such CPU'],
  [/iter_\w+_next/, 'when there is nothing more to visit'],
  [/list_pop|rbtree_/, 'when the list or tree is empty'],
  [/get_local_storage/, 'when nothing is stored there'],
];
