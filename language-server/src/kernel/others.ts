/**
 * The further hosts that a program is written for, beside the one that everything is completed from: asked about what the
 * source uses, and no more. Hosts with one kernel share its types; what nobody has chosen any more is let go.
 */
import { readFile } from 'node:fs/promises';
import { Btf } from '@ringside/core/bpf';
import type { OtherTarget } from '../protocol.ts';
import { Kernel } from './kernel.ts';

export interface OtherHost {
  name: string;
  release: string | null;
  /** True when the host is not connected now. */
  cached: boolean;
  /** null where its types are not known. */
  kernel: LeanKernel | null;
  points: LeanPoints | null;
}

export interface FieldFacts {
  declaration: string;
  bitOffset: number;
  bitSize: number;
  size: number;
  /** "int", "struct path", "struct dentry *", "array": what decides how it is read. */
  shape: string;
}

export interface TypeFacts {
  kind: 'struct' | 'union' | 'enum' | 'typedef';
  size: number;
  /** Of structs and unions, those of anonymous members included. */
  fields: ReadonlyMap<string, FieldFacts>;
  /** Of enums. */
  values: ReadonlyMap<string, bigint>;
}

/** Types that one source uses; more are forgotten and read again. */
const MAX_KEPT = 512;

/** A kernel that is asked about few names: without the index of all, which is larger than the types themselves. */
export class LeanKernel {
  private readonly kernel: Kernel;
  private readonly known = new Map<string, TypeFacts | null>();
  private readonly functions = new Map<string, boolean>();

  constructor(readonly btf: Btf) {
    this.kernel = new Kernel(btf);
  }

  /** Of "struct task_struct", "enum bpf_func_id" or a typedef; null where the kernel has none. */
  type(name: string): TypeFacts | null {
    let facts = this.known.get(name);
    if (facts === undefined) {
      if (this.known.size >= MAX_KEPT) this.known.clear();
      facts = this.read(name);
      this.known.set(name, facts);
    }
    return facts;
  }

  hasFunction(name: string): boolean {
    let has = this.functions.get(name);
    if (has === undefined) {
      if (this.functions.size >= MAX_KEPT) this.functions.clear();
      has = this.btf.scan(name).some((id) => this.btf.kind(id) === 'func');
      this.functions.set(name, has);
    }
    return has;
  }

  /** Whether anything in its types has the name. */
  hasName(name: string): boolean {
    return this.btf.hasName(name);
  }

  private read(name: string): TypeFacts | null {
    const [, keyword, tag] = /^(struct|union|enum) (\w+)$/.exec(name) ?? [];
    const wanted = keyword === undefined ? ['typedef', 'int'] : keyword === 'enum' ? ['enum', 'enum64'] : [keyword];
    const id = this.btf.scan(tag ?? name).find((each) => wanted.includes(this.btf.kind(each)));
    return id === undefined ? null : factsOf(this.kernel, id);
  }
}

/** What is compared of a type of any kernel. */
export function factsOf(kernel: Kernel, id: number): TypeFacts {
  const { btf } = kernel;
  const kind = btf.kind(id);
  const type = btf.type(id);
  const fields = new Map<string, FieldFacts>();
  if (kind === 'struct' || kind === 'union') {
    for (const { name, type: of, bitOffset, bitSize } of kernel.fields(id) ?? []) {
      const shape = bitSize > 0 ? 'bit field' : shapeOf(btf, of);
      fields.set(name, {
        declaration: btf.cDeclaration(of, name),
        ...{ bitOffset, bitSize, size: btf.sizeOf(of), shape },
      });
    }
  }
  const values = new Map<string, bigint>();
  if (type.kind === 'enum' || type.kind === 'enum64') {
    for (const { name, value } of type.values) values.set(name, value);
  }
  const shown = kind === 'struct' || kind === 'union' ? kind : values.size > 0 ? 'enum' : 'typedef';
  return { kind: shown, size: btf.sizeOf(id), fields, values };
}

