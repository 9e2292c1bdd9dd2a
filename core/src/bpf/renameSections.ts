/**
 * Gives sections with programs other names, so that libbpf knows what they are. Nothing is moved: new string tables are
 * put at the end of the file, and the few references to them are changed.
 */
import { Bytes, malformed } from './bytes.ts';
import { Elf, type ElfSection } from './elf.ts';

const SECTION_HEADER_BYTES = 64;
/** BTF headers of this length name a table of kinds behind the strings (Linux 7.1). */
const LAYOUT_HEADER_BYTES = 32;

/** `names` from section index to new name. The result shares nothing with `bytes`. Errors: `not-elf`, `object-malformed`. */
export function renameSections(bytes: Uint8Array, names: ReadonlyMap<number, string>): Uint8Array {
  const elf = Elf.parse(bytes);
  const file = new Bytes(bytes, 'the ELF file');
  const table = file.size64(40);
  const tail = new Tail(bytes.length);
  const headers: { at: number; offset: number; size: number }[] = [];
  const move = (section: ElfSection, data: Uint8Array): void => {
    headers.push({ at: table + section.index * SECTION_HEADER_BYTES, offset: tail.add(data), size: data.length });
  };

  const strings = elf.sections[file.u16(62)];
  if (!strings) throw malformed('its table of section names is missing');
  const sectionNames = new Strings(strings.data);
  const nameOffsets = [...names].map(([index, name]) => [index, sectionNames.add(name)] as const);
  move(strings, sectionNames.bytes());
  for (const { section, data } of typeInformation(elf, names)) move(section, data);

  const out = new Uint8Array(tail.end);
  out.set(bytes);
  for (const { offset, data } of tail.parts) out.set(data, offset);
  const view = new DataView(out.buffer);
  for (const { at, offset, size } of headers) {
    view.setBigUint64(at + 24, BigInt(offset), true);
    view.setBigUint64(at + 32, BigInt(size), true);
  }
  for (const [index, offset] of nameOffsets) {
    if (index <= 0 || index >= elf.sections.length) throw malformed(`section ${index} is not there`);
    view.setUint32(table + index * SECTION_HEADER_BYTES, offset, true);
  }
  return out;
}

/** What is put behind the end of the file, each part at a multiple of 8. */
class Tail {
  readonly parts: { offset: number; data: Uint8Array }[] = [];
  constructor(public end: number) {}
  add(data: Uint8Array): number {
    const offset = Math.ceil(this.end / 8) * 8;
    this.parts.push({ offset, data });
    this.end = offset + data.length;
    return offset;
  }
}

/** A string table with more strings at its end. */
class Strings {
  private readonly added: Uint8Array[] = [];
  private length: number;
  constructor(private readonly old: Uint8Array) {
    this.length = old.length;
  }
  add(text: string): number {
    const offset = this.length;
    const bytes = new TextEncoder().encode(`${text}\0`);
    this.added.push(bytes);
    this.length += bytes.length;
    return offset;
  }
  bytes(): Uint8Array {
    return Buffer.concat([this.old, ...this.added]);
  }
}

/** .BTF with the new names among its strings, and .BTF.ext whose tables go by section name. */
function typeInformation(elf: Elf, names: ReadonlyMap<number, string>): { section: ElfSection; data: Uint8Array }[] {
  const btf = elf.section('.BTF');
  const ext = elf.section('.BTF.ext');
  if (!btf || !ext) return [];
  const renamed = new Map([...names].map(([index, name]) => [elf.sections[index]?.name, name]));
  const all = new Bytes(btf.data, 'BTF');
  const [header, start, length] = [all.u32(4), all.u32(16), all.u32(20)];
  const strings = new Strings(all.slice(header + start, length));
  const offsets = new Map([...renamed].map(([from, to]) => [from, strings.add(to)]));
  const old = new Bytes(all.slice(header + start, length), 'the BTF string section');
  const table = Uint8Array.from(ext.data);
  for (const at of sectionNameOffsets(new Bytes(table, 'BTF.ext'))) {
    const view = new DataView(table.buffer);
    const offset = offsets.get(old.cString(view.getUint32(at, true)));
    if (offset !== undefined) view.setUint32(at, offset, true);
  }
  return [
    { section: btf, data: withStrings(btf.data, header, strings.bytes()) },
    { section: ext, data: table },
  ];
}

/** BTF without a gap, as the kernel wants it: the longer strings in their old place, what follows them moved on. */
function withStrings(btf: Uint8Array, header: number, strings: Uint8Array): Uint8Array {
  const view = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
  const [start, length] = [view.getUint32(16, true), view.getUint32(20, true)];
  const padded = new Uint8Array(length + Math.ceil((strings.length - length) / 4) * 4);
  padded.set(strings);
  const out = Uint8Array.from(
    Buffer.concat([btf.subarray(0, header + start), padded, btf.subarray(header + start + length)]),
  );
  const changed = new DataView(out.buffer);
  changed.setUint32(20, padded.length, true);
  const layout = header >= LAYOUT_HEADER_BYTES ? view.getUint32(24, true) : 0;
  if (layout > start) changed.setUint32(24, layout + padded.length - length, true);
  return out;
}

/** Where the tables of .BTF.ext name their sections: record size, then per section its name, a count and the records. */
function sectionNameOffsets(ext: Bytes): number[] {
  const header = ext.u32(4);
  const found: number[] = [];
  const tables = header >= 32 ? [8, 16, 24] : [8, 16];
  for (const field of tables) {
    const length = ext.u32(field + 4);
    if (length === 0) continue;
    const start = header + ext.u32(field);
    ext.check(start, length);
    const record = ext.u32(start);
    for (let at = start + 4; at + 8 <= start + length;) {
      found.push(at);
      at += 8 + ext.u32(at + 4) * record;
    }
  }
  return found;
}
