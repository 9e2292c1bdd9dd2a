/** Removes DWARF from an object before it is sent to a host: 640 KB become 28 KB; BTF, symbols and code stay. */
import { Elf, malformed, SectionType, SymbolType, type ElfSection } from '../bpf/index.ts';

const ELF_HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const SHT_GROUP = 17;
const SHT_SYMTAB_SHNDX = 18;
const SHT_LLVM_ADDRSIG = 0x6fff4c03;
const FIRST_RESERVED_INDEX = 0xff00;

/**
 * The object without `.debug_*` sections, their relocations and their section symbols, as `llvm-strip -g` makes it. An
 * object without DWARF comes back as it is. Errors: `not-elf`, `not-bpf`, `object-malformed`.
 */
export function stripDwarf(bytes: Uint8Array): Uint8Array {
  const elf = Elf.parse(bytes);
  const removed = new Set(elf.sections.filter((s) => isDebug(s.name)).map((s) => s.index));
  for (const s of elf.sections) if (isRelocation(s) && removed.has(s.info)) removed.add(s.index);
  // More than 65,000 sections: not worth a second symbol table for what no compiler writes.
  if (removed.size === 0 || elf.sections.some((s) => s.type === SHT_SYMTAB_SHNDX)) return bytes;

  const kept = elf.sections.filter((s) => !removed.has(s.index));
  const sectionIndex = renumber(elf.sections.length, (i) => !removed.has(i));
  const symtab = elf.sections.find((s) => s.type === SectionType.symtab);
  const symbolIndex = renumber(elf.symbols.length, (i) => {
    const { section, type } = elf.symbols[i]!;
    return !removed.has(section) && type !== SymbolType.file;
  });

  const contents = new Map<number, Uint8Array>();
  for (const section of kept) {
    if (section === symtab) contents.set(section.index, keepSymbols(section, symbolIndex, sectionIndex));
    else if (isRelocation(section)) contents.set(section.index, repointRelocations(section, symbolIndex));
    else if (section.type === SHT_GROUP) contents.set(section.index, keepGroupMembers(section, sectionIndex));
    // An index of symbols by number for linkers, which would be wrong now and which libbpf does not read.
    else if (section.type === SHT_LLVM_ADDRSIG) contents.set(section.index, new Uint8Array(0));
    else contents.set(section.index, section.data);
  }
  return writeElf(
    bytes,
    kept,
    contents,
    (header, section) => {
      header.setUint32(40, sectionIndex[section.link] ?? 0, true);
      if (section === symtab) header.setUint32(44, localSymbols(section, symbolIndex), true);
      else if (isRelocation(section)) header.setUint32(44, sectionIndex[section.info] ?? 0, true);
      else if (section.type === SHT_GROUP) header.setUint32(44, symbolIndex[section.info] ?? 0, true);
    },
    sectionIndex,
  );
}

/**
 * The object with the line table of its DWARF emptied, and with it the text of every source that clang embedded there
 * (vmlinux.h alone is 3 MB). BTF has the lines that are asked for; sections and symbols stay as they are.
 */
export function withoutLineTable(bytes: Uint8Array): Uint8Array {
  const elf = Elf.parse(bytes);
  const emptied = new Set(elf.sections.filter((s) => /^\.debug_line(?:_str)?$/.test(s.name)).map((s) => s.index));
  if (emptied.size === 0) return bytes;
  const isEmptied = (s: ElfSection): boolean => emptied.has(s.index) || (isRelocation(s) && emptied.has(s.info));
  const contents = new Map(elf.sections.map((s) => [s.index, isEmptied(s) ? new Uint8Array(0) : s.data]));
  const same = Int32Array.from(elf.sections, (s) => s.index);
  return writeElf(bytes, elf.sections, contents, () => undefined, same);
}

function isDebug(name: string): boolean {
  return name.startsWith('.debug_') || name.startsWith('.zdebug_') || name === '.gdb_index';
}

function isRelocation(section: ElfSection): boolean {
  return section.type === SectionType.rel || section.type === SectionType.rela;
}

/** New number of every kept index, -1 for removed ones. */
function renumber(count: number, keep: (index: number) => boolean): Int32Array {
  const map = new Int32Array(count);
  let next = 0;
  for (let i = 0; i < count; i++) map[i] = keep(i) ? next++ : -1;
  return map;
}

