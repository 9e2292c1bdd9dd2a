/**
 * A copy of an object that notes in a map which of its blocks have run. Its own instructions stay as they are: between
 * them stand marks, in registers that nobody reads at that place. Nothing in the file is moved; what changes is put at its
 * end.
 */
import { Bytes, decodeInsns, INSN_BYTES, malformed, BpfObject, Opcode, CallKind } from '../../bpf/index.ts';
import { RelocationType, SectionFlag, SectionType, SymbolType, type Elf, type ElfSection } from '../../bpf/index.ts';
import { CELL_BYTES, marksOf, Moved, withMarks, type Mark } from './marks.ts';

const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;

/** libbpf makes a map of it, as of every section whose name begins so. */
export const RAN_MAP = '.data.ran';

export interface MarkedObject {
  bytes: Uint8Array;
  cells: number;
  /** Which cell tells of an instruction, by the section's name and the slot in it; null where none does. */
  cellOf(section: string, slot: number): number | null;
}

/** Null for an object that cannot bear marks. Errors: `not-elf`, `object-malformed`. */
export function markObject(bytes: Uint8Array): MarkedObject | null {
  const object = BpfObject.parse(bytes);
  const { elf } = object;
  const sections = markedSections(object);
  const cells = [...sections.values()].reduce((sum, { marks }) => sum + marks.length, 0);
  if (cells === 0) return null;
  const writer = new Writer(bytes, elf);
  const ran = writer.addSection(RAN_MAP, new Uint8Array(cells * CELL_BYTES), {
    ...{ type: SectionType.progbits, flags: SectionFlag.alloc | SectionFlag.write, link: 0, info: 0 },
    ...{ align: CELL_BYTES, entry: 0 },
  });
  const symbol = writer.symbols(sections, ran);
  for (const { section, marks, moved } of sections.values()) {
    const code = codeOf(elf, section, marks, moved, sections);
    if (code === null) return null;
    writer.replace(section, code);
    writer.relocations(section, marks, moved, symbol);
  }
  writer.lines(sections);
  const byName = new Map([...sections.values()].map((one) => [one.section.name, one.marks]));
  return {
    bytes: writer.bytes(),
    cells,
    cellOf: (section, slot) => byName.get(section)?.find(({ from, to }) => slot >= from && slot <= to)?.cell ?? null,
  };
}

interface MarkedSection {
  section: ElfSection;
  /** By slot of the section. */
  marks: Mark[];
  moved: Moved;
}
type MarkedSections = ReadonlyMap<number, MarkedSection>;

function markedSections(object: BpfObject): MarkedSections {
  const sections = new Map<number, MarkedSection>();
  let cell = 0;
  for (const section of object.elf.sections) {
    const functions = object.functions.filter((fn) => fn.section === section);
    if (functions.length === 0) continue;
    const marks = functions.flatMap(({ offset, size }) => {
      const before = offset / INSN_BYTES;
      const found = marksOf(decodeInsns(section.data.subarray(offset, offset + size)), cell);
      cell += found.length;
      return found.map((m) => ({ ...m, slot: m.slot + before, from: m.from + before, to: m.to + before }));
    });
    marks.sort((a, b) => a.slot - b.slot);
    sections.set(section.index, { section, marks, moved: new Moved(marks) });
  }
  return sections;
}

