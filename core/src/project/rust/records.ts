/** src/records.rs: the types of records, keys and values, and how each is read from bytes. */
import type { RecordField } from '../../model/index.ts';
import { Lines } from '../lines.ts';
import { isComposite, shapesOf, type ProjectModel, type Shape } from '../model.ts';
import { rustField, Unique } from '../names.ts';
import { integerBits, isTail, scalarField, Types, type TypedEnum, type TypedStruct } from '../typed.ts';

/** What the file itself, and Rust's prelude, call something else. */
const reserved =
  'Hex Pointer String Vec Option Some None Ok Err Result Box Drop Fn Iterator Copy Clone Send Sync Sized Default Debug From Into Self'.split(
    ' ',
  );

export class RustTypes extends Types {
  constructor(model: ProjectModel) {
    super(model, reserved);
  }
}

/** An expression that reads a shape of `bytes`, with main.rs's names. */
export function readExpression(types: Types, shape: Shape, bytes: string): string {
  const struct = types.ofShape(shape);
  return struct ? `records::${struct.name}::read(${bytes})` : `records::read_${shape.name.toLowerCase()}(${bytes})`;
}

export function recordsText(model: ProjectModel, types: Types): string {
  const body = [
    ...types.structs.map((struct) => structText(types, struct)),
    ...shapesOf(model)
      .filter((shape) => !isComposite(shape))
      .map((shape) => scalarText(types, shape)),
    ...types.enums.map(enumText),
  ].join('\n\n');
  const addresses = ['Ipv4Addr', 'Ipv6Addr'].filter((name) => body.includes(`${name}::`));
  const used = Object.entries(helperTexts).filter(([name]) => body.includes(name));
  const helpers = used.map(([, text]) => text).join('\n\n');
  const uses = [
    ...(/\bfmt::/.test(`${body}${helpers}`) ? ['use std::fmt;'] : []),
    ...(addresses.length > 0
      ? [`use std::net::${addresses.length === 1 ? addresses[0]! : `{${addresses.join(', ')}}`};`]
      : []),
  ];
  const head = `//! The types of ${model.name}.bpf.c, read from the bytes that the kernel gives: every field where C has put it.\n// They are made to be printed, and keep the names that C has for them.\n#![allow(dead_code, non_snake_case)]`;
  return `${[head, uses.join('\n'), body, helpers].filter((part) => part !== '').join('\n\n')}\n`;
}

function structText(types: Types, struct: TypedStruct): string {
  const names = new Unique();
  const fields = struct.fields.map((one) => ({ ...one, rust: rustField(names.take(one.name)) }));
  const lines = new Lines('    ');
  lines.add(`/// ${struct.type || 'A record'}, ${struct.size} bytes.`, '#[derive(Debug)]');
  if (fields.length === 0) lines.add(`pub struct ${struct.name} {}`);
  else
    lines.block(`pub struct ${struct.name} {`, '}', () => {
      for (const { field, rust } of fields) lines.add(`pub ${rust}: ${rustType(types, field)},`);
    });
  lines.add('');
  lines.block(`impl ${struct.name} {`, '}', () => {
    lines.block(`pub fn read(${fields.length === 0 ? '_' : 'b'}: &[u8]) -> Self {`, '}', () => {
      if (fields.length === 0) return void lines.add('Self {}');
      lines.block('Self {', '}', () => {
        for (const { field, offset, rust } of fields) lines.add(`${rust}: ${value(types, field, String(offset), 0)},`);
      });
    });
  });
  return lines.toString().trimEnd();
}

function scalarText(types: Types, shape: Shape): string {
  const { field } = scalarField(shape);
  return `pub fn read_${shape.name.toLowerCase()}(b: &[u8]) -> ${rustType(types, field)} {\n    ${value(types, field, '0', 0)}\n}`;
}

function rustType(types: Types, field: RecordField): string {
  switch (field.kind) {
    case 'int':
    case 'char':
      return `i${integerBits(field)}`;
    case 'uint':
      return `u${integerBits(field)}`;
    case 'bool':
      return 'bool';
    case 'float':
      return `f${field.size * 8}`;
    case 'pointer':
      return 'Pointer';
    case 'enum':
      return types.enumOf(field).name;
    case 'chars':
      return 'String';
    case 'ipv4':
      return 'Ipv4Addr';
    case 'ipv6':
      return 'Ipv6Addr';
    case 'bytes':
      return 'Hex';
    case 'array':
      return `Vec<${rustType(types, field.element!)}>`;
    case 'struct':
    case 'union':
      return types.structOf(field).name;
  }
}

