/** JSON to the bytes of a map's key or value: what `events/decode.ts` reads, the other way round. */
import { RingsideError } from '../errors.ts';
import { isBigEndian, isSigned, parseIpv4, parseIpv6 } from '../events/index.ts';
import type { FieldValue, RecordField } from '../model/index.ts';

/**
 * JSON as people type it: integers beyond 2^53 keep their digits, and what is no JSON (10.0.0.1, eth0, 0x10) is text.
 */
export function parseJsonValue(text: string): FieldValue {
  // Strings are stepped over; long integers outside of them become strings before a number could round them.
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (found) =>
    found.startsWith('"') ? found : `"${found}"`,
  );
  try {
    return JSON.parse(exact) as FieldValue;
  } catch {
    if (/^\s*[[{"]/.test(text))
      throw new RingsideError('bad-value', `${shown(text)} begins like JSON and is none.`, {
        remedy: 'Quote names and texts with ", and put the whole value between \' for the shell.',
      });
    return text.trim();
  }
}

/**
 * The bytes of a value. `path` names it in errors ("key", "value").
 * @throws RingsideError `bad-value` that names the member and what would do.
 */
export function encodeField(field: RecordField, value: FieldValue, path: string): Uint8Array {
  const out = new Uint8Array(field.size);
  writeField(field, value, path, out, 0);
  return out;
}

/** A value of a per-CPU map: `{"perCpu":[…]}` with one for each possible CPU, or one for all of them. */
export function encodePerCpu(field: RecordField, value: FieldValue, cpus: number, path: string): Uint8Array {
  const each =
    isObject(value) && Array.isArray(value['perCpu']) && !hasMember(field, 'perCpu') ? value['perCpu'] : null;
  if (each === null) return encodeField(field, value, path);
  if (each.length !== cpus) throw bad(`${path}.perCpu`, value, `${cpus} values, one for each possible CPU`);
  const slot = Math.ceil(field.size / 8) * 8;
  const out = new Uint8Array(slot * cpus);
  each.forEach((one, cpu) => out.set(encodeField(field, one, `${path}.perCpu[${cpu}]`), cpu * slot));
  return out;
}

export function writeField(field: RecordField, value: FieldValue, path: string, out: Uint8Array, base: number): void {
  const at = base + field.offset;
  switch (field.kind) {
    case 'struct':
      writeMembers(field, value, path, out, base);
      return;
    case 'union':
      writeUnion(field, value, path, out, base);
      return;
    case 'array':
      writeArray(field, value, path, out, at);
      return;
    case 'chars':
      out.set(textBytes(field, value, path), at);
      return;
    case 'bytes':
      out.set(hexBytes(field, value, path), at);
      return;
    case 'float':
      writeFloat(field, value, path, out, at);
      return;
    case 'ipv4':
    case 'ipv6':
      out.set(addressBytes(field, value, path), at);
      return;
    case 'bool':
      if (typeof value !== 'boolean' && value !== 'true' && value !== 'false' && value !== 0 && value !== 1)
        throw bad(path, value, 'true or false');
      writeInteger(field, value === true || value === 'true' || value === 1 ? 1n : 0n, out, base);
      return;
    case 'enum':
      writeInteger(field, enumNumber(field, value, path), out, base);
      return;
    case 'char':
    case 'int':
    case 'uint':
    case 'pointer':
      writeInteger(field, integer(field, value, path), out, base);
  }
}

/** Padding may be left out; any other missing member would silently become 0. */
const PADDING = /^_*(pad|padding|reserved|unused)\d*_*$/;

function writeMembers(field: RecordField, value: FieldValue, path: string, out: Uint8Array, base: number): void {
  const members = flat(field.fields ?? []);
  if (!isObject(value)) throw bad(path, value, `an object with ${names(members)}`);
  for (const name of Object.keys(value))
    if (!members.some((member) => member.name === name))
      throw bad(`${path}.${name}`, value, `an object with ${names(members)}`);
  const given = members.filter((member) => Object.hasOwn(value, member.name));
  for (const member of members) {
    // Members of an unnamed union lie in one place: one of them stands for all.
    const covered = given.includes(member) || given.some((other) => overlap(other, member));
    if (!covered && !PADDING.test(member.name))
      throw new RingsideError('bad-value', `${path}.${member.name} is missing.`, {
        remedy: `Give every member: ${member.name} is ${wanted(member)}.`,
      });
  }
  const overlapping = given.some((one, i) => given.some((other, k) => k > i && overlap(one, other)));
  // The largest first, so that no part of a union is left at 0.
  const ordered = overlapping ? given.toSorted((a, b) => b.size - a.size) : given;
  for (const member of ordered) writeField(member, value[member.name]!, `${path}.${member.name}`, out, base);
  if (overlapping) checkAgree(ordered, value, path, out, base);
}

function checkAgree(
  members: RecordField[],
  value: { [name: string]: FieldValue },
  path: string,
  out: Uint8Array,
  base: number,
): void {
  for (const member of members) {
    const again = out.slice();
    writeField(member, value[member.name]!, `${path}.${member.name}`, again, base);
    if (!same(out, again, { at: 0, end: out.length })) throw disagree(`${path}.${member.name}`);
  }
}

function disagree(path: string): RingsideError {
  return new RingsideError('bad-value', `${path} says something else than the other members of the union.`, {
    remedy: 'Give one member of a union: they lie in the same place.',
  });
}

function overlap(a: RecordField, b: RecordField): boolean {
  const bits = (field: RecordField): [number, number] => {
    const start = field.offset * 8 + (field.bits > 0 ? (field.bitOffset ?? 0) : 0);
    return [start, start + (field.bits > 0 ? field.bits : field.size * 8)];
  };
  const [[aStart, aEnd], [bStart, bEnd]] = [bits(a), bits(b)];
  return a !== b && aStart < bEnd && bStart < aEnd;
}

/** One member is enough; those that are given must agree, because they lie in the same place. */
function writeUnion(field: RecordField, value: FieldValue, path: string, out: Uint8Array, base: number): void {
  const members = flat(field.fields ?? []);
  if (!isObject(value)) throw bad(path, value, `an object with one of ${names(members)}`);
  const given = Object.entries(value);
  if (given.length === 0) throw bad(path, value, `an object with one of ${names(members)}`);
  const place = { at: base + field.offset, end: base + field.offset + field.size };
  let first: Uint8Array | undefined;
  // The largest first, so that the rest of the union is not left at 0.
  const ordered = given
    .map(([name, one]) => ({ member: members.find((m) => m.name === name), name, one }))
    .sort((a, b) => (b.member?.size ?? 0) - (a.member?.size ?? 0));
  for (const { member, name, one } of ordered) {
    if (!member) throw bad(`${path}.${name}`, value, `an object with one of ${names(members)}`);
    const scratch = first?.slice() ?? new Uint8Array(out.length);
    writeField(member, one, `${path}.${name}`, scratch, base);
    if (first && !same(first, scratch, place)) throw disagree(`${path}.${name}`);
    first ??= scratch;
  }
  out.set(first!.subarray(place.at, place.end), place.at);
}

function same(a: Uint8Array, b: Uint8Array, { at, end }: { at: number; end: number }): boolean {
  for (let i = at; i < end; i++) if (a[i] !== b[i]) return false;
  return true;
}

function writeArray(field: RecordField, value: FieldValue, path: string, out: Uint8Array, at: number): void {
  const { element, count } = field;
  if (!element || element.size <= 0 || count === undefined) {
    out.set(hexBytes(field, value, path), at);
    return;
  }
  if (!Array.isArray(value) || value.length !== count)
    throw bad(path, value, `an array of ${count} values, each ${wanted(element)}`);
  value.forEach((one, i) => writeField(element, one, `${path}[${i}]`, out, at + i * element.size));
}

function textBytes(field: RecordField, value: FieldValue, path: string): Uint8Array {
  if (typeof value !== 'string') throw bad(path, value, wanted(field));
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > field.size || bytes.includes(0)) throw bad(path, value, wanted(field));
  return bytes;
}

function hexBytes(field: RecordField, value: FieldValue, path: string): Uint8Array {
  // Digits alone read as a number in JSON.
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  const digits = typeof text === 'string' ? text.replace(/^0x/i, '').replace(/[\s:]/g, '') : '';
  if (typeof text !== 'string' || !/^([0-9a-f]{2})*$/i.test(digits) || digits.length !== field.size * 2)
    throw bad(path, value, wanted(field));
  return Buffer.from(digits, 'hex');
}

function addressBytes(field: RecordField, value: FieldValue, path: string): Uint8Array {
  const bytes = typeof value === 'string' ? (field.kind === 'ipv4' ? parseIpv4(value) : parseIpv6(value)) : null;
  if (!bytes) throw bad(path, value, wanted(field));
  return bytes;
}

function writeFloat(field: RecordField, value: FieldValue, path: string, out: Uint8Array, at: number): void {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  const named = value === 'NaN';
  if (typeof number !== 'number' || (Number.isNaN(number) && !named)) throw bad(path, value, wanted(field));
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  if (field.size === 4) view.setFloat32(at, number, !isBigEndian(field));
  else if (field.size === 8) view.setFloat64(at, number, !isBigEndian(field));
  else throw bad(path, value, 'nothing: floats of this size cannot be written');
}

function enumNumber(field: RecordField, value: FieldValue, path: string): bigint {
  const named = Object.entries(field.values ?? {}).find(([, name]) => name === value);
  return named ? BigInt(named[0]) : integer(field, value, path);
}

function integer(field: RecordField, value: FieldValue, path: string): bigint {
  if (field.kind === 'char' && typeof value === 'string' && /^[\x20-\x7e]$/.test(value))
    return BigInt(value.charCodeAt(0));
  // Addresses are kept as __be32 in keys and values whose names do not tell it.
  const address = typeof value === 'string' && field.size === 4 && isBigEndian(field) ? parseIpv4(value) : null;
  if (address) return address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const number = parseInteger(value);
  const [least, most] = range(field);
  if (number === null || number < least || number > most) throw bad(path, value, wanted(field));
  return number;
}

function parseInteger(value: FieldValue): bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  if (typeof value !== 'string' || !/^(-?\d+|0x[0-9a-f]+)$/i.test(value.trim())) return null;
  return BigInt(value.trim());
}

function range(field: RecordField): [bigint, bigint] {
  const bits = BigInt(field.bits > 0 ? field.bits : field.size * 8);
  // A char is its code, whichever sign the compiler gives it.
  if (field.kind === 'char') return [-128n, 255n];
  return isSigned(field) ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

function writeInteger(field: RecordField, value: bigint, out: Uint8Array, base: number): void {
  const bits = field.bits > 0 ? field.bits : field.size * 8;
  const bitOffset = field.bits > 0 ? (field.bitOffset ?? 0) : 0;
  const at = base + field.offset + (bitOffset >> 3);
  const shift = BigInt(bitOffset & 7);
  const bytes = Math.ceil(((bitOffset & 7) + bits) / 8);
  const little = field.bits > 0 || !isBigEndian(field);
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  const word = (BigInt.asUintN(bits, value) << shift) & mask;
  for (let i = 0; i < bytes; i++) {
    const place = at + (little ? i : bytes - 1 - i);
    const low = BigInt(8 * i);
    // Bits of other fields in the same byte stay.
    out[place] = (out[place]! & ~Number((mask >> low) & 0xffn)) | Number((word >> low) & 0xffn);
  }
}

/** What a field takes, in words. */
function wanted(field: RecordField): string {
  switch (field.kind) {
    case 'int':
    case 'uint':
    case 'char':
    case 'pointer': {
      const [least, most] = range(field);
      return `an integer from ${least} to ${most}, decimal or 0x…`;
    }
    case 'bool':
      return 'true or false';
    case 'enum': {
      const known = Object.values(field.values ?? {});
      return `one of ${known.slice(0, 12).join(', ')}${known.length > 12 ? ' …' : ''}, or its number`;
    }
    case 'float':
      return 'a number';
    case 'chars':
      return `a text of at most ${field.size} bytes`;
    case 'bytes':
      return `${field.size} bytes as ${field.size * 2} hexadecimal digits`;
    case 'ipv4':
      return 'an address like "192.0.2.1"';
    case 'ipv6':
      return 'an address like "2001:db8::1"';
    case 'struct':
      return `an object with ${names(field.fields ?? [])}`;
    case 'union':
      return `an object with one of ${names(field.fields ?? [])}`;
    case 'array':
      return field.element ? `an array of ${field.count} values, each ${wanted(field.element)}` : 'bytes';
  }
}

export function names(members: readonly RecordField[]): string {
  const list = flat(members).map((member) => member.name);
  return list.slice(0, 20).join(', ') + (list.length > 20 ? ' …' : '');
}

/** Members of unnamed structs stand beside their siblings, as the reader puts them. */
export function flat(members: readonly RecordField[]): RecordField[] {
  return members.flatMap((member) => (member.name === '' ? flat(member.fields ?? []) : [member]));
}

function hasMember(field: RecordField, name: string): boolean {
  return flat(field.fields ?? []).some((member) => member.name === name);
}

export function isObject(value: FieldValue): value is { [name: string]: FieldValue } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function shown(value: FieldValue): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

export function bad(path: string, value: FieldValue, wants: string): RingsideError {
  return new RingsideError('bad-value', `${shown(value)} is no value for ${path}.`, { remedy: `Give ${wants}.` });
}
