/** DWARF's sections with their relocations applied, and what is looked up in them by index. */
import { Bytes, malformed } from './bytes.ts';
import { Attribute, type Die, type DwarfUnit, type RawAttribute } from './dwarfEntries.ts';
import { Cursor, Form, readAttributes } from './dwarfForms.ts';
import type { Elf } from './elf.ts';

export class DebugSections {
  readonly #elf: Elf;
  readonly #relocated = new Map<string, Bytes>();

  constructor(elf: Elf) {
    this.#elf = elf;
  }

  /** Empty when the object has no such section. */
  get(name: string): Bytes {
    let bytes = this.#relocated.get(name);
    if (!bytes) {
      const section = this.#elf.section(name);
      bytes = new Bytes(section ? this.#elf.relocated(section) : new Uint8Array(0), name);
      this.#relocated.set(name, bytes);
    }
    return bytes;
  }

  string(unit: DwarfUnit, form: number, value: number): string {
    switch (form) {
      case Form.string:
        return this.get('.debug_info').cString(value);
      case Form.strp:
        return this.get('.debug_str').cString(value);
      case Form.lineStrp:
        return this.get('.debug_line_str').cString(value);
      case Form.strx:
      case Form.strx1:
      case Form.strx2:
      case Form.strx3:
      case Form.strx4: {
        const offsets = this.get('.debug_str_offsets');
        return this.get('.debug_str').cString(offsets.u32(this.base(unit, Attribute.strOffsetsBase) + value * 4));
      }
      default:
        return '';
    }
  }

  address(unit: DwarfUnit, form: number, value: number): number {
    if (form === Form.addr) return value;
    return this.addressAt(unit, value);
  }

  addressAt(unit: DwarfUnit, index: number): number {
    return this.get('.debug_addr').size64(this.base(unit, Attribute.addrBase) + index * unit.addressBytes);
  }

  /** A base attribute of the unit; without it the table begins after its header of 8 bytes. */
  base(unit: DwarfUnit, attribute: number, fallback = 8): number {
    const raw = unit.root && this.attribute(unit.root, attribute);
    return raw ? Number(raw.value) : fallback;
  }

  attribute(die: Die, attribute: number): RawAttribute | undefined {
    die.attributes ??= readAttributes(new Cursor(this.get('.debug_info'), die.body), die);
    return die.attributes.get(attribute);
  }

  rangeList(unit: DwarfUnit, form: number, value: number, start: number): [number, number][] {
    if (unit.version < 5) return this.#oldRanges(value, start);
    const lists = this.get('.debug_rnglists');
    if (form !== Form.rnglistx) return this.#ranges(unit, lists, value, start);
    const table = this.base(unit, Attribute.rnglistsBase, 12);
    return this.#ranges(unit, lists, table + lists.u32(table + value * 4), start);
  }

  /** DWARF 4: pairs of addresses relative to the base, which an all-ones address replaces. */
  #oldRanges(at: number, start: number): [number, number][] {
    const data = this.get('.debug_ranges');
    const ranges: [number, number][] = [];
    for (; ; at += 16) {
      const from = data.u64(at);
      const to = data.u64(at + 8);
      if (from === 0n && to === 0n) return ranges;
      if (from === 0xffffffffffffffffn) start = Number(to);
      else ranges.push([start + Number(from), start + Number(to)]);
    }
  }

  #ranges(unit: DwarfUnit, data: Bytes, at: number, start: number): [number, number][] {
    const reader = new Cursor(data, at);
    const ranges: [number, number][] = [];
    const address = () => this.addressAt(unit, reader.uleb());
    for (;;) {
      const kind = reader.u8();
      if (kind === 0) return ranges;
      else if (kind === 1) start = address();
      else if (kind === 2) ranges.push([address(), address()]);
      else if (kind === 3) ranges.push(withLength(address(), reader.uleb()));
      else if (kind === 4) ranges.push([start + reader.uleb(), start + reader.uleb()]);
      else if (kind === 5) start = reader.size64();
      else if (kind === 6) ranges.push([reader.size64(), reader.size64()]);
      else if (kind === 7) ranges.push(withLength(reader.size64(), reader.uleb()));
      else throw malformed('a DWARF range list has an unknown entry');
    }
  }
}

function withLength(from: number, length: number): [number, number] {
  return [from, from + length];
}
