/** What a kernel's BTF says to someone who writes for it: types by name, fields, functions, events, constants. */
import type { Btf, BtfType } from '@ringside/core/bpf';

export interface KernelField {
  name: string;
  type: number;
  /** From the start of the struct that was asked about, those of anonymous members included. */
  bitOffset: number;
  /** Of bit fields, else 0. */
  bitSize: number;
}

export interface KernelConstant {
  name: string;
  value: bigint;
  of: string;
}

/** The enumerator that stands for a helper: "bpf_loop" → "BPF_FUNC_loop". */
export const helperNumber = (helper: string): string => helper.replace(/^bpf_/, 'BPF_FUNC_');

/** A sorted list that is searched by what its names begin with, then by what they contain. */
export class NameList {
  readonly names: readonly string[];
  private readonly set: ReadonlySet<string>;
  /** All names, one a line: a text is found in one string of a megabyte sooner than in 60,000 small ones. */
  #lines: string | undefined;

  constructor(names: Iterable<string>) {
    this.set = new Set(names);
    this.names = [...this.set].sort();
  }
  has(name: string): boolean {
    return this.set.has(name);
  }
  /** Up to `limit` names; `more` when there are others. */
  search(text: string, limit: number): { names: string[]; more: boolean } {
    const found: string[] = [];
    for (let at = this.lowerBound(text); at < this.names.length && found.length <= limit; at++) {
      const name = this.names[at]!;
      if (!name.startsWith(text)) break;
      found.push(name);
    }
    if (text.length >= 2 && !text.includes('\n')) this.containing(text, limit, found);
    return { names: found.slice(0, limit), more: found.length > limit };
  }
  private containing(text: string, limit: number, found: string[]): void {
    const lines = (this.#lines ??= `\n${this.names.join('\n')}\n`);
    for (let at = lines.indexOf(text); at >= 0 && found.length <= limit;) {
      const start = lines.lastIndexOf('\n', at) + 1;
      const end = lines.indexOf('\n', at);
      // What begins with it has been found.
      if (at > start) found.push(lines.slice(start, end));
      at = lines.indexOf(text, end);
    }
  }
  private lowerBound(text: string): number {
    let low = 0;
    let high = this.names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.names[middle]! < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const MAX_NESTED = 16;

export class Kernel {
  #functions: NameList | undefined;
  #events: NameList | undefined;
  #hooks: NameList | undefined;
  #iterators: NameList | undefined;
  #structOps: NameList | undefined;
  #syscalls: NameList | undefined;
  #kfuncs: NameList | undefined;
  #structs: NameList | undefined;
  #constants: Map<string, KernelConstant> | undefined;
  #constantNames: NameList | undefined;

  constructor(readonly btf: Btf) {}

  /** Kernel functions that BTF describes. */
  get functions(): NameList {
    return (this.#functions ??= new NameList(this.names('func')));
  }
  /** Raw tracepoints, by their name without a category. */
  get events(): NameList {
    return (this.#events ??= new NameList(without('btf_trace_', this.names('typedef'))));
  }
  get hooks(): NameList {
    return (this.#hooks ??= new NameList(without('bpf_lsm_', this.functions.names)));
  }
  get iterators(): NameList {
    return (this.#iterators ??= new NameList(without('bpf_iter__', this.names('struct'))));
  }
  /** Kernel interfaces that programs can implement: tcp_congestion_ops. */
  get structOps(): NameList {
    return (this.#structOps ??= new NameList(without('bpf_struct_ops_', this.names('struct'))));
  }
  /** System calls, without the architecture's prefix. */
  get syscalls(): NameList {
    const prefixes = ['__x64_sys_', '__arm64_sys_', '__riscv_sys_', '__s390x_sys_'];
    return (this.#syscalls ??= new NameList(prefixes.flatMap((prefix) => without(prefix, this.functions.names))));
  }
  /** Functions that programs may call; from Linux 6.10 on the kernel's BTF marks them. */
  get kfuncs(): NameList {
    return (this.#kfuncs ??= new NameList(this.taggedFunctions()));
  }
  /** "struct task_struct", "union …", and typedefs by their plain name. */
  get structs(): NameList {
    return (this.#structs ??= new NameList(this.typeNames()));
  }
  get constants(): ReadonlyMap<string, KernelConstant> {
    return (this.#constants ??= this.readConstants());
  }
  get constantNames(): NameList {
    return (this.#constantNames ??= new NameList(this.constants.keys()));
  }
  /** Whether this kernel has a helper: its number is in the kernel's own list. */
  hasHelper(name: string): boolean {
    return this.constants.has(helperNumber(name));
  }

  /** The id of "struct task_struct", "enum bpf_map_type" or a typedef; null when the kernel has no such type. */
  find(name: string): number | null {
    const [, keyword, tag] = /^(struct|union|enum) (\w+)$/.exec(name) ?? [];
    if (keyword === undefined) return this.btf.findByNameKind(name, 'typedef') ?? this.btf.findByNameKind(name, 'int');
    const kinds = keyword === 'enum' ? (['enum', 'enum64'] as const) : ([keyword] as ('struct' | 'union')[]);
    for (const kind of kinds) {
      const id = this.btf.findByNameKind(tag!, kind);
      if (id !== null) return id;
    }
    return null;
  }

  /** Of a struct or union, those of its anonymous members included; null for anything else. */
  fields(id: number): KernelField[] | null {
    const type = this.btf.resolve(id);
    return type.kind === 'struct' || type.kind === 'union' ? this.collect(type, 0, 0) : null;
  }

  private collect(type: Extract<BtfType, { kind: 'struct' | 'union' }>, at: number, depth: number): KernelField[] {
    if (depth > MAX_NESTED) return [];
    return type.members.flatMap((member): KernelField[] => {
      const bitOffset = at + member.bitOffset;
      if (member.name !== '') return [{ name: member.name, type: member.type, bitOffset, bitSize: member.bitSize }];
      const inner = this.btf.resolve(member.type);
      return inner.kind === 'struct' || inner.kind === 'union' ? this.collect(inner, bitOffset, depth + 1) : [];
    });
  }

  private *names(kind: BtfType['kind']): Generator<string> {
    for (let id = 1; id < this.btf.typeCount; id++) {
      if (this.btf.kind(id) !== kind) continue;
      const name = this.btf.nameOf(id);
      if (name !== '') yield name;
    }
  }

  private *typeNames(): Generator<string> {
    for (let id = 1; id < this.btf.typeCount; id++) {
      const kind = this.btf.kind(id);
      const name = kind === 'struct' || kind === 'union' || kind === 'typedef' ? this.btf.nameOf(id) : '';
      if (name !== '') yield kind === 'typedef' ? name : `${kind} ${name}`;
    }
  }

  private *taggedFunctions(): Generator<string> {
    for (let id = 1; id < this.btf.typeCount; id++) {
      if (this.btf.kind(id) !== 'decl_tag' || this.btf.nameOf(id) !== 'bpf_kfunc') continue;
      const tag = this.btf.type(id);
      if (tag.kind === 'decl_tag') yield this.btf.nameOf(tag.type);
    }
  }

  private readConstants(): Map<string, KernelConstant> {
    const found = new Map<string, KernelConstant>();
    for (let id = 1; id < this.btf.typeCount; id++) {
      const kind = this.btf.kind(id);
      if (kind !== 'enum' && kind !== 'enum64') continue;
      const type = this.btf.type(id);
      if (type.kind !== 'enum' && type.kind !== 'enum64') continue;
      const of = type.name === '' ? 'enum' : `enum ${type.name}`;
      for (const { name, value } of type.values) if (!found.has(name)) found.set(name, { name, value, of });
    }
    return found;
  }
}

function without(prefix: string, names: Iterable<string>): string[] {
  const found: string[] = [];
  for (const name of names) if (name.startsWith(prefix)) found.push(name.slice(prefix.length));
  return found;
}
