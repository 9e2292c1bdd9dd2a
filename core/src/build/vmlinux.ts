/**
 * Writes the C header of a kernel's types (vmlinux.h) from its BTF: what `bpftool btf dump file … format c` does, here
 * so that neither bpftool nor the kernel's own machine is needed.
 *
 * C wants a type complete before it is a member and at least declared before it is pointed to. So every definition is
 * preceded, recursively, by the definitions of what it holds by value and by forward declarations of what it points to.
 */
import type { Btf, BtfModifier, BtfType } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { cIdentifier, NameSpace } from './cIdentifiers.ts';
import { cIntegerSizes, enumMode, literal, normalInteger, sizedInteger, wellKnownInteger } from './cIntegers.ts';
import { CLayout, type LayoutItem, type RecordLayout } from './cLayout.ts';

/** Changes when the header's text for the same BTF changes: part of the cache key. */
export const vmlinuxWriterVersion = 2;

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;
type Enum = Extract<BtfType, { kind: 'enum' | 'enum64' }>;
type FuncProto = Extract<BtfType, { kind: 'func_proto' }>;

const enum State {
  none,
  busy,
  done,
}

const MAX_DEPTH = 512;
/** Members written for each type of the BTF, on average; kernels have five. */
const MAX_ITEMS_PER_TYPE = 32;

/** The text of vmlinux.h for a kernel's BTF. Error: `object-malformed` for BTF that contradicts itself. */
export function writeVmlinuxHeader(btf: Btf): string {
  return new HeaderWriter(btf).write();
}

class HeaderWriter {
  private readonly out = new Text();
  private readonly layout: CLayout;
  private readonly state: Uint8Array;
  /** Structs and unions whose forward declaration has been written. */
  private readonly declared: Uint8Array;
  private readonly names: string[];
  /** What `complete` and `declare` have done once has nothing left to do. */
  private readonly completed: Uint8Array;
  private readonly pointed: Uint8Array;
  private readonly tags = new NameSpace();
  // clang knows __builtin_va_list by itself, and its size for BPF is not the kernel's.
  private readonly ordinary = new NameSpace(['__builtin_va_list', '__int128_t', '__uint128_t']);
  private depth = 0;
  private fills = 0;
  private items = 0;

  constructor(private readonly btf: Btf) {
    this.layout = new CLayout(btf);
    this.state = new Uint8Array(btf.typeCount);
    this.declared = new Uint8Array(btf.typeCount);
    this.completed = new Uint8Array(btf.typeCount);
    this.pointed = new Uint8Array(btf.typeCount);
    this.names = new Array<string>(btf.typeCount);
    // void
    this.completed[0] = this.pointed[0] = 1;
  }

  write(): string {
    this.nameTags();
    const kfuncs: number[] = [];
    for (let id = 1; id < this.btf.typeCount; id++) {
      switch (this.btf.kind(id)) {
        case 'struct':
        case 'union':
        case 'typedef':
        case 'enum':
        case 'enum64':
          if (this.btf.nameOf(id) !== '') this.complete(id);
          break;
        case 'decl_tag': {
          const tag = this.btf.type(id);
          if (tag.kind === 'decl_tag' && tag.name === 'bpf_kfunc' && tag.component === -1) kfuncs.push(tag.type);
          break;
        }
        default:
      }
    }
    this.writeConstants();
    return `${prologue}${this.out.take()}${recordEpilogue}${this.kfuncs(kfuncs)}${epilogue}`;
  }

  /** Named types keep their names; a forward declaration shares the name of the first type that it can mean. */
  private nameTags(): void {
    const defined = new Map<string, string>();
    const forwards: Extract<BtfType, { kind: 'fwd' }>[] = [];
    for (let id = 1; id < this.btf.typeCount; id++) {
      const kind = this.btf.kind(id);
      if (kind !== 'struct' && kind !== 'union' && kind !== 'enum' && kind !== 'enum64' && kind !== 'fwd') continue;
      const type = kind === 'fwd' ? this.btf.type(id) : null;
      const own = this.btf.nameOf(id);
      if (type?.kind === 'fwd') forwards.push(type);
      else if (own !== '') {
        const name = (this.names[id] = this.tags.take(own));
        const key = `${kind} ${own}`;
        if (!defined.has(key)) defined.set(key, name);
      }
    }
    for (const type of forwards) {
      const key = `${type.union ? 'union' : 'struct'} ${type.name}`;
      let name = defined.get(key);
      if (name === undefined) defined.set(key, (name = this.tags.take(type.name)));
      this.names[type.id] = name;
    }
  }

