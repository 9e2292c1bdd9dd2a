/** BTF: the compact type information of kernels and BPF objects (Documentation/bpf/btf.rst). */
import { Bytes, malformed } from './bytes.ts';
import {
  decodeType,
  extraBytes,
  KIND_NAMES,
  type BtfKind,
  type BtfLayout,
  type BtfType,
  type BtfModifier,
} from './btfTypes.ts';
import { declaration } from './cNames.ts';
import { resolveType, typeSize } from './typeGraph.ts';

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
/** From Linux 7.1 on the header may also name a table of how long each kind's entry is. */
const LAYOUT_HEADER_BYTES = 32;
const TYPE_BYTES = 12;

/**
 * One BTF blob, or a split one on top of its base. Types are decoded when asked for; ids run from 0 (void) to
 * typeCount - 1, those of a base first.
 */
export class Btf {
  readonly base: Btf | null;
  /** Ids in use, void and the base's included. */
  readonly typeCount: number;
  /** Bytes of this blob's string section. */
  readonly stringBytes: number;
  readonly firstId: number;
  readonly #firstString: number;
  readonly #types: Bytes;
  /** Where the type section begins. */
  readonly #typesStart: number;
  readonly #strings: Bytes;
  /** Offset of each own type in the type section. */
  readonly #offsets: Uint32Array;
  readonly #cache: (BtfType | undefined)[];
  readonly #names = new Map<number, string>();
  readonly #nameAt = (offset: number): string => this.name(offset);
  #nameBytes = 0;
  #byName: Map<string, number[]> | null = null;

  private constructor(base: Btf | null, types: Bytes, typesStart: number, strings: Bytes, offsets: Uint32Array) {
    this.base = base;
    this.firstId = base ? base.typeCount : 1;
    this.#firstString = base ? base.#firstString + base.stringBytes : 0;
    this.#types = types;
    this.#typesStart = typesStart;
    this.#strings = strings;
    this.#offsets = offsets;
    // Filled in any order: an array that grew with it would become a dictionary.
    this.#cache = new Array<BtfType | undefined>(offsets.length);
    this.stringBytes = strings.length;
    this.typeCount = this.firstId + offsets.length;
  }

  /** Reads raw BTF: /sys/kernel/btf/vmlinux, a module's (with vmlinux as base), or a .BTF section. Error: `object-malformed`. */
  static parse(bytes: Uint8Array, base: Btf | null = null): Btf {
    const all = new Bytes(bytes, 'BTF');
    const magic = all.u16(0);
    if (magic === 0x9feb) throw malformed('its BTF is big-endian');
    if (magic !== MAGIC) throw malformed('its BTF does not begin with the BTF magic number');
    if (all.u8(2) !== 1) throw malformed(`its BTF has the unknown version ${all.u8(2)}`);
    const headerBytes = all.u32(4);
    if (headerBytes < HEADER_BYTES) throw malformed('its BTF header is too short');
    all.check(0, headerBytes);
    const part = (at: number, what: string) => new Bytes(all.slice(headerBytes + all.u32(at), all.u32(at + 4)), what);
    const types = part(8, 'the BTF type section');
    const strings = part(16, 'the BTF string section');
    if (strings.length > 0 && strings.u8(strings.length - 1) !== 0) throw malformed('its BTF strings have no end');
    if (!base && strings.length > 0 && strings.u8(0) !== 0)
      throw malformed('its BTF strings do not begin with the empty one');
    const layout = headerBytes >= LAYOUT_HEADER_BYTES ? part(24, 'the BTF layout section') : null;
    return new Btf(base, types, headerBytes + all.u32(8), strings, indexTypes(types, layout));
  }

