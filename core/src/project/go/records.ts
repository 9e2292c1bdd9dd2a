/** records.go: the types of records, keys and values, and how each is read from bytes. */
import type { RecordField } from '../../model/index.ts';
import { Lines } from '../lines.ts';
import { isComposite, shapesOf, type ProjectModel, type Shape } from '../model.ts';
import { pascal, Unique } from '../names.ts';
import { integerBits, isTail, scalarField, Types, type TypedEnum, type TypedStruct } from '../typed.ts';

/** What main.go and the file itself call something else. */
const reserved = ['Hex', 'Pointer', 'String'];

export class GoTypes extends Types {
  constructor(model: ProjectModel) {
    super(model, reserved);
  }
}

/** The function that reads a shape: `decodeExecEvent`. */
export function decoderOf(types: Types, shape: Shape): string {
  return `decode${types.ofShape(shape)?.name ?? `${pascal(shape.name)}Value`}`;
}

export function recordsText(model: ProjectModel, types: Types): string {
  const body = [
    ...types.structs.map((struct) => structText(types, struct)),
    ...shapesOf(model)
      .filter((shape) => !isComposite(shape))
      .map((shape) => scalarText(types, shape)),
    ...types.enums.map(enumText),
  ].join('\n\n');
  const helpers = Object.entries(helperTexts).filter(([name]) => body.includes(name));
  const code = [body, ...helpers.map(([, text]) => text)].filter((part) => part !== '').join('\n\n');
  const packages = ['bytes', 'encoding/binary', 'fmt', 'math', 'net/netip'].filter((name) =>
    // A name of the package follows: "24 bytes." stands in comments.
    new RegExp(`\\b${name.split('/').at(-1)!}\\.[A-Z]`).test(code),
  );
  const imports = packages.length === 0 ? '' : `\nimport (\n${packages.map((name) => `\t"${name}"`).join('\n')}\n)\n`;
  return `// The types of ${model.name}.bpf.c, read from the bytes that the kernel gives: every field where C has put it.\npackage main\n${imports}${code === '' ? '' : `\n${code}\n`}`;
}