/** How a value of the type is read: "int", "struct path", "struct dentry *", "ptr", "array". */
export function shapeOf(btf: Btf, id: number): string {
  const type = btf.resolve(id);
  if (type.kind === 'enum' || type.kind === 'enum64') return 'int';
  if (type.kind === 'struct' || type.kind === 'union') return `${type.kind} ${type.name}`.trim();
  if (type.kind !== 'ptr') return type.kind;
  const target = btf.resolve(type.type);
  const isNamed = (target.kind === 'struct' || target.kind === 'union' || target.kind === 'fwd') && target.name !== '';
  return isNamed ? `struct ${target.name} *` : 'ptr';
}

/** What a host lists, as one text a kind: a kernel has 60,000 functions, and a program asks about a few. */
export class LeanPoints {
  /** Each list with a line break around every name; null where the host could not list them. */
  private constructor(
    private readonly tracepoints: string | null,
    private readonly kprobes: string | null,
  ) {}

  /** The file comes from the extension's own cache, which anything may have damaged. */
  static parse(text: string): LeanPoints {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new Error('the list of attach points is no object');
    const { tracepoints, kprobes } = value as Record<string, unknown>;
    const lines = (names: unknown[]): string | null => {
      const found = names.filter((name) => typeof name === 'string');
      return found.length === 0 ? null : `\n${found.join('\n')}\n`;
    };
    const events = (Array.isArray(tracepoints) ? (tracepoints as unknown[]) : []).map(
      (each) => ((each ?? {}) as Record<string, unknown>)['name'],
    );
    return new LeanPoints(lines(events), lines(Array.isArray(kprobes) ? (kprobes as unknown[]) : []));
  }

  /** CATEGORY/NAME; null where it is not known. */
  hasTracepoint(name: string): boolean | null {
    return this.tracepoints === null ? null : this.tracepoints.includes(`\n${name.replace('/', ':')}\n`);
  }

  hasKprobe(name: string): boolean | null {
    return this.kprobes === null ? null : this.kprobes.includes(`\n${name}\n`);
  }
}

/** Of all further kernels together: about eight distributions' kernels. */
const MAX_BYTES = 64 << 20;

/** Reads further hosts; keeps kernels by their file, whose name is the hash of what is in it, while they are chosen. */
export class OtherHosts {
  private kernels = new Map<string, LeanKernel>();

  constructor(
    private readonly log: (message: string) => void,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  /** `first`: the first host's kernel with its file, which is not read again. Never rejects. */
  async read(targets: readonly OtherTarget[], first: { path: string | null; btf: Btf | null }): Promise<OtherHost[]> {
    const before = this.kernels;
    this.kernels = new Map();
    if (first.path !== null && first.btf) this.kernels.set(first.path, new LeanKernel(first.btf));
    let bytes = 0;
    const hosts: OtherHost[] = [];
    for (const { host, kernel, btf, targets: list, cached } of targets) {
      let types = btf === null ? null : (this.kernels.get(btf) ?? before.get(btf) ?? null);
      const isShared = btf !== null && this.kernels.has(btf);
      if (btf !== null && !types) types = await this.attempt(host, () => readKernel(btf));
      if (types && !isShared) bytes += types.btf.bytes;
      if (types && !isShared && bytes > this.maxBytes) {
        this.log(`${host} is not compared: the kernels of the chosen hosts need too much memory together`);
        bytes -= types.btf.bytes;
        types = null;
      }
      if (btf !== null && types) this.kernels.set(btf, types);
      const points =
        list === null ? null : await this.attempt(host, async () => LeanPoints.parse(await readFile(list, 'utf8')));
      hosts.push({ name: host, release: kernel, cached, kernel: types, points });
    }
    return hosts;
  }

  private async attempt<T>(host: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      this.log(`what ${host} offers could not be read: ${String(error)}`);
      return null;
    }
  }
}

async function readKernel(path: string): Promise<LeanKernel> {
  return new LeanKernel(Btf.parse(await readFile(path)));
}
