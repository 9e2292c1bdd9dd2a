/** Types of expressions and their members: the source's own types first, then the kernel's. */
import { evaluate } from './integers.ts';
import { closing, readSpecifier, splitAtCommas } from './declarators.ts';
import { Kind, lex, type Token } from './lexer.ts';
import type { CFunction, CLocal, CModel, CType, CVariable } from './model.ts';
import { coreReadMacros } from './place.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { World } from '../kernel/world.ts';

/** A type of the kernel's BTF, or one as the source writes it. */
export type TypeRef = { from: 'kernel'; id: number } | { from: 'source'; type: CType };

export interface Member {
  name: string;
  /** "char comm[16]" */
  declaration: string;
  type: TypeRef;
  /** Null in types of the source that hold what is not known. */
  bitOffset: number | null;
  bitSize: number;
  size: number | null;
  /** "struct task_struct" */
  owner: string;
  /** Where it is declared, in the source or one of its headers. */
  declared?: { model: CModel; start: number };
}

const MAX_STEPS = 64;
const POINTER = 8;
const sizes: Readonly<Record<string, number>> = {
  ...{
    char: 1,
    'signed char': 1,
    'unsigned char': 1,
    bool: 1,
    _Bool: 1,
    short: 2,
    'short int': 2,
    'unsigned short': 2,
  },
  ...{ int: 4, unsigned: 4, 'unsigned int': 4, signed: 4, long: 8, 'long int': 8, 'unsigned long': 8, 'long long': 8 },
  ...{ 'unsigned long long': 8, 'long unsigned int': 8, 'long long unsigned int': 8, 'short unsigned int': 2 },
  ...{ __u8: 1, __u16: 2, __u32: 4, __u64: 8, __s8: 1, __s16: 2, __s32: 4, __s64: 8, u8: 1, u16: 2, u32: 4, u64: 8 },
  ...{ s8: 1, s16: 2, s32: 4, s64: 8, __be16: 2, __be32: 4, __be64: 8, float: 4, double: 8 },
};

/** Members of the kernel's types, which a source asks for at every access. */
const memberLists = new WeakMap<Kernel, Map<number, Member[]>>();
const MAX_LISTS = 64;

export class Types {
  constructor(
    /** The source, then the headers that it includes. */
    private readonly models: readonly CModel[],
    private readonly world: World,
  ) {}

  private get kernel(): Kernel | null {
    return this.world.kernel;
  }

  /** The value of a constant, a #define or an enumerator. */
  constant(name: string, depth = 0): bigint | null {
    if (depth > 16) return null;
    for (const model of this.models) {
      const define = model.defines.get(name);
      if (define && !define.hasParameters) return this.value(define.value, depth + 1);
      const constant = model.constants.get(name);
      if (constant) return constant.value;
    }
    return this.kernel?.constants.get(name)?.value ?? null;
  }

  /** The value of a constant expression, sizeof(type) included. */
  value(text: string, depth = 0): bigint | null {
    const plain = text.replace(/\bsizeof\s*\(\s*([\w\s*]+?)\s*\)/g, (whole, name: string) => {
      const size = this.sizeOfText(name);
      return size === null ? whole : String(size);
    });
    return evaluate(plain, (name) => this.constant(name, depth + 1), depth);
  }

  /** Bytes of a type as it is written in a map's definition. */
  sizeOfText(text: string): number | null {
    const { tokens } = lex(text);
    const specifier = readSpecifier(tokens, 0, tokens.length);
    if (specifier === null) return null;
    let pointers = 0;
    const dims: string[] = [];
    for (let at = specifier.next; at < tokens.length; at++) {
      if (tokens[at]!.text === '*') pointers++;
      else if (tokens[at]!.text === '[') {
        const close = closing(tokens, at, tokens.length);
        dims.push(
          tokens
            .slice(at + 1, close)
            .map((token) => token.text)
            .join(' '),
        );
        at = close;
      } else return null;
    }
    return this.sizeOf({ base: specifier.base, pointers, dims });
  }