/** Columns as gofmt has them. */
function aligned(rows: [string, string, string][]): string[] {
  const name = Math.max(...rows.map((row) => row[0].length));
  const type = Math.max(...rows.map((row) => row[1].length));
  return rows.map(([a, b, c]) => `${a.padEnd(name)} ${c === '' ? b : `${b.padEnd(type)} // ${c}`}`);
}

/** Field names of Go, by those of C. */
function goNames(struct: TypedStruct): string[] {
  const names = new Unique(['String']);
  return struct.fields.map(({ name }) => names.take(pascal(name)));
}

function structText(types: Types, struct: TypedStruct): string {
  const names = goNames(struct);
  const lines = new Lines();
  lines.add(`// ${struct.name} is ${struct.type || 'a record'}, ${struct.size} bytes.`);
  if (struct.fields.length === 0) lines.add(`type ${struct.name} struct{}`);
  else
    lines.block(`type ${struct.name} struct {`, '}', () =>
      lines.add(...aligned(struct.fields.map(({ field }, i) => [names[i]!, goType(types, field), comment(field)]))),
    );
  lines.add('');
  lines.block(`func decode${struct.name}(b []byte) ${struct.name} {`, '}', () => {
    const loops = struct.fields.filter(({ field }) => field.kind === 'array');
    if (struct.fields.length === 0) return void lines.add(`return ${struct.name}{}`);
    lines.block(`${loops.length > 0 ? 'v :=' : 'return'} ${struct.name}{`, '}', () => {
      const plain = struct.fields.flatMap(({ field, offset }, i) =>
        field.kind === 'array' ? [] : [[`${names[i]!}:`, value(types, field, offset, 'b')] as const],
      );
      const width = Math.max(0, ...plain.map(([name]) => name.length));
      for (const [name, expr] of plain) lines.add(`${name.padEnd(width)} ${expr},`);
    });
    for (const { field, offset, name } of loops)
      arrayText(
        lines,
        types,
        field,
        `v.${names[struct.fields.findIndex((one) => one.name === name)]!}`,
        String(offset),
        0,
      );
    if (loops.length > 0) lines.add('return v');
  });
  return lines
    .toString()
    .trimEnd()
    .replace(/\{\n\t?\}/g, '{}');
}

/** Every field has one: gofmt aligns comments of neighbouring lines. */
const comment = ({ type, bits }: RecordField): string => (bits > 0 ? `${type}, ${bits} bits` : type);

function arrayText(
  lines: Lines,
  types: Types,
  field: RecordField,
  target: string,
  offset: string,
  depth: number,
): void {
  const element = field.element!;
  const index = `i${depth === 0 ? '' : depth}`;
  lines.block(`for ${index} := range ${target} {`, '}', () => {
    const at = `${offset}+${index}*${element.size}`;
    if (element.kind === 'array') arrayText(lines, types, element, `${target}[${index}]`, at, depth + 1);
    else lines.add(`${target}[${index}] = ${value(types, element, at, 'b')}`);
  });
}

function scalarText(types: Types, shape: Shape): string {
  const { field } = scalarField(shape);
  const lines = new Lines();
  lines.block(`func ${decoderOf(types, shape)}(b []byte) ${goType(types, field)} {`, '}', () => {
    if (field.kind === 'array') {
      lines.add(`var v ${goType(types, field)}`);
      arrayText(lines, types, field, 'v', '0', 0);
      lines.add('return v');
    } else lines.add(`return ${value(types, field, 0, 'b')}`);
  });
  return lines.toString().trimEnd();
}

function goType(types: Types, field: RecordField): string {
  switch (field.kind) {
    case 'int':
    case 'char':
      return `int${integerBits(field)}`;
    case 'uint':
      return `uint${integerBits(field)}`;
    case 'bool':
      return 'bool';
    case 'float':
      return `float${field.size * 8}`;
    case 'pointer':
      return 'Pointer';
    case 'enum':
      return types.enumOf(field).name;
    case 'chars':
      return 'string';
    case 'ipv4':
    case 'ipv6':
      return 'netip.Addr';
    case 'bytes':
      return 'Hex';
    case 'array':
      return `[${field.count ?? 0}]${goType(types, field.element!)}`;
    case 'struct':
    case 'union':
      return types.structOf(field).name;
  }
}

/** An expression that reads one value of `b`. */
function value(types: Types, field: RecordField, offset: number | string, b: string): string {
  if (field.bits > 0) return bitsValue(types, field, Number(offset), b);
  const end = typeof offset === 'number' ? String(offset + field.size) : `${offset}+${field.size}`;
  const part = `${b}[${offset}:${end}]`;
  const number =
    field.size === 1
      ? `${b}[${offset}]`
      : `binary.${field.bigEndian === true ? 'BigEndian' : 'NativeEndian'}.Uint${field.size * 8}(${b}[${offset}:])`;
  switch (field.kind) {
    case 'uint':
      return number;
    case 'int':
    case 'char':
      return `int${field.size * 8}(${number})`;
    case 'bool':
      return `${number} != 0`;
    case 'float':
      return `math.Float${field.size * 8}frombits(${number})`;
    case 'pointer':
      return `Pointer(${number})`;
    case 'enum':
      return `${types.enumOf(field).name}(${signed(field, number)})`;
    case 'chars':
      return isTail(field) ? `text(${b}[${offset}:])` : `text(${part})`;
    case 'bytes':
      return isTail(field) ? `Hex(${b}[${offset}:])` : `Hex(${part})`;
    case 'ipv4':
      return `netip.AddrFrom4([4]byte(${part}))`;
    case 'ipv6':
      return `netip.AddrFrom16([16]byte(${part}))`;
    case 'struct':
    case 'union':
      return `decode${types.structOf(field).name}(${b}[${offset}:])`;
    case 'array':
      return `${goType(types, field)}{}`;
  }
}

/** Enums hold int64: names are looked up by C's value, which may be negative. */
function signed(field: RecordField, number: string): string {
  const negative = Object.keys(field.values ?? {}).some((one) => one.startsWith('-'));
  return negative ? `int${field.size * 8}(${number})` : number;
}

function bitsValue(types: Types, field: RecordField, offset: number, b: string): string {
  const call = `(${b}, ${offset * 8 + (field.bitOffset ?? 0)}, ${field.bits})`;
  if (field.kind === 'bool') return `bitsOf${call} != 0`;
  if (field.kind === 'enum') return `${types.enumOf(field).name}(bitsOf${call})`;
  return `${goType(types, field)}(${field.kind === 'int' ? 'signedBitsOf' : 'bitsOf'}${call})`;
}

function enumText({ name, type, values }: TypedEnum): string {
  const cases = values
    .filter(([value]) => BigInt.asIntN(64, BigInt(value)) === BigInt(value))
    .map(([value, text]) => `\tcase ${value}:\n\t\treturn "${text}"\n`);
  const choice = cases.length === 0 ? '' : `\tswitch v {\n${cases.join('')}\t}\n`;
  return `// ${name} is ${type}.\ntype ${name} int64\n\nfunc (v ${name}) String() string {\n${choice}\treturn fmt.Sprint(int64(v))\n}`;
}

const helperTexts: Record<string, string> = {
  'text(': `// text ends at its first NUL.
func text(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}`,
  'Hex(': `// Hex is bytes that have no better reading.
type Hex []byte

func (v Hex) String() string { return fmt.Sprintf("%x", []byte(v)) }`,
  'Pointer(': `// Pointer is an address of the kernel or a process.
type Pointer uint64

func (v Pointer) String() string { return fmt.Sprintf("%#x", uint64(v)) }`,
  'itsOf(': `// bitsOf reads a bit field: Go has none. Bits count from the lowest of the first byte, as on x86-64 and arm64.
func bitsOf(b []byte, from, count int) uint64 {
	var v uint64
	for i := 0; i < count; i++ {
		bit := from + i
		v |= uint64(b[bit/8]>>(bit%8)&1) << i
	}
	return v
}`,
  'signedBitsOf(': `func signedBitsOf(b []byte, from, count int) int64 {
	return int64(bitsOf(b, from, count)<<(64-count)) >> (64 - count)
}`,
};
