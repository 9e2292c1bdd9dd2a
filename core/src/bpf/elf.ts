/** Reader of the ELF objects that clang's BPF back end writes: 64 bit, little endian, relocatable. */
import { RingsideError } from '../errors.ts';
import { Bytes, malformed } from './bytes.ts';

/** Larger files are refused before anything in them is read. */
export const MAX_OBJECT_BYTES = 256 * 1024 * 1024;

export const SectionType = { null: 0, progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8, rel: 9 } as const;
export const SectionFlag = { write: 1, alloc: 2, exec: 4, compressed: 0x800 } as const;
export const SymbolType = { none: 0, object: 1, func: 2, section: 3, file: 4 } as const;
export const SymbolBinding = { local: 0, global: 1, weak: 2 } as const;
/** Relocation types of the BPF ABI. */
export const RelocationType = { none: 0, ld64: 1, abs64: 2, abs32: 3, nodyld32: 4, call32: 10 } as const;

const EM_NONE = 0;
const EM_BPF = 247;
const ET_REL = 1;
const SHN_LORESERVE = 0xff00;
const SHN_XINDEX = 0xffff;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;

export interface ElfSection {
  index: number;
  name: string;
  type: number;
  flags: number;
  size: number;
  /** A view of the file, no copy; empty for sections without bits (.bss). */
  data: Uint8Array;
  link: number;
  info: number;
  entrySize: number;
}

export interface ElfSymbol {
  index: number;
  name: string;
  type: number;
  binding: number;
  /** 0 default, 1 internal, 2 hidden, 3 protected. */
  visibility: number;
  /** Index of the section that it is defined in; 0 = undefined (extern); from 0xff00 on reserved (absolute, common). */
  section: number;
  /** Offset in its section, in bytes. */
  value: number;
  size: number;
}

export interface ElfRelocation {
  /** Byte offset in the relocated section. */
  offset: number;
  type: number;
  symbol: ElfSymbol;
  /** Explicit addend (RELA); 0 for REL, whose addend lies in the section's bytes. */
  addend: number;
}

export class Elf {
  readonly bytes: Uint8Array;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  #byName = new Map<string, ElfSection>();
  #relocations = new Map<number, ElfRelocation[]>();

  private constructor(bytes: Uint8Array, sections: ElfSection[], symbols: ElfSymbol[]) {
    this.bytes = bytes;
    this.sections = sections;
    this.symbols = symbols;
    for (const section of sections) if (!this.#byName.has(section.name)) this.#byName.set(section.name, section);
  }

  /** Reads a BPF object. Errors: `not-elf`, `not-bpf`, `object-malformed`. */
  static parse(bytes: Uint8Array): Elf {
    checkIdentity(bytes);
    const file = new Bytes(bytes, 'the ELF file');
    checkMachine(file);
    const sections = readSections(file);
    return new Elf(bytes, sections, readSymbols(sections));
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.#byName.get(name);
  }

  /** A section's bytes with its absolute relocations applied: a copy when there are any. Meant for debug sections. */
  relocated(section: ElfSection): Uint8Array {
    const tables = this.sections.filter((s) => isRelocations(s) && s.info === section.index);
    if (tables.length === 0) return section.data;
    // Not slice(): of a Buffer it is a view, and the object itself would be changed.
    const copy = new Bytes(Uint8Array.from(section.data), section.name);
    for (const table of tables) applyRelocations(table, copy, this.symbols);
    return copy.bytes;
  }

  /** Relocations that apply to a section, by ascending offset. */
  relocations(section: ElfSection): readonly ElfRelocation[] {
    let found = this.#relocations.get(section.index);
    if (!found) {
      found = [];
      for (const table of this.sections) {
        if (isRelocations(table) && table.info === section.index) readRelocations(table, section, this.symbols, found);
      }
      found.sort((a, b) => a.offset - b.offset);
      this.#relocations.set(section.index, found);
    }
    return found;
  }
}

/** Adds a table's absolute relocations to what stands in the section (REL keeps the addend in place). */
function applyRelocations(table: ElfSection, target: Bytes, symbols: readonly ElfSymbol[]): void {
  const explicit = table.type === SectionType.rela;
  const entry = explicit ? 24 : 16;
  const data = new Bytes(table.data, `the relocations of ${target.what}`);
  for (let at = 0; at + entry <= data.length; at += entry) {
    const offset = data.size64(at);
    const type = data.u32(at + 8);
    const symbol = symbols[data.u32(at + 12)];
    if (!symbol) throw malformed(`a relocation of ${target.what} names a symbol that is not there`);
    const addend = symbol.value + (explicit ? Number(data.i64(at + 16)) : 0);
    if (type === RelocationType.abs32 || type === RelocationType.nodyld32) {
      target.view.setUint32(offset, target.u32(offset) + addend, true);
    } else if (type === RelocationType.abs64) {
      target.view.setBigUint64(offset, target.u64(offset) + BigInt(addend), true);
    }
  }
}

/** True when the bytes start like an ELF file (of whatever machine). */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

function checkIdentity(bytes: Uint8Array): void {
  if (!isElf(bytes)) {
    throw new RingsideError('not-elf', 'This file is not an ELF object.', {
      remedy: 'Give a .bpf.c source or the .o file that clang -target bpf made of it.',
    });
  }
  if (bytes.length > MAX_OBJECT_BYTES) {
    throw new RingsideError('object-malformed', `This object is larger than ${MAX_OBJECT_BYTES >> 20} MiB.`, {
      remedy: 'Remove its debug information (llvm-strip -g) or build it without it.',
    });
  }
  if (bytes[4] === 1) throw notBpf('a 32-bit ELF file; BPF objects are 64-bit');
  if (bytes[5] === 2) {
    throw notBpf(
      'a big-endian ELF file; Ringside runs little-endian objects only',
      'Build it with -target bpf (bpfel).',
    );
  }
  if (bytes[4] !== 2 || bytes[5] !== 1) throw malformed('its ELF class or byte order is unknown');
}

function notBpf(what: string, remedy = 'Build the source with clang -target bpf.'): RingsideError {
  return new RingsideError('not-bpf', `This is ${what}.`, { remedy });
}

const machineNames: Record<number, string> = {
  3: 'x86',
  40: 'ARM',
  62: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  22: 's390',
};

function checkMachine(file: Bytes): void {
  const machine = file.u16(18);
  if (machine !== EM_BPF && machine !== EM_NONE) {
    throw notBpf(`an ELF file for ${machineNames[machine] ?? `machine ${machine}`}, not for BPF`);
  }
  if (file.u16(16) !== ET_REL) throw notBpf('an ELF file that is not relocatable; BPF objects are');
}

function readSections(file: Bytes): ElfSection[] {
  file.check(0, 64);
  const tableOffset = file.size64(40);
  if (tableOffset === 0) throw malformed('it has no section table');
  if (file.u16(58) !== SECTION_HEADER_BYTES) throw malformed('its section headers have an impossible size');
  let count = file.u16(60);
  if (count === 0) count = file.size64(tableOffset + 32); // more than 0xff00 sections: the count is in section 0
  file.check(tableOffset, count * SECTION_HEADER_BYTES);
  let namesIndex = file.u16(62);
  if (namesIndex === SHN_XINDEX) namesIndex = file.u32(tableOffset + 40);

  const sections: ElfSection[] = [];
  const nameOffsets: number[] = [];
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * SECTION_HEADER_BYTES;
    const type = file.u32(at + 4);
    const size = type === SectionType.null ? 0 : file.size64(at + 32);
    const hasBits = type !== SectionType.nobits && type !== SectionType.null;
    nameOffsets.push(file.u32(at));
    sections.push({
      index,
      name: '',
      type,
      flags: Number(file.u64(at + 8) & 0xffffffffn),
      size,
      data: hasBits ? file.slice(file.size64(at + 24), size) : new Uint8Array(0),
      link: file.u32(at + 40),
      info: file.u32(at + 44),
      entrySize: file.size64(at + 56),
    });
  }
  const names = sections[namesIndex];
  if (!names) throw malformed('its table of section names is missing');
  const nameBytes = new Bytes(names.data, 'the table of section names');
  let decoded = 0;
  for (const section of sections) {
    if (section.index === 0) continue;
    section.name = nameBytes.cString(nameOffsets[section.index]!);
    decoded += section.name.length;
    if (decoded > 8 * (nameBytes.length + count * SECTION_HEADER_BYTES)) throw malformed('its section names overlap');
  }
  return sections;
}