/** An expression that reads one value of `b` at an offset. */
function value(types: Types, field: RecordField, offset: string, depth: number): string {
  if (field.bits > 0) return bitsValue(types, field, Number(offset));
  const number = (kind: string): string =>
    `${kind}${field.size * 8}::from_${field.bigEndian === true ? 'be' : 'ne'}_bytes(take(b, ${offset}))`;
  switch (field.kind) {
    case 'uint':
      return number('u');
    case 'int':
    case 'char':
      return number('i');
    case 'bool':
      return `${number('u')} != 0`;
    case 'float':
      return number('f');
    case 'pointer':
      return `Pointer(${number('u')}${field.size === 8 ? '' : '.into()'})`;
    case 'enum': {
      const negative = Object.keys(field.values ?? {}).some((one) => one.startsWith('-'));
      return `${types.enumOf(field).name}(${number(negative ? 'i' : 'u')} as i64)`;
    }
    case 'chars':
      return `text(${part(field, offset)})`;
    case 'bytes':
      return `Hex(${part(field, offset).slice(1)}.to_vec())`;
    case 'ipv4':
      return `Ipv4Addr::from(take::<4>(b, ${offset}))`;
    case 'ipv6':
      return `Ipv6Addr::from(take::<16>(b, ${offset}))`;
    case 'struct':
    case 'union':
      return `${types.structOf(field).name}::read(&b[${offset}..])`;
    case 'array': {
      const index = `i${depth}`;
      const element = field.element!;
      return `(0..${field.count ?? 0}).map(|${index}| ${value(types, element, `${offset} + ${index} * ${element.size}`, depth + 1)}).collect()`;
    }
  }
}

function part(field: RecordField, offset: string): string {
  if (isTail(field)) return `&b[${offset}..]`;
  return /^\d+$/.test(offset)
    ? `&b[${offset}..${Number(offset) + field.size}]`
    : `&b[${offset}..${offset} + ${field.size}]`;
}

function bitsValue(types: Types, field: RecordField, offset: number): string {
  const call = `bits(b, ${offset * 8 + (field.bitOffset ?? 0)}, ${field.bits})`;
  if (field.kind === 'bool') return `${call} != 0`;
  if (field.kind === 'enum') return `${types.enumOf(field).name}(${call} as i64)`;
  const type = rustType(types, field);
  const read = field.kind === 'int' ? `signed_${call}` : call;
  return type === (field.kind === 'int' ? 'i64' : 'u64') ? read : `${read} as ${type}`;
}

function enumText({ name, type, values }: TypedEnum): string {
  const lines = new Lines('    ');
  lines.add(`/// ${type}`, `pub struct ${name}(pub i64);`, '');
  lines.block(`impl fmt::Debug for ${name} {`, '}', () => {
    lines.block("fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {", '}', () => {
      const named = values.filter(([one]) => BigInt.asIntN(64, BigInt(one)) === BigInt(one));
      if (named.length === 0) return void lines.add('write!(f, "{}", self.0)');
      lines.block('match self.0 {', '}', () => {
        for (const [one, text] of named) lines.add(`${one} => f.write_str("${text}"),`);
        lines.add('other => write!(f, "{other}"),');
      });
    });
  });
  return lines.toString().trimEnd();
}

const helperTexts: Record<string, string> = {
  take: `fn take<const N: usize>(b: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&b[at..at + N]);
    part
}`,
  'text(': `/// Ends at its first NUL.
fn text(b: &[u8]) -> String {
    let end = b.iter().position(|&c| c == 0).unwrap_or(b.len());
    String::from_utf8_lossy(&b[..end]).into_owned()
}`,
  'Hex(': `/// Bytes that have no better reading.
pub struct Hex(pub Vec<u8>);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}`,
  'Pointer(': `/// An address of the kernel or a process.
pub struct Pointer(pub u64);

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}`,
  'bits(b': `/// A bit field: Rust has none. Bits count from the lowest of the first byte, as on x86-64 and arm64.
fn bits(b: &[u8], from: usize, count: usize) -> u64 {
    (0..count).fold(0, |all, i| {
        let bit = from + i;
        all | u64::from(b[bit / 8] >> (bit % 8) & 1) << i
    })
}`,
  'signed_bits(b': `fn signed_bits(b: &[u8], from: usize, count: usize) -> i64 {
    (bits(b, from, count) << (64 - count)) as i64 >> (64 - count)
}`,
};