/** The code of a section with its marks, and with calls and addresses of functions of any section led on. */
function codeOf(
  elf: Elf,
  section: ElfSection,
  marks: readonly Mark[],
  moved: Moved,
  sections: MarkedSections,
): Uint8Array | null {
  const relocations = elf.relocations(section);
  const code = withMarks(section.data, marks, moved, new Set(relocations.map(({ offset }) => offset / INSN_BYTES)));
  if (code === null) return null;
  const view = new DataView(code.buffer);
  const old = new Bytes(section.data, 'a program');
  for (const { offset, symbol } of relocations) {
    const target = sections.get(symbol.section);
    if (target === undefined) continue;
    const slot = offset / INSN_BYTES;
    const imm = old.i32(offset + 4);
    const symbolSlot = symbol.value / INSN_BYTES;
    const at = moved.at(slot) * INSN_BYTES + 4;
    const start = target.moved.start(symbolSlot);
    if (old.u8(offset) === Opcode.call && old.u8(offset + 1) >> 4 === CallKind.local)
      view.setInt32(at, target.moved.start(symbolSlot + imm + 1) - start - 1, true);
    else if (old.u8(offset) === Opcode.loadImm64)
      view.setInt32(at, (target.moved.start(symbolSlot + imm / INSN_BYTES) - start) * INSN_BYTES, true);
  }
  return code;
}

interface NewSection {
  type: number;
  flags: number;
  link: number;
  info: number;
  align: number;
  entry: number;
}

class Writer {
  readonly #elf: Elf;
  readonly #parts: Uint8Array[] = [];
  #end: number;
  readonly #headers: Uint8Array[] = [];
  #names: Uint8Array;
  readonly #nameSection: ElfSection;
  readonly #symtab: ElfSection;

  constructor(bytes: Uint8Array, elf: Elf) {
    this.#elf = elf;
    this.#parts.push(Uint8Array.from(bytes));
    this.#end = bytes.length;
    const file = new Bytes(bytes, 'the ELF file');
    const table = file.size64(40);
    for (const { index } of elf.sections)
      this.#headers.push(Uint8Array.from(file.slice(table + index * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES)));
    const names = elf.sections[file.u16(62)];
    const symtab = elf.sections.find(({ type }) => type === SectionType.symtab);
    if (!names || !symtab) throw malformed('it has no symbols, or no names of sections');
    this.#nameSection = names;
    this.#names = names.data;
    this.#symtab = symtab;
  }

  #append(data: Uint8Array): number {
    const offset = Math.ceil(this.#end / 8) * 8;
    this.#parts.push(new Uint8Array(offset - this.#end), data);
    this.#end = offset + data.length;
    return offset;
  }