  // ---- order ---------------------------------------------------------------------------------------------------------

  /** Writes everything that must stand before a value of the type can be declared. */
  private complete(id: number): void {
    if (this.completed[id] === 1) return;
    this.enter(id);
    const type = this.btf.type(id);
    switch (type.kind) {
      case 'typedef':
        this.defineTypedef(type);
        this.complete(type.type);
        break;
      case 'struct':
      case 'union':
        if (type.name !== '') this.defineRecord(type);
        else if (this.state[id] !== State.done) {
          for (const member of type.members) this.complete(member.type);
          this.state[id] = State.done;
        }
        break;
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
      case 'array':
        this.complete(type.type);
        break;
      default:
        this.declare(id);
    }
    this.depth--;
    this.completed[id] = 1;
  }

  /** Writes what must stand before the type can be pointed to, returned or taken as a parameter. */
  private declare(id: number): void {
    if (this.pointed[id] === 1) return;
    this.enter(id);
    const type = this.btf.type(id);
    switch (type.kind) {
      case 'struct':
      case 'union':
        if (type.name === '') this.complete(id);
        else this.forward(id, type.kind);
        break;
      case 'fwd':
        this.forward(id, type.union ? 'union' : 'struct');
        break;
      case 'typedef':
        this.defineTypedef(type);
        break;
      case 'enum':
      case 'enum64':
        if (type.name !== '') this.defineEnum(type);
        break;
      case 'int':
        this.defineInt(type);
        break;
      case 'array':
        this.complete(type.type);
        break;
      case 'ptr':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        this.declare(type.type);
        break;
      case 'func_proto':
        if (type.type !== 0) this.declare(type.type);
        for (const param of type.params) if (param.type !== 0) this.declare(param.type);
        break;
      default:
    }
    this.depth--;
    this.pointed[id] = 1;
  }

  private enter(id: number): void {
    if (++this.depth > MAX_DEPTH) throw contradiction(`type ${id} is nested too deeply`);
  }

  /** True when the definition is to be written now; false when it has been. */
  private begin(type: BtfType): boolean {
    if (this.state[type.id] === State.done) return false;
    if (this.state[type.id] === State.busy) throw contradiction(`${type.kind} ${type.name} contains itself`);
    this.state[type.id] = State.busy;
    return true;
  }

  private forward(id: number, keyword: 'struct' | 'union'): void {
    if (this.declared[id] === 1 || this.state[id] === State.done) return;
    this.declared[id] = 1;
    this.out.push(`${keyword} ${this.names[id]};\n\n`);
  }

  private defineTypedef(type: BtfModifier): void {
    if (!this.begin(type)) return;
    this.declare(type.type);
    const name = (this.names[type.id] = this.ordinary.take(type.name));
    this.out.push(`typedef ${this.declaration(type.type, name, 0)};\n\n`);
    this.state[type.id] = State.done;
  }

  private defineRecord(type: Composite): void {
    if (!this.begin(type)) return;
    for (const member of type.members) this.complete(member.type);
    this.fills = 0;
    this.out.push(`${type.kind} ${this.names[type.id]} ${this.body(type, 0)};\n\n`);
    this.state[type.id] = State.done;
  }

  private defineEnum(type: Enum): void {
    if (!this.begin(type)) return;
    this.out.push(`enum ${this.names[type.id]} ${this.enumBody(type, 0)};\n\n`);
    this.state[type.id] = State.done;
  }