function keepSymbols(symtab: ElfSection, symbolIndex: Int32Array, sectionIndex: Int32Array): Uint8Array {
  const rows: Uint8Array[] = [];
  symbolIndex.forEach((to, from) => {
    if (to < 0) return;
    const row = new Uint8Array(symtab.data.subarray(from * SYMBOL_BYTES, (from + 1) * SYMBOL_BYTES));
    const view = new DataView(row.buffer);
    const section = view.getUint16(6, true);
    if (section < FIRST_RESERVED_INDEX) view.setUint16(6, sectionIndex[section]!, true);
    rows.push(row);
  });
  return Buffer.concat(rows);
}

/** sh_info of a symbol table: the index of the first symbol that is not local. */
function localSymbols(symtab: ElfSection, symbolIndex: Int32Array): number {
  let count = 0;
  for (let i = 0; i < symtab.info && i < symbolIndex.length; i++) if (symbolIndex[i]! >= 0) count++;
  return count;
}

function repointRelocations(table: ElfSection, symbolIndex: Int32Array): Uint8Array {
  const data = new Uint8Array(table.data); // a copy, also of a Buffer, whose slice() is a view
  const view = new DataView(data.buffer);
  const entry = table.type === SectionType.rela ? 24 : 16;
  for (let at = 0; at + entry <= data.length; at += entry) {
    const symbol = symbolIndex[view.getUint32(at + 12, true)];
    if (symbol === undefined || symbol < 0) throw malformed(`${table.name} refers to debug information`);
    view.setUint32(at + 12, symbol, true);
  }
  return data;
}

function keepGroupMembers(group: ElfSection, sectionIndex: Int32Array): Uint8Array {
  const from = new DataView(group.data.buffer, group.data.byteOffset, group.data.byteLength);
  const words: number[] = [];
  for (let at = 0; at + 4 <= group.data.length; at += 4) {
    const word = from.getUint32(at, true);
    if (at === 0) words.push(word);
    else if ((sectionIndex[word] ?? -1) >= 0) words.push(sectionIndex[word]!);
  }
  const data = new Uint8Array(words.length * 4);
  const view = new DataView(data.buffer);
  words.forEach((word, i) => view.setUint32(i * 4, word, true));
  return data;
}

/** Header, the sections' bytes at their alignment, section table; `patch` sets links in each new section header. */
function writeElf(
  original: Uint8Array,
  sections: readonly ElfSection[],
  contents: Map<number, Uint8Array>,
  patch: (header: DataView, section: ElfSection) => void,
  sectionIndex: Int32Array,
): Uint8Array {
  const from = new DataView(original.buffer, original.byteOffset, original.byteLength);
  const table = Number(from.getBigUint64(40, true));
  const headers = new Uint8Array(sections.length * SECTION_HEADER_BYTES);
  const places: { offset: number; data: Uint8Array }[] = [];
  let cursor = ELF_HEADER_BYTES;
  sections.forEach((section, i) => {
    const at = table + section.index * SECTION_HEADER_BYTES;
    const row = headers.subarray(i * SECTION_HEADER_BYTES, (i + 1) * SECTION_HEADER_BYTES);
    row.set(original.subarray(at, at + SECTION_HEADER_BYTES));
    if (section.type === SectionType.null) return;
    const header = new DataView(row.buffer, row.byteOffset, row.byteLength);
    const align = Math.min(Math.max(1, Number(header.getBigUint64(48, true))), 4096);
    cursor = Math.ceil(cursor / align) * align;
    header.setBigUint64(24, BigInt(cursor), true);
    patch(header, section);
    if (section.type === SectionType.nobits) return;
    const data = contents.get(section.index)!;
    header.setBigUint64(32, BigInt(data.length), true);
    places.push({ offset: cursor, data });
    cursor += data.length;
  });
  const tableOffset = Math.ceil(cursor / 8) * 8;
  const out = new Uint8Array(tableOffset + headers.length);
  out.set(original.subarray(0, ELF_HEADER_BYTES));
  for (const { offset, data } of places) out.set(data, offset);
  out.set(headers, tableOffset);
  const header = new DataView(out.buffer);
  header.setBigUint64(40, BigInt(tableOffset), true);
  header.setUint16(60, sections.length, true);
  header.setUint16(62, sectionIndex[from.getUint16(62, true)] ?? 0, true);
  return out;
}