  #place(index: number, data: Uint8Array): void {
    const row = this.#headers[index]!;
    const header = new DataView(row.buffer, row.byteOffset, row.byteLength);
    header.setBigUint64(24, BigInt(this.#append(data)), true);
    header.setBigUint64(32, BigInt(data.length), true);
  }

  replace(section: ElfSection, data: Uint8Array): void {
    this.#place(section.index, data);
  }

  addSection(name: string, data: Uint8Array, { type, flags, link, info, align, entry }: NewSection): number {
    const row = new Uint8Array(SECTION_HEADER_BYTES);
    const header = new DataView(row.buffer);
    header.setUint32(0, this.#names.length, true);
    this.#names = Buffer.concat([this.#names, Buffer.from(`${name}\0`)]);
    header.setUint32(4, type, true);
    header.setBigUint64(8, BigInt(flags), true);
    header.setUint32(40, link, true);
    header.setUint32(44, info, true);
    header.setBigUint64(48, BigInt(align), true);
    header.setBigUint64(56, BigInt(entry), true);
    const index = this.#headers.push(row) - 1;
    this.#place(index, data);
    return index;
  }

  /** Functions where they are now, and one more symbol: for the section with the cells. Gives its number. */
  symbols(sections: MarkedSections, ran: number): number {
    const rows = Buffer.concat([this.#symtab.data, new Uint8Array(SYMBOL_BYTES)]);
    for (const { index, section, type, value, size } of this.#elf.symbols) {
      const moved = sections.get(section)?.moved;
      if (moved === undefined || value % INSN_BYTES !== 0 || size % INSN_BYTES !== 0) continue;
      const [from, to] = [moved.start(value / INSN_BYTES), moved.start((value + size) / INSN_BYTES)];
      rows.writeBigUInt64LE(BigInt(from * INSN_BYTES), index * SYMBOL_BYTES + 8);
      if (type === SymbolType.func) rows.writeBigUInt64LE(BigInt((to - from) * INSN_BYTES), index * SYMBOL_BYTES + 16);
    }
    const at = this.#symtab.data.length;
    rows.writeUInt8(SymbolType.section, at + 4);
    rows.writeUInt16LE(ran, at + 6);
    this.replace(this.#symtab, rows);
    return at / SYMBOL_BYTES;
  }

  /** Relocations of a section with code where their instructions are now, and one for each mark. */
  relocations(section: ElfSection, marks: readonly Mark[], moved: Moved, symbol: number): void {
    const table = this.#elf.sections.find(({ type, info }) => type === SectionType.rel && info === section.index);
    const old = Buffer.from(table?.data ?? new Uint8Array(0));
    const rows = Buffer.alloc(old.length + marks.length * RELOCATION_BYTES);
    old.copy(rows);
    for (let at = 0; at + RELOCATION_BYTES <= old.length; at += RELOCATION_BYTES)
      rows.writeBigUInt64LE(BigInt(moved.at(Number(old.readBigUInt64LE(at)) / INSN_BYTES) * INSN_BYTES), at);
    marks.forEach(({ slot }, i) => {
      const at = old.length + i * RELOCATION_BYTES;
      rows.writeBigUInt64LE(BigInt(moved.start(slot) * INSN_BYTES), at);
      rows.writeUInt32LE(RelocationType.ld64, at + 8);
      rows.writeUInt32LE(symbol, at + 12);
    });
    if (table) this.replace(table, rows);
    else if (rows.length > 0)
      this.addSection(`.rel${section.name}`, rows, {
        ...{ type: SectionType.rel, flags: 0, link: this.#symtab.index, info: section.index },
        ...{ align: 8, entry: RELOCATION_BYTES },
      });
  }

  /** .BTF.ext, whose three tables name instructions by their offset in a section. */
  lines(sections: MarkedSections): void {
    const [btf, ext] = [this.#elf.section('.BTF'), this.#elf.section('.BTF.ext')];
    if (!btf || !ext) return;
    const types = new Bytes(btf.data, 'BTF');
    const strings = new Bytes(types.slice(types.u32(4) + types.u32(16), types.u32(20)), 'the BTF string section');
    const byName = new Map([...sections.values()].map((one) => [one.section.name, one.moved]));
    const out = Uint8Array.from(ext.data);
    const view = new DataView(out.buffer);
    const all = new Bytes(ext.data, 'BTF.ext');
    const header = all.u32(4);
    for (const field of header >= 32 ? [8, 16, 24] : [8, 16]) {
      const length = all.u32(field + 4);
      if (length === 0) continue;
      const start = header + all.u32(field);
      all.check(start, length);
      const record = all.u32(start);
      if (record < 8) throw malformed('its BTF.ext has an impossible record size');
      for (let at = start + 4; at + 8 <= start + length;) {
        const moved = byName.get(strings.cString(all.u32(at)));
        const count = all.u32(at + 4);
        all.check(at + 8, count * record);
        for (let i = 0; moved !== undefined && i < count; i++) {
          const entry = at + 8 + i * record;
          const slot = all.u32(entry) / INSN_BYTES;
          // A relocation is about its instruction; a line or a function begins with the mark.
          view.setUint32(entry, (field === 24 ? moved.at(slot) : moved.start(slot)) * INSN_BYTES, true);
        }
        at += 8 + count * record;
      }
    }
    this.replace(ext, out);
  }

  bytes(): Uint8Array {
    this.replace(this.#nameSection, this.#names);
    const table = this.#append(Buffer.concat(this.#headers));
    const out = Buffer.concat(this.#parts);
    out.writeBigUInt64LE(BigInt(table), 40);
    out.writeUInt16LE(this.#headers.length, 60);
    return out;
  }
}
