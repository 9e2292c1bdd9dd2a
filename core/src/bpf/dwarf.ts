/**
 * A compact reader of the DWARF 4 and 5 that clang writes into BPF objects: the tree of debugging information entries
 * (DIEs) with the few attributes that types and local variables need.
 */
import { malformed, type Bytes } from './bytes.ts';
import { Attribute, type Abbreviation, type Die, type DwarfUnit, type RawAttribute } from './dwarfEntries.ts';
import { actualForm, Cursor, Form, isConstant, readForm } from './dwarfForms.ts';
import { locationEntries, type LocationEntry } from './dwarfLocations.ts';
import { DebugSections } from './dwarfSections.ts';
import { SectionFlag, type Elf } from './elf.ts';

/** More entries than this (hundreds of vmlinux.h programs) are not read. */
const MAX_ENTRIES = 1_000_000;
const MAX_ATTRIBUTES = 20_000_000;
const MAX_ABBREVIATIONS = 1_000_000;

export class Dwarf {
  readonly units: readonly DwarfUnit[];
  readonly #entries: Map<number, Die>;
  readonly #sections: DebugSections;

  private constructor(units: DwarfUnit[], entries: Map<number, Die>, sections: DebugSections) {
    this.units = units;
    this.#entries = entries;
    this.#sections = sections;
  }

  /** null when the object has no DWARF, or a compressed one. Error: `object-malformed`. */
  static parse(elf: Elf): Dwarf | null {
    const info = elf.section('.debug_info');
    if (!info || !elf.section('.debug_abbrev') || (info.flags & SectionFlag.compressed) !== 0) return null;
    const sections = new DebugSections(elf);
    const entries = new Map<number, Die>();
    const units = readUnits(sections, entries);
    return new Dwarf(units, entries, sections);
  }

  entry(offset: number): Die | undefined {
    return this.#entries.get(offset);
  }

  /** The entry that a reference attribute points to. */
  reference(die: Die, attribute: number): Die | null {
    const raw = this.#raw(die, attribute);
    if (!raw) return null;
    const value = Number(raw.value);
    const local = raw.form >= Form.ref1 && raw.form <= Form.refUdata;
    if (!local && raw.form !== Form.refAddr) return null;
    return this.#entries.get(local ? die.unit.offset + value : value) ?? null;
  }

  name(die: Die): string {
    return this.string(die, Attribute.name);
  }

  string(die: Die, attribute: number): string {
    const raw = this.#raw(die, attribute);
    return raw ? this.#sections.string(die.unit, raw.form, Number(raw.value)) : '';
  }

  /** A constant as a number; null when it is missing or no constant. */
  number(die: Die, attribute: number): number | null {
    const value = this.integer(die, attribute);
    return value === null ? null : Number(value);
  }

  integer(die: Die, attribute: number): number | bigint | null {
    const raw = this.#raw(die, attribute);
    return raw && isConstant(raw.form) ? raw.value : null;
  }

  flag(die: Die, attribute: number): boolean {
    const raw = this.#raw(die, attribute);
    return raw !== undefined && Number(raw.value) !== 0;
  }

  /** The location expressions of a variable that hold at some part of its code: [from, to) in bytes of its section. */
  locations(die: Die): LocationEntry[] {
    const raw = this.#raw(die, Attribute.location);
    return raw ? locationEntries(this.#sections, die.unit, raw.form, Number(raw.value)) : [];
  }

  #raw(die: Die, attribute: number): RawAttribute | undefined {
    return this.#sections.attribute(die, attribute);
  }

  /** Byte ranges of the entry's code in its section, [from, to); empty when it has none. */
  ranges(die: Die): [number, number][] {
    const low = this.#raw(die, Attribute.lowPc);
    const high = this.#raw(die, Attribute.highPc);
    if (low && high) {
      const from = this.#sections.address(die.unit, low.form, Number(low.value));
      const to = isConstant(high.form)
        ? from + Number(high.value)
        : this.#sections.address(die.unit, high.form, Number(high.value));
      return [[from, to]];
    }
    const ranges = this.#raw(die, Attribute.ranges);
    if (!ranges) return [];
    const rootLow = die.unit.root && this.#raw(die.unit.root, Attribute.lowPc);
    const base = rootLow ? this.#sections.address(die.unit, rootLow.form, Number(rootLow.value)) : 0;
    return this.#sections.rangeList(die.unit, ranges.form, Number(ranges.value), base);
  }
}