function readSymbols(sections: ElfSection[]): ElfSymbol[] {
  const table = sections.find((s) => s.type === SectionType.symtab);
  if (!table) return [];
  const strings = sections[table.link];
  if (!strings) throw malformed('its symbol table has no strings');
  const names = new Bytes(strings.data, 'the table of symbol names');
  const data = new Bytes(table.data, 'the symbol table');
  if (data.length % SYMBOL_BYTES !== 0) throw malformed('its symbol table has an impossible size');
  const symbols: ElfSymbol[] = [];
  let nameBytes = 0;
  for (let at = 0; at < data.length; at += SYMBOL_BYTES) {
    const info = data.u8(at + 4);
    const section = data.u16(at + 6);
    if (section >= sections.length && section < SHN_LORESERVE)
      throw malformed('a symbol lies in a section that is not there');
    const name = names.cString(data.u32(at));
    nameBytes += name.length;
    // Names may share their ends, but not so much that a small file fills the memory.
    if (nameBytes > 8 * (names.length + data.length)) throw malformed('its symbol names overlap');
    symbols.push({
      index: at / SYMBOL_BYTES,
      name,
      type: info & 15,
      binding: info >> 4,
      visibility: data.u8(at + 5) & 3,
      section,
      value: data.size64(at + 8),
      size: data.size64(at + 16),
    });
  }
  return symbols;
}

function isRelocations(section: ElfSection): boolean {
  return section.type === SectionType.rel || section.type === SectionType.rela;
}

function readRelocations(
  table: ElfSection,
  target: ElfSection,
  symbols: readonly ElfSymbol[],
  out: ElfRelocation[],
): void {
  const explicit = table.type === SectionType.rela;
  const entry = explicit ? 24 : 16;
  const data = new Bytes(table.data, `the relocations of ${target.name}`);
  if (data.length % entry !== 0) throw malformed(`${data.what} have an impossible size`);
  for (let at = 0; at < data.length; at += entry) {
    const offset = data.size64(at);
    const symbol = symbols[data.u32(at + 12)];
    if (!symbol) throw malformed(`a relocation of ${target.name} names a symbol that is not there`);
    if (offset >= target.size) throw malformed(`a relocation of ${target.name} points outside it`);
    out.push({ offset, type: data.u32(at + 8), symbol, addend: explicit ? Number(data.i64(at + 16)) : 0 });
  }
}