  /** Bytes of a type of the source; null where something of it is not known. */
  sizeOf(type: CType, steps = 0): number | null {
    if (steps > MAX_STEPS) return null;
    let count = 1;
    for (const dim of type.dims) {
      const length = dim === '' ? null : this.value(dim);
      if (length === null || length < 0n || length > 0x7fffffffn) return null;
      count *= Number(length);
    }
    if (type.callable || type.pointers > 0) return count * POINTER;
    const one = this.sizeOfBase(type.base, steps);
    return one === null ? null : one * count;
  }

  private sizeOfBase(base: string, steps: number): number | null {
    const known = sizes[base];
    if (known !== undefined) return known;
    const layout = this.layout(base, steps);
    if (layout) return layout.size;
    const typedef = this.typedef(base);
    if (typedef) return this.sizeOf(typedef, steps + 1);
    if (this.models.some((model) => model.structs.has(base))) return null;
    if (base.startsWith('enum ')) return 4;
    const id = this.kernel?.find(base) ?? null;
    return id === null ? null : this.kernel!.btf.sizeOf(id) || null;
  }

  private typedef(name: string): CType | null {
    for (const model of this.models) {
      const typedef = model.typedefs.get(name);
      if (typedef) return typedef.type;
    }
    return null;
  }

  private alignOf(type: CType, steps: number): number {
    if (type.pointers > 0 || type.callable) return POINTER;
    const known = sizes[type.base];
    if (known !== undefined) return known;
    const typedef = this.typedef(type.base);
    if (typedef && steps < MAX_STEPS) return this.alignOf(typedef, steps + 1);
    const layout = this.layout(type.base, steps + 1);
    if (layout) return layout.align;
    const size = this.sizeOfBase(type.base, steps + 1) ?? 8;
    return type.base.startsWith('enum ') ? 4 : size % 8 === 0 ? 8 : size % 4 === 0 ? 4 : size % 2 === 0 ? 2 : 1;
  }

  /** Offsets as the compiler lays a struct of the source out; null when a size is not known or there are bit fields. */
  private layout(name: string, steps: number): { size: number; align: number; offsets: number[] } | null {
    if (steps > MAX_STEPS) return null;
    const struct = this.struct(name);
    if (!struct) return null;
    const isUnion = name.startsWith('union');
    const offsets: number[] = [];
    let [at, align, largest] = [0, 1, 0];
    for (const field of struct.fields) {
      // What is flattened from an anonymous union shares its place, which is not kept here.
      if (field.type.qualifiers === 'bitfield' || struct.flattened) return null;
      const size = this.sizeOf(field.type, steps + 1);
      if (size === null) return null;
      const own = struct.packed ? 1 : this.alignOf({ ...field.type, dims: [] }, steps + 1);
      align = Math.max(align, own);
      at = Math.ceil(at / own) * own;
      offsets.push(isUnion ? 0 : at);
      largest = Math.max(largest, size);
      at += size;
    }
    return { size: Math.ceil((isUnion ? largest : at) / align) * align, align, offsets };
  }

  private struct(name: string) {
    for (const model of this.models) {
      const found = model.structs.get(name);
      if (found) return found;
    }
    return null;
  }

  /** The type of a name at a place; null when it is not known. */
  nameAt(name: string, at: number): TypeRef | null {
    const variable = this.variableAt(name, at);
    return variable && { from: 'source', type: variable.type };
  }

  variableAt(name: string, at: number): CVariable | null {
    const inside = this.functionAt(at);
    if (inside) {
      let local: CLocal | null = null;
      for (const each of inside.locals) {
        if (each.name === name && each.start <= at && at <= each.scopeEnd && each.scopeStart <= at) local = each;
      }
      const found = local ?? inside.parameters.find((parameter) => parameter.name === name);
      if (found) return found;
      if (name === 'ctx' && inside.macro !== '') {
        const base = /KPROBE|UPROBE|RETPROBE|KSYSCALL|USDT/.test(inside.macro)
          ? 'struct pt_regs'
          : 'unsigned long long';
        return { name, type: { base, pointers: 1, dims: [] }, start: inside.start };
      }
    }
    for (const model of this.models) {
      const found = model.variables.get(name);
      if (found) return found;
    }
    return null;
  }