const NONE: readonly Die[] = [];

interface Budget {
  attributes: number;
  abbreviations: number;
}

function readUnits(sections: DebugSections, entries: Map<number, Die>): DwarfUnit[] {
  const info = sections.get('.debug_info');
  const tables = new Map<number, Map<number, Abbreviation>>();
  const units: DwarfUnit[] = [];
  const budget = { attributes: MAX_ATTRIBUTES, abbreviations: MAX_ABBREVIATIONS };
  for (let at = 0; at < info.length;) {
    const length = info.u32(at);
    if (length >= 0xfffffff0) throw malformed('its DWARF is of the 64-bit format');
    info.check(at + 4, length);
    const end = at + 4 + length;
    const version = info.u16(at + 4);
    if (version === 4 || version === 5) {
      const cursor = new Cursor(info, at + 6);
      const kind = version === 5 ? cursor.u8() : 1;
      let addressBytes = version === 5 ? cursor.u8() : 0;
      const abbreviations = Number(cursor.fixed(4));
      if (version === 4) addressBytes = cursor.u8();
      let table = tables.get(abbreviations);
      if (!table)
        tables.set(abbreviations, (table = readAbbreviations(sections.get('.debug_abbrev'), abbreviations, budget)));
      const unit: DwarfUnit = { offset: at, version, addressBytes, root: null };
      // Kind 1 is a compile unit, 3 a partial one; type and skeleton units do not occur in BPF objects.
      if (kind === 1 || kind === 3) readTree(unit, cursor, end, table, entries, budget);
      units.push(unit);
    }
    at = end;
  }
  return units;
}

function readAbbreviations(data: Bytes, at: number, budget: Budget): Map<number, Abbreviation> {
  const cursor = new Cursor(data, at);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    const abbreviation: Abbreviation = { tag: cursor.uleb(), hasChildren: cursor.u8() !== 0, attributes: [] };
    for (;;) {
      const name = cursor.uleb();
      const form = cursor.uleb();
      const implicit = form === Form.implicitConst ? cursor.leb(true) : 0;
      if (name === 0 && form === 0) break;
      if (--budget.abbreviations < 0) throw malformed('its DWARF has too many abbreviations');
      abbreviation.attributes.push({ name, form, implicit });
    }
    if (--budget.abbreviations < 0) throw malformed('its DWARF has too many abbreviations');
    table.set(code, abbreviation);
  }
  return table;
}

function readTree(
  unit: DwarfUnit,
  cursor: Cursor,
  end: number,
  table: Map<number, Abbreviation>,
  entries: Map<number, Die>,
  budget: Budget,
): void {
  const open: Die[][] = [];
  while (cursor.at < end) {
    const offset = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      open.pop();
      if (open.length === 0) return;
      continue;
    }
    const abbreviation = table.get(code);
    if (!abbreviation) throw malformed('its DWARF uses an abbreviation that is not there');
    budget.attributes -= abbreviation.attributes.length;
    if (entries.size >= MAX_ENTRIES || budget.attributes < 0) throw malformed('its DWARF has too many entries');
    const die: Die = {
      offset,
      tag: abbreviation.tag,
      unit,
      children: NONE,
      body: cursor.at,
      abbreviation,
      attributes: null,
    };
    for (const { form, implicit } of abbreviation.attributes)
      readForm(cursor, actualForm(cursor, form), implicit, unit);
    entries.set(offset, die);
    unit.root ??= die;
    open.at(-1)?.push(die);
    if (abbreviation.hasChildren) {
      const children: Die[] = [];
      die.children = children;
      open.push(children);
    } else if (open.length === 0) return;
  }
}
