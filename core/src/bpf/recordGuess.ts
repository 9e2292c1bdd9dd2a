/** Which BTF type a record may have when nothing but its size, or the buffer's name, is known. */
import type { Btf } from './btf.ts';

export interface Guess {
  /** BTF id. */
  type: number;
  confidence: 'size' | 'guess';
}

/** What programs get from the kernel and do not send: contexts and the kernel's own objects. */
export const KERNEL_TYPE =
  /^(struct|union) (task_struct|sk_buff|sock|socket|file|inode|dentry|path|pt_regs|user_pt_regs|bpf_.*|__sk_buff|xdp_md|trace_event_raw_.*|trace_entry|syscall_trace_.*|linux_binprm|cred|nsproxy|request|bio|page|vm_area_struct|mm_struct|net_device|super_block|qstr)$/;

export class RecordGuesser {
  readonly #btf: Btf;
  /** The object's own named structs, by size. */
  readonly #bySize = new Map<number, number[]>();
  /** Types that a global variable points to. */
  readonly #pointedTo = new Set<number>();

  /** `strangers`: types of the kernel that the object reads (CO-RE); they and what is in them are not sent. */
  constructor(btf: Btf, strangers: Iterable<number> = []) {
    this.#btf = btf;
    for (let id = btf.firstId; id < btf.typeCount; id++) {
      const kind = btf.kind(id);
      if (kind === 'struct') this.#addStruct(id);
      else if (kind === 'var') this.#addVariable(id);
    }
    const foreign = partsOf(btf, strangers);
    for (const [size, ids] of this.#bySize) {
      const own = ids.filter((id) => !foreign.has(id) || this.#pointedTo.has(id));
      if (own.length > 0) this.#bySize.set(size, own);
      else this.#bySize.delete(size);
    }
  }

  #addStruct(id: number): void {
    const { name } = this.#btf.type(id);
    if (name === '' || KERNEL_TYPE.test(`struct ${name}`)) return;
    const size = this.#btf.sizeOf(id);
    const others = this.#bySize.get(size);
    if (others) others.push(id);
    else this.#bySize.set(size, [id]);
  }

  /** `const struct event *unused __attribute__((unused))` is how bpf2go users keep a record's type in BTF. */
  #addVariable(id: number): void {
    const type = this.#btf.resolve(id);
    const stored = type.kind === 'var' ? this.#btf.resolve(type.type) : type;
    if (stored.kind === 'ptr') this.#pointedTo.add(this.#btf.resolve(stored.type).id);
  }

  /**
   * The struct of exactly that size: "size" when only one of them has a telling name, else "guess", for most record
   * types are locals' and not in BTF, where a stranger of the same size may stand.
   */
  bySize(size: number, mapName: string): Guess | null {
    let best: { id: number; score: number } | null = null;
    let rivals = 0;
    for (const id of this.#bySize.get(size) ?? []) {
      const score = nameScore(this.#btf.type(id).name, mapName) + (this.#pointedTo.has(id) ? 50 : 0);
      if (!best || score > best.score) [best, rivals] = [{ id, score }, 0];
      else if (score === best.score) rivals++;
    }
    return best && { type: best.id, confidence: rivals === 0 && best.score > 0 ? 'size' : 'guess' };
  }

  /** The struct whose name goes with the buffer's, for sends of computed size. */
  byName(mapName: string): Guess | null {
    let best: { id: number; score: number } | null = null;
    for (const id of [...this.#bySize.values()].flat()) {
      const score = nameScore(this.#btf.type(id).name, mapName);
      if (score >= SURE_NAME && (!best || score > best.score)) best = { id, score };
    }
    return best && { type: best.id, confidence: 'guess' };
  }
}

/** These types and all that they hold or point to. */
function partsOf(btf: Btf, ids: Iterable<number>): Set<number> {
  const parts = new Set<number>();
  const work = [...ids];
  for (let id = work.pop(); id !== undefined; id = work.pop()) {
    if (id === 0 || parts.has(id) || id >= btf.typeCount) continue;
    parts.add(id);
    const type = btf.type(id);
    if (type.kind === 'struct' || type.kind === 'union') work.push(...type.members.map((member) => member.type));
    else if (type.kind === 'ptr' || type.kind === 'array' || type.kind === 'typedef') work.push(type.type);
    else if (type.kind === 'const' || type.kind === 'volatile' || type.kind === 'restrict') work.push(type.type);
    else if (type.kind === 'func_proto') work.push(type.type, ...type.params.map((param) => param.type));
  }
  return parts;
}

const SURE_NAME = 20;

/** "tcp_events" and "struct tcp_event" belong together; "event", "…_event" and "data_t" are what records are called. */
function nameScore(typeName: string, mapName: string): number {
  if (stem(typeName) === stem(mapName)) return SURE_NAME;
  if (/(^|_)(event|evt)(_t)?$/i.test(typeName)) return 12;
  if (/(^|_)(data|record|rec|sample|info|entry|msg)(_t)?$/i.test(typeName)) return 5;
  return 0;
}

function stem(name: string): string {
  return name
    .toLowerCase()
    .replace(/(_t|_map|_rb|_ringbuf|_buffer|_buf)$/, '')
    .replace(/s$/, '');
}
