/** Which BTF type a record may have when nothing but its size, or the buffer's name, is known. */
import type { Btf } from './btf.ts';
import type { BpfObject } from './object.ts';
import { KERNEL_TYPE } from './records.ts';

interface Guess {
  type: number;
  confidence: 'size' | 'guess';
}

/** The struct of exactly that size: sure when it is the only one or one of several has a telling name. */
export function guessBySize(object: BpfObject, size: number, mapName: string): Guess | null {
  const btf = object.btf;
  if (!btf || size === 0) return null;
  const scored = ownStructs(btf)
    .filter((id) => btf.sizeOf(id) === size)
    .map((id) => ({ id, score: nameScore(btf.type(id).name, mapName) + (pointedToByGlobal(object, id) ? 50 : 0) }))
    .sort((a, b) => b.score - a.score);
  const [best, second] = scored;
  if (!best) return null;
  const sure = !second || (best.score > second.score && best.score > 0);
  return { type: best.id, confidence: sure ? 'size' : 'guess' };
}

/** The struct whose name goes with the buffer's, for sends of computed size. */
export function guessByName(btf: Btf, mapName: string): Guess | null {
  let best: { id: number; score: number } | null = null;
  for (const id of ownStructs(btf)) {
    const score = nameScore(btf.type(id).name, mapName);
    if (score >= 10 && (!best || score > best.score)) best = { id, score };
  }
  return best ? { type: best.id, confidence: 'guess' } : null;
}

function ownStructs(btf: Btf): number[] {
  const ids: number[] = [];
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kind(id) !== 'struct') continue;
    const { name } = btf.type(id);
    if (name !== '' && !KERNEL_TYPE.test(`struct ${name}`)) ids.push(id);
  }
  return ids;
}

/** "tcp_events" and "struct tcp_event" belong together; "event", "…_event" and "data_t" are what records are called. */
function nameScore(typeName: string, mapName: string): number {
  const stem = (name: string) =>
    name
      .toLowerCase()
      .replace(/(_t|_map|_rb|_ringbuf|_buffer|_buf)$/, '')
      .replace(/s$/, '');
  if (stem(typeName) === stem(mapName)) return 20;
  if (/(^|_)(event|evt)(_t)?$/i.test(typeName)) return 12;
  if (/(^|_)(data|record|rec|sample|info|entry|msg)(_t)?$/i.test(typeName)) return 5;
  return 0;
}

/** `const struct event *unused __attribute__((unused))` is how bpf2go users keep a record's type in BTF. */
function pointedToByGlobal(object: BpfObject, id: number): boolean {
  const btf = object.btf;
  if (!btf) return false;
  for (let other = btf.firstId; other < btf.typeCount; other++) {
    if (btf.kind(other) !== 'var') continue;
    const variable = btf.type(other);
    if (variable.kind !== 'var') continue;
    const type = btf.resolve(variable.type);
    if (type.kind === 'ptr' && btf.resolve(type.type).id === id) return true;
  }
  return false;
}
