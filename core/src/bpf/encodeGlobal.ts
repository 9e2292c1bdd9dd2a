/** How `--set NAME=VALUE` is put into the bytes of a global variable. */
import { RingsideError } from '../errors.ts';
import type { Btf } from './btf.ts';
import type { BtfEnum, BtfInt } from './btfTypes.ts';
import { isChar, readGlobals, type GlobalVariable } from './globals.ts';
import type { BpfObject } from './object.ts';

const MAX_VARIABLE_BYTES = 1024 * 1024;

/**
 * The bytes of a global for a value as the user wrote it: integers in decimal or hex, true/false, text for char arrays,
 * enum names, floats, and comma-separated lists for arrays of these.
 * Errors: `unknown-variable` (names the known ones), `bad-value` (says what would do), `object-without-btf`.
 */
export function encodeGlobal(object: BpfObject, name: string, value: string): { variable: string; bytes: Uint8Array } {
  const btf = object.btf;
  if (!btf) {
    throw new RingsideError('object-without-btf', `Without BTF the variable ${name} cannot be found.`, {
      remedy: 'Build the object with -g.',
    });
  }
  const globals = readGlobals(object);
  const variable = globals.find((g) => g.name === name);
  if (!variable) throw unknownVariable(name, globals);
  if (variable.size > MAX_VARIABLE_BYTES) throw badValue(name, value, `nothing: ${variable.size} bytes are too many`);
  const bytes = new Uint8Array(variable.size);
  encodeInto(btf, variable.type, name, value, bytes);
  return { variable: name, bytes };
}

function unknownVariable(name: string, globals: GlobalVariable[]): RingsideError {
  const names = globals.map((g) => g.name);
  return new RingsideError('unknown-variable', `The program has no global variable ${name}.`, {
    remedy: names.length > 0 ? `It has ${names.join(', ')}.` : 'It has none at all.',
  });
}

function badValue(name: string, value: string, wanted: string): RingsideError {
  return new RingsideError('bad-value', `${JSON.stringify(value)} is no value for ${name}.`, {
    remedy: `Give ${wanted}.`,
  });
}

function encodeInto(btf: Btf, id: number, name: string, value: string, out: Uint8Array): void {
  const type = btf.resolve(id);
  if (type.kind === 'int') {
    writeInteger(out, encodeInt(type, name, value));
  } else if (type.kind === 'enum' || type.kind === 'enum64') {
    writeInteger(out, encodeEnum(type, name, value));
  } else if (type.kind === 'float') {
    writeFloat(out, name, value);
  } else if (type.kind === 'array') {
    if (isChar(btf, type.type)) encodeText(name, value, out);
    else encodeArray(btf, type, name, value, out);
  } else {
    throw badValue(name, value, `nothing: a ${btf.cName(id)} cannot be set from text`);
  }
}

function writeFloat(out: Uint8Array, name: string, value: string): void {
  const number = Number(value);
  if (value.trim() === '' || Number.isNaN(number)) throw badValue(name, value, 'a number like 0.5');
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  if (out.length === 4) view.setFloat32(0, number, true);
  else if (out.length === 8) view.setFloat64(0, number, true);
  else throw badValue(name, value, `nothing: a float of ${out.length} bytes cannot be set`);
}

/** Decimal, hex, octal, binary, with a sign; null for anything else. */
function parseInteger(value: string): bigint | null {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|\d+)$/.exec(value.trim());
  if (!match) return null;
  const digits = match[2]!;
  const octal = /^0[0-7]+$/.test(digits);
  const number = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return match[1] === '-' ? -number : number;
}

function integerRange(size: number, signed: boolean): [bigint, bigint] {
  const bits = BigInt(size * 8);
  return signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

function encodeInt(type: BtfInt, name: string, value: string): bigint {
  if (type.bool) {
    if (/^(true|1|yes|on)$/i.test(value.trim())) return 1n;
    if (/^(false|0|no|off)$/i.test(value.trim())) return 0n;
    throw badValue(name, value, 'true or false');
  }
  const [least, most] = integerRange(type.size, type.signed);
  const character = type.size === 1 ? /^'([\x20-\x7e])'$/.exec(value)?.[1] : undefined;
  const number = character === undefined ? parseInteger(value) : BigInt(character.charCodeAt(0));
  if (number === null || number < least || number > most) {
    throw badValue(name, value, `an integer from ${least} to ${most}, decimal or hex`);
  }
  return number;
}

function encodeEnum(type: BtfEnum, name: string, value: string): bigint {
  const named = type.values.find((v) => v.name === value.trim());
  const number = named?.value ?? parseInteger(value);
  const [least, most] = integerRange(type.size, type.signed);
  if (number === null || number < least || number > most) {
    const names = type.values.slice(0, 20).map((v) => v.name);
    throw badValue(name, value, `one of ${names.join(', ')}${type.values.length > 20 ? ' …' : ''}, or its number`);
  }
  return number;
}

function writeInteger(out: Uint8Array, value: bigint): void {
  let rest = BigInt.asUintN(out.length * 8, value);
  for (let i = 0; i < out.length; i++, rest >>= 8n) out[i] = Number(rest & 0xffn);
}

function encodeText(name: string, value: string, out: Uint8Array): void {
  const bytes = Buffer.from(value, 'utf8');
  const most = Math.max(out.length - 1, 0); // the NUL at the end
  if (bytes.length > most) throw badValue(name, value, `a text of at most ${most} bytes`);
  out.set(bytes);
}

function encodeArray(
  btf: Btf,
  type: { type: number; count: number },
  name: string,
  value: string,
  out: Uint8Array,
): void {
  const parts = value.split(',');
  if (parts.length > type.count) throw badValue(name, value, `at most ${type.count} values, separated by commas`);
  const size = btf.sizeOf(type.type);
  parts.forEach((part, i) => {
    encodeInto(btf, type.type, `${name}[${i}]`, part, out.subarray(i * size, (i + 1) * size));
  });
}