  /** The decoded type. Id 0 is void. Error: `object-malformed` for an id that does not exist. */
  type(id: number): BtfType {
    if (id === 0) return { kind: 'void', id: 0, name: '' };
    if (id < this.firstId && this.base) return this.base.type(id);
    const index = id - this.firstId;
    const known = this.#cache[index];
    if (known) return known;
    const offset = this.#offsets[index];
    if (offset === undefined) throw malformed(`BTF type ${id} does not exist`);
    const type = decodeType(this.#types, offset, id, this.#nameAt);
    this.#cache[index] = type;
    return type;
  }

  /** The kind alone, without decoding the type. */
  kind(id: number): BtfKind {
    if (id === 0) return 'void';
    if (id < this.firstId && this.base) return this.base.kind(id);
    const offset = this.#offsets[id - this.firstId];
    if (offset === undefined) throw malformed(`BTF type ${id} does not exist`);
    return KIND_NAMES[kindNumber(this.#types.view.getUint32(offset + 4, true))] ?? 'unknown';
  }

  /** Where an own type stands in its section (.BTF), in bytes. Error: `object-malformed` for an id that does not exist. */
  offsetOf(id: number): number {
    const offset = this.#offsets[id - this.firstId];
    if (offset === undefined) throw malformed(`BTF type ${id} does not exist`);
    return this.#typesStart + offset;
  }

  /** The name alone, without decoding the type: kernels have a hundred thousand. */
  nameOf(id: number): string {
    if (id === 0) return '';
    if (id < this.firstId && this.base) return this.base.nameOf(id);
    const offset = this.#offsets[id - this.firstId];
    if (offset === undefined) throw malformed(`BTF type ${id} does not exist`);
    return this.name(this.#types.view.getUint32(offset, true));
  }

  /** The string at an offset of the string section (the base's strings come first). */
  name(offset: number): string {
    if (offset < this.#firstString && this.base) return this.base.name(offset);
    if (offset === 0) return '';
    let name = this.#names.get(offset);
    if (name === undefined) {
      name = this.#strings.cString(offset - this.#firstString);
      this.#nameBytes += name.length;
      if (this.#nameBytes > 4 * this.#strings.length + 65536) throw malformed('its BTF strings overlap');
      this.#names.set(offset, name);
    }
    return name;
  }

  /** The id of the first type with that name and kind; null if there is none. Own types are preferred to the base's. */
  findByNameKind(name: string, kind: BtfKind): number | null {
    for (const id of this.findByName(name)) if (this.kind(id) === kind) return id;
    return null;
  }

  /** Ids of all types with that name, own ones before the base's. */
  findByName(name: string): number[] {
    this.#byName ??= this.#indexNames();
    const own = this.#byName.get(name) ?? [];
    return this.base ? [...own, ...this.base.findByName(name)] : own;
  }

  /**
   * As `findByName`, without the index of all names that it makes and keeps: for BTF that is asked about few names. Takes
   * about a millisecond for a kernel's.
   */
  scan(name: string): number[] {
    const wanted = new Set(this.#offsetsOf(name));
    const found: number[] = [];
    const { view } = this.#types;
    for (let index = 0; wanted.size > 0 && index < this.#offsets.length; index++) {
      if (wanted.has(view.getUint32(this.#offsets[index]!, true))) found.push(this.firstId + index);
    }
    return this.base ? [...found, ...this.base.scan(name)] : found;
  }

  /** Bytes of its own types and strings. */
  get bytes(): number {
    return this.#types.length + this.#strings.length;
  }

  /** False where nothing in this BTF has the name: no type, member, parameter or enumerator. */
  hasName(name: string): boolean {
    return this.#offsetsOf(name).length > 0 || (this.base?.hasName(name) ?? false);
  }

  /** Where a name stands in the strings; also as the end of a longer one, which a linker may share. */
  #offsetsOf(name: string): number[] {
    const needle = Buffer.from(`${name}\0`);
    const found: number[] = [];
    if (name === '' || name.includes('\0')) return found;
    for (let at = this.#strings.indexOf(needle, 0); at >= 0; at = this.#strings.indexOf(needle, at + 1)) {
      found.push(at + this.#firstString);
    }
    return found;
  }

  /** Follows typedefs, modifiers and type tags to the type that stores. */
  resolve(id: number): Exclude<BtfType, BtfModifier> {
    return resolveType(this, id);
  }

  /** Bytes that a value of the type takes; 0 for void, functions and forward declarations. */
  sizeOf(id: number): number {
    return typeSize(this, id);
  }

  /** The C spelling: "struct event", "char[16]", "__u32", "struct sock *". */
  cName(id: number): string {
    return declaration(this, id, '');
  }

  /** The C declaration of `name` with that type, without the semicolon: "char comm[16]", "int (*cb)(void *)". */
  cDeclaration(id: number, name: string): string {
    return declaration(this, id, name);
  }

  #indexNames(): Map<string, number[]> {
    // First group by the name's offset, so that each string is decoded once.
    const byOffset = new Map<number, number[]>();
    for (let index = 0; index < this.#offsets.length; index++) {
      const nameOffset = this.#types.view.getUint32(this.#offsets[index]!, true);
      if (nameOffset === 0) continue;
      const ids = byOffset.get(nameOffset);
      if (ids) ids.push(this.firstId + index);
      else byOffset.set(nameOffset, [this.firstId + index]);
    }
    const byName = new Map<string, number[]>();
    for (const [offset, ids] of byOffset) {
      const name = this.name(offset);
      const others = byName.get(name);
      byName.set(name, others ? [...others, ...ids].sort((a, b) => a - b) : ids);
    }
    return byName;
  }
}

/** Kind and vlen have grown into bits that were reserved (and zero) before. */
function kindNumber(info: number): number {
  return (info >>> 24) & 0x7f;
}

/** One pass over the type section that notes where each type begins and checks that it ends inside. */
function indexTypes(types: Bytes, layout: Bytes | null): Uint32Array {
  const offsets = new Uint32Array(Math.floor(types.length / TYPE_BYTES));
  const layouts = layout ? readLayouts(layout) : [];
  const view = types.view;
  const end = types.length;
  let count = 0;
  for (let at = 0; at < end;) {
    if (at + TYPE_BYTES > end) throw malformed('its BTF type section is cut short');
    const info = view.getUint32(at + 4, true);
    const kind = kindNumber(info);
    const extra = extraBytes(kind, info & 0xffffff, layouts[kind]);
    if (extra < 0) throw malformed(`its BTF holds a kind of type that is not known (${kind})`);
    offsets[count++] = at;
    at += TYPE_BYTES + extra;
    if (at > end) throw malformed('its BTF type section is cut short');
  }
  return offsets.subarray(0, count);
}

function readLayouts(layout: Bytes): BtfLayout[] {
  const layouts: BtfLayout[] = [];
  for (let at = 0; at + 4 <= layout.length; at += 4) layouts.push({ info: layout.u8(at), element: layout.u8(at + 1) });
  return layouts;
}
