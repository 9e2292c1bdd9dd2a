/** Where a variable's value is: in a register or on the stack, at which instructions (DWARF 4 and 5 location lists). */
import { malformed, type Bytes } from './bytes.ts';
import type { DwarfUnit } from './dwarfEntries.ts';
import { Attribute } from './dwarfEntries.ts';
import { Cursor, Form } from './dwarfForms.ts';
import type { DebugSections } from './dwarfSections.ts';

export type VariableLocation =
  | { kind: 'register'; register: number }
  /** The variable itself lies on the stack. */
  | { kind: 'stack'; offset: number };

export interface LocationEntry {
  /** Byte offsets in the section of the code. */
  from: number;
  to: number;
  location: VariableLocation | null;
}

const Op = { reg0: 0x50, reg31: 0x6f, breg0: 0x70, breg31: 0x8f, regx: 0x90, fbreg: 0x91, stackValue: 0x9f } as const;
const FRAME_POINTER = 10;
const MAX_ENTRIES = 100_000;

export function locationEntries(
  sections: DebugSections,
  unit: DwarfUnit,
  form: number,
  value: number,
): LocationEntry[] {
  if (form === Form.exprloc || form === Form.block1 || form === Form.block) {
    const info = sections.get('.debug_info');
    // The expressions of variables are a few bytes long: their length is the byte before.
    return [{ from: 0, to: Infinity, location: readExpression(info, value, info.u8(value - 1)) }];
  }
  const rootLow = unit.root && sections.attribute(unit.root, Attribute.lowPc);
  const base = rootLow ? sections.address(unit, rootLow.form, Number(rootLow.value)) : 0;
  if (unit.version < 5) return oldList(sections.get('.debug_loc'), value, base);
  const lists = sections.get('.debug_loclists');
  if (form !== Form.loclistx) return list(sections, unit, lists, value, base);
  const table = sections.base(unit, Attribute.loclistsBase, 12);
  return list(sections, unit, lists, table + lists.u32(table + value * 4), base);
}

function list(sections: DebugSections, unit: DwarfUnit, data: Bytes, at: number, base: number): LocationEntry[] {
  const cursor = new Cursor(data, at);
  const address = () => sections.addressAt(unit, cursor.uleb());
  const entries: LocationEntry[] = [];
  while (entries.length < MAX_ENTRIES) {
    const kind = cursor.u8();
    let range: [number, number];
    if (kind === 0) break;
    else if (kind === 1) {
      base = address();
      continue;
    } else if (kind === 6) {
      base = cursor.size64();
      continue;
    } else if (kind === 2) range = [address(), address()];
    else if (kind === 3) range = withLength(address(), cursor.uleb());
    else if (kind === 4) range = [base + cursor.uleb(), base + cursor.uleb()];
    else if (kind === 5) range = [0, Infinity];
    else if (kind === 7) range = [cursor.size64(), cursor.size64()];
    else if (kind === 8) range = withLength(cursor.size64(), cursor.uleb());
    else throw malformed('a DWARF location list has an unknown entry');
    const length = cursor.uleb();
    const start = cursor.skip(length);
    entries.push({ from: range[0], to: range[1], location: readExpression(data, start, length) });
  }
  return entries;
}

/** DWARF 4: pairs of addresses relative to the base, which an all-ones address replaces. */
function oldList(data: Bytes, at: number, base: number): LocationEntry[] {
  const entries: LocationEntry[] = [];
  while (entries.length < MAX_ENTRIES) {
    const [from, to] = [data.u64(at), data.u64(at + 8)];
    at += 16;
    if (from === 0n && to === 0n) break;
    if (from === 0xffffffffffffffffn) {
      base = Number(to);
      continue;
    }
    const length = data.u16(at);
    const location = readExpression(data, at + 2, length);
    entries.push({ from: base + Number(from), to: base + Number(to), location });
    at += 2 + length;
  }
  return entries;
}

function withLength(from: number, length: number): [number, number] {
  return [from, from + length];
}

/** null for what is computed, or in pieces. */
function readExpression(data: Bytes, at: number, length: number): VariableLocation | null {
  if (length === 0) return null;
  data.check(at, length);
  const cursor = new Cursor(data, at);
  const op = cursor.u8();
  let location: VariableLocation | null = null;
  if (op >= Op.reg0 && op <= Op.reg31) location = { kind: 'register', register: op - Op.reg0 };
  else if (op === Op.regx) location = { kind: 'register', register: cursor.uleb() };
  else if (op >= Op.breg0 && op <= Op.breg31) {
    const offset = Number(cursor.leb(true));
    const register = op - Op.breg0;
    if (cursor.at < at + length)
      location = offset === 0 && cursor.u8() === Op.stackValue ? { kind: 'register', register } : null;
    else location = register === FRAME_POINTER ? { kind: 'stack', offset } : null;
  } else if (op === Op.fbreg) location = { kind: 'stack', offset: Number(cursor.leb(true)) };
  // What follows a register (a piece of it, an operation on it) makes another value of it.
  return cursor.at === at + length ? location : null;
}