  /** Integers that C has no name for (__Poly8_t, Rust's u8) become a typedef of the C type of that size. */
  private defineInt(type: Extract<BtfType, { kind: 'int' }>): void {
    if (this.state[type.id] === State.done) return;
    this.state[type.id] = State.done;
    const spelling = cIntegerSizes.get(normalInteger(type.name)) === type.size ? type.name : sizedInteger(type);
    if (spelling === type.name || wellKnownInteger(type.name)) {
      this.names[type.id] = spelling;
      return;
    }
    this.names[type.id] = this.ordinary.take(type.name);
    this.out.push(`typedef ${spelling} ${this.names[type.id]};\n\n`);
  }

  /** Enumerations without a name that nothing refers to: the kernel's constants. */
  private writeConstants(): void {
    for (let id = 1; id < this.btf.typeCount; id++) {
      const kind = this.btf.kind(id);
      if ((kind !== 'enum' && kind !== 'enum64') || this.state[id] === State.done) continue;
      const type = this.btf.type(id) as Enum;
      if (type.name === '' && type.values.length > 0) this.out.push(`enum ${this.enumBody(type, 0)};\n\n`);
    }
  }

  private kfuncs(ids: number[]): string {
    if (ids.length === 0) return '';
    const lines: string[] = [];
    for (const id of ids) {
      const func = this.btf.type(id);
      if (func.kind !== 'func' || cIdentifier(func.name) !== func.name) continue;
      this.declare(func.type);
      lines.push(`extern ${this.declaration(func.type, func.name, 0, true)} __weak __ksym;\n`);
    }
    // Forward declarations that only the prototypes needed come after the records, before the prototypes.
    const forwards = this.out.take();
    return `${forwards}${kfuncPrologue}${lines.join('')}${kfuncEpilogue}`;
  }

  // ---- text ----------------------------------------------------------------------------------------------------------

  private body(type: Composite, indent: number): string {
    const layout: RecordLayout = this.layout.record(type);
    // Records without a name are written out wherever they are used: damage could make that endless.
    this.items += layout.items.length;
    if (indent > MAX_DEPTH || this.items > this.btf.typeCount * MAX_ITEMS_PER_TYPE + 10_000)
      throw contradiction(`${type.kind} ${type.name} is too large`);
    const tabs = '\t'.repeat(indent + 1);
    let text = '{\n';
    for (const item of layout.items) text += `${tabs}${this.item(item, indent + 1)};\n`;
    return `${text}${'\t'.repeat(indent)}}${layout.packed ? ' __attribute__((packed))' : ''}`;
  }

  private item(item: LayoutItem, indent: number): string {
    if (item.kind === 'skip') return `${item.type}: ${item.bits}`;
    if (item.kind === 'fill') return `char __fill${++this.fills}[${item.bytes}]`;
    const { member } = item;
    const name = member.name === '' ? '' : cIdentifier(member.name);
    if (name === '' && !this.isAnonymousRecord(member.type))
      return `char __fill${++this.fills}[${this.btf.sizeOf(member.type)}]`;
    const text = this.declaration(member.type, name, indent);
    return item.bitSize > 0 ? `${text}: ${item.bitSize}` : text;
  }

  private isAnonymousRecord(id: number): boolean {
    const type = this.btf.type(id);
    return (type.kind === 'struct' || type.kind === 'union') && type.name === '';
  }

  private enumBody(type: Enum, indent: number): string {
    this.state[type.id] = State.done;
    const tabs = '\t'.repeat(indent + 1);
    let text = '{\n';
    for (const value of type.values) text += `${tabs}${this.ordinary.take(value.name)} = ${literal(value)},\n`;
    // C has no enumeration without values.
    if (type.values.length === 0) text += `${tabs}${this.ordinary.take(`${type.name || 'anonymous'}___empty`)},\n`;
    return `${text}${'\t'.repeat(indent)}}${enumMode(type)}`;
  }