  functionAt(at: number): CFunction | null {
    return this.models[0]!.functions.find((each) => each.bodyStart < at && at <= each.bodyEnd) ?? null;
  }

  /** The type behind pointers, or null when there is none or too many. */
  private composite(ref: TypeRef): TypeRef | null {
    let current = ref;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (current.from === 'kernel') {
        const type = this.kernel!.btf.resolve(current.id);
        if (type.kind === 'struct' || type.kind === 'union') return current;
        if (type.kind !== 'ptr' && type.kind !== 'array') return null;
        current = { from: 'kernel', id: type.type };
        continue;
      }
      const { type } = current;
      if (type.callable || type.pointers > 2) return null;
      const typedef = this.typedef(type.base);
      if (typedef) {
        current = { from: 'source', type: typedef };
        continue;
      }
      if (this.struct(type.base)) return { from: 'source', type: { ...type, pointers: 0, dims: [] } };
      const id = this.kernel?.find(type.base) ?? null;
      if (id === null) return null;
      current = { from: 'kernel', id };
    }
    return null;
  }

  /** Members of what a value is or points to; null when it has none, or is not known. */
  members(ref: TypeRef): Member[] | null {
    const target = this.composite(ref);
    if (target === null) return null;
    if (target.from === 'kernel') return this.kernelMembers(target.id);
    const struct = this.struct(target.type.base)!;
    const layout = this.layout(target.type.base, 0);
    const model = this.models.find((each) => each.structs.get(target.type.base) === struct);
    return struct.fields.map((field, index) => ({
      name: field.name,
      declaration: declarationOf(field.type, field.name),
      type: { from: 'source', type: field.type },
      bitOffset: layout ? layout.offsets[index]! * 8 : null,
      bitSize: 0,
      size: this.sizeOf(field.type),
      owner: struct.name.replace(/#\d+$/, ''),
      ...(model && { declared: { model, start: field.start } }),
    }));
  }

  private kernelMembers(id: number): Member[] {
    const known = memberLists.get(this.kernel!) ?? new Map<number, Member[]>();
    memberLists.set(this.kernel!, known);
    let list = known.get(id);
    if (!list) {
      if (known.size >= MAX_LISTS) known.clear();
      known.set(id, (list = this.readKernelMembers(id)));
    }
    return list;
  }

  private readKernelMembers(id: number): Member[] {
    const { btf } = this.kernel!;
    const resolved = btf.resolve(id);
    const owner = resolved.name === '' ? btf.cName(id) : `${resolved.kind} ${resolved.name}`;
    return (this.kernel!.fields(id) ?? []).map(({ name, type, bitOffset, bitSize }) => ({
      ...{ name, bitOffset, bitSize, owner, declaration: btf.cDeclaration(type, name), size: btf.sizeOf(type) },
      type: { from: 'kernel', id: type },
    }));
  }

  member(ref: TypeRef, name: string): Member | null {
    return this.members(ref)?.find((member) => member.name === name) ?? null;
  }

  /** The id of the kernel type that a value is or points to, for what is told of it. */
  kernelType(ref: TypeRef): number | null {
    const target = this.composite(ref);
    return target?.from === 'kernel' ? target.id : null;
  }

  /** The type of the expression in tokens [from, to); null when it is not known. */
  expression(tokens: readonly Token[], from: number, to: number, depth = 0): TypeRef | null {
    if (depth > MAX_STEPS || from >= to) return null;
    const first = tokens[from]!;
    if (first.text === '*' || first.text === '&' || first.text === '-' || first.text === '!') {
      return this.expression(tokens, from + 1, to, depth + 1);
    }
    let at: number;
    let current: TypeRef | null;
    if (first.text === '(') {
      const close = closing(tokens, from, to);
      const cast = this.cast(tokens, from + 1, close);
      if (cast) return cast;
      current = this.expression(tokens, from + 1, close, depth + 1);
      at = close + 1;
    } else if (first.kind === Kind.identifier) {
      if (tokens[from + 1]?.text === '(' && from + 1 < to) {
        const close = closing(tokens, from + 1, to);
        current = this.call(first, tokens, from + 2, close, depth);
        at = close + 1;
      } else {
        current = this.nameAt(first.text, first.start);
        at = from + 1;
      }
    } else return null;
    return current && this.postfix(current, tokens, at, to);
  }

  private postfix(start: TypeRef, tokens: readonly Token[], at: number, to: number): TypeRef | null {
    let current: TypeRef | null = start;
    while (at < to && current) {
      const text = tokens[at]!.text;
      if (text === '[') {
        current = this.element(current);
        at = closing(tokens, at, to) + 1;
      } else if (text === '->' || text === '.') {
        const name = tokens[at + 1];
        if (name?.kind !== Kind.identifier) return null;
        current = this.member(current, name.text)?.type ?? null;
        at += 2;
      } else break;
    }
    return current;
  }

  private element(ref: TypeRef): TypeRef | null {
    if (ref.from === 'kernel') {
      const type = this.kernel!.btf.resolve(ref.id);
      return type.kind === 'array' || type.kind === 'ptr' ? { from: 'kernel', id: type.type } : null;
    }
    const { type } = ref;
    if (type.dims.length > 0) return { from: 'source', type: { ...type, dims: type.dims.slice(1) } };
    return type.pointers > 0 ? { from: 'source', type: { ...type, pointers: type.pointers - 1 } } : null;
  }

  /** "(struct sock *)x": what the parentheses hold is a type with a star. */
  private cast(tokens: readonly Token[], from: number, close: number): TypeRef | null {
    const specifier = readSpecifier(tokens, from, close);
    if (!specifier) return null;
    const stars = tokens.slice(specifier.next, close);
    if (stars.some((token) => token.text !== '*')) return null;
    const isType = /^(struct|union) /.test(specifier.base) || stars.length > 0;
    return isType ? { from: 'source', type: { base: specifier.base, pointers: stars.length, dims: [] } } : null;
  }

  private call(name: Token, tokens: readonly Token[], from: number, to: number, depth: number): TypeRef | null {
    if (coreReadMacros.has(name.text)) {
      const [source, ...chain] = splitAtCommas(tokens, from, to);
      const start = source && this.expression(tokens, source[0], source[1], depth + 1);
      return start ? this.chain(start, tokens, chain) : null;
    }
    for (const model of this.models) {
      const own = model.functions.find((each) => each.name === name.text);
      if (own) return { from: 'source', type: own.returns };
    }
    const helper = this.world.helpers.get(name.text);
    if (helper) return this.textType(helper.returns);
    return this.kernelCall(name.text);
  }

  private textType(text: string): TypeRef | null {
    const { tokens } = lex(text);
    const specifier = readSpecifier(tokens, 0, tokens.length);
    if (!specifier) return null;
    const pointers = tokens.slice(specifier.next).filter((token) => token.text === '*').length;
    return { from: 'source', type: { base: specifier.base, pointers, dims: [] } };
  }

  private kernelCall(name: string): TypeRef | null {
    const id = this.kernel?.btf.findByNameKind(name, 'func') ?? null;
    const func = id === null ? null : this.kernel!.btf.type(id);
    const proto = func?.kind === 'func' ? this.kernel!.btf.resolve(func.type) : null;
    return proto?.kind === 'func_proto' && proto.type !== 0 ? { from: 'kernel', id: proto.type } : null;
  }

  /** BPF_CORE_READ(start, a, b.c, d): the type of what the last one names. */
  chain(start: TypeRef, tokens: readonly Token[], parts: readonly [number, number][]): TypeRef | null {
    let current: TypeRef | null = start;
    for (const [from, to] of parts) {
      const name = tokens[from];
      if (!current || name?.kind !== Kind.identifier) return null;
      const member = this.member(current, name.text);
      current = member && this.postfix(member.type, tokens, from + 1, to);
    }
    return current;
  }
}

/** A declaration in C, as the source would write it. */
export function declarationOf(type: CType, name: string): string {
  const base = type.base.replace(/#\d+$/, '');
  if (type.callable) return `${base} ${'*'.repeat(Math.max(0, type.pointers))}(*${name})(…)`;
  return `${base} ${'*'.repeat(type.pointers)}${name}${type.dims.map((dim) => `[${dim}]`).join('')}`;
}