  /** The declaration of `inner`; declarators grow from the inside out, as C reads them. */
  private declaration(id: number, inner: string, indent: number, paramNames = false): string {
    const type = this.btf.type(id);
    switch (type.kind) {
      case 'ptr': {
        const target = this.unqualified(type.type);
        const binds = target.kind === 'array' || target.kind === 'func_proto';
        return this.declaration(type.type, binds ? `(*${inner})` : `*${inner}`, indent, paramNames);
      }
      case 'array':
        return this.declaration(type.type, `${inner}[${type.count}]`, indent);
      case 'func_proto': {
        const parameters = this.parameters(type, indent, paramNames);
        return this.declaration(type.type, `${inner}(${parameters})`, indent);
      }
      case 'const':
      case 'volatile':
      case 'restrict': {
        const word = type.kind === 'restrict' ? '__restrict' : type.kind;
        if (this.unqualified(type.type).kind === 'ptr') {
          return this.declaration(type.type, inner === '' ? ` ${word}` : ` ${word} ${inner}`, indent, paramNames);
        }
        const qualified = this.declaration(type.type, inner, indent);
        // A const array of const elements has the word twice in BTF; C has it once.
        return qualified.startsWith(`${word} `) ? qualified : `${word} ${qualified}`;
      }
      case 'type_tag':
        return this.declaration(type.type, inner, indent, paramNames);
      default: {
        const base = this.base(type, indent);
        return inner === '' || inner.startsWith('[') || inner.startsWith(' ') ? base + inner : `${base} ${inner}`;
      }
    }
  }

  private parameters(proto: FuncProto, indent: number, names: boolean): string {
    if (proto.params.length === 0) return 'void';
    const last = proto.params.length - 1;
    return proto.params
      .map((param, i) => {
        if (param.type === 0 && i === last) return '...';
        return this.declaration(param.type, names && param.name !== '' ? cIdentifier(param.name) : '', indent);
      })
      .join(', ');
  }

  private base(type: BtfType, indent: number): string {
    switch (type.kind) {
      case 'void':
        return 'void';
      case 'struct':
      case 'union':
        if (type.name !== '') return `${type.kind} ${this.names[type.id]}`;
        return `${type.kind} ${this.body(type, indent)}`;
      case 'enum':
      case 'enum64':
        return type.name !== '' ? `enum ${this.names[type.id]}` : `enum ${this.enumBody(type, indent)}`;
      case 'fwd':
        return `${type.union ? 'union' : 'struct'} ${this.names[type.id]}`;
      case 'typedef':
      case 'int':
        return this.names[type.id] ?? cIdentifier(type.name);
      case 'float':
        return type.name;
      default:
        throw contradiction(`a ${type.kind} stands where a type is wanted`);
    }
  }

  private unqualified(id: number): BtfType {
    for (let steps = 0; steps < MAX_DEPTH; steps++) {
      const type = this.btf.type(id);
      if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict' && type.kind !== 'type_tag') {
        return type;
      }
      id = type.type;
    }
    throw contradiction(`type ${id} refers to itself`);
  }
}

/** Text that grows by pieces; joined now and then, so that the pieces do not live until the end. */
class Text {
  private pieces: string[] = [];
  private whole: string[] = [];

  push(piece: string): void {
    if (this.pieces.push(piece) >= 1024) this.join();
  }

  /** All of it; begins anew. */
  take(): string {
    this.join();
    const text = this.whole.join('');
    this.whole = [];
    return text;
  }

  private join(): void {
    this.whole.push(this.pieces.join(''));
    this.pieces = [];
  }
}

function contradiction(what: string): RingsideError {
  return new RingsideError('object-malformed', `The kernel's BTF is damaged: ${what}.`, {
    remedy: "Fetch the host's BTF again; if it stays like this, build with a vmlinux.h of your own beside the program.",
  });
}

// ---- frame of the header ---------------------------------------------------------------------------------------------

const prologue = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

`;
const recordEpilogue = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

`;
const kfuncPrologue = `#ifndef BPF_NO_KFUNC_PROTOTYPES
#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif

`;
const kfuncEpilogue = '\n#endif\n\n';
const epilogue = '#endif /* __VMLINUX_H__ */\n';

/** What stands around the declarations, for who takes the header apart. */
export const headerFrame = { prologue, recordEpilogue, kfuncPrologue, kfuncEpilogue, epilogue };
