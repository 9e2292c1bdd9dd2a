/** Functions of C that print a value of a type, field by field. */
import type { RecordField } from '../../model/index.ts';
import { Lines } from '../lines.ts';
import { SCALAR, isComposite, type Shape } from '../model.ts';
import { identifier } from '../names.ts';
import { memberName, scalarType } from './layout.ts';

/** Functions that print one enum's names, each once. */
export class Enums {
  readonly #names = new Map<string, string>();
  readonly #texts: string[] = [];

  function(field: RecordField, at: string): string {
    const values = Object.entries(field.values ?? {});
    const key = JSON.stringify(values);
    let name = this.#names.get(key);
    if (name === undefined) {
      const wanted = identifier(`name_of_${/^enum (\w+)$/.exec(field.type)?.[1] ?? at}`);
      name = [...this.#names.values()].includes(wanted) ? `${wanted}_${this.#names.size}` : wanted;
      this.#names.set(key, name);
      this.#texts.push(enumText(name, values));
    }
    return name;
  }

  get texts(): readonly string[] {
    return this.#texts;
  }
}

function enumText(name: string, values: [string, string][]): string {
  const lines = new Lines();
  lines.block(`static void ${name}(long long value)\n{`, '}', () => {
    lines.block('switch (value) {', '}', () => {
      for (const [value, text] of values)
        lines.add(
          `case ${value === '-9223372036854775808' ? '(-9223372036854775807LL - 1)' : `${value}LL`}:`,
          `\tprintf("${text}");`,
          '\treturn;',
        );
    });
    lines.add('printf("%lld", value);');
  });
  return lines.toString().trimEnd();
}

/** `static void print_NAME(const TYPE *v)`; for a scalar, of the type that holds it. */
export function printFunction(shape: Shape, type: string, enums: Enums): string {
  const lines = new Lines();
  lines.block(`static void print_${shape.name}(const ${type} *v)\n{`, '}', () => {
    if (isComposite(shape)) fieldsText(lines, shape.fields, 'v->', ' ', shape.name, enums, 0);
    else valueText(lines, { ...shape.fields[0]!, name: SCALAR }, '(*v)', shape.name, enums, 0);
  });
  return lines.toString().trimEnd();
}

/** The type of a variable that holds a shape which is no struct. */
export function scalarHolder(shape: Shape): string {
  const field = shape.fields[0]!;
  const scalar =
    ['int', 'uint', 'bool', 'enum', 'pointer', 'float', 'char'].includes(field.kind) ||
    (field.kind === 'ipv4' && field.size === 4 && !field.type.endsWith(']'));
  return scalar ? scalarType(field) : 'unsigned char';
}

function fieldsText(
  lines: Lines,
  fields: RecordField[],
  path: string,
  before: string,
  at: string,
  enums: Enums,
  depth: number,
): void {
  fields.forEach((field, i) => {
    // What the source gives no name, and what reaches to the record's end, is shown by who has the whole record.
    if (field.name === '' || field.size === 0) return;
    const separator = i === 0 ? before : ' ';
    valueText(
      lines,
      field,
      `${path}${memberName(field.name)}`,
      `${at}_${field.name}`,
      enums,
      depth,
      `${separator}${field.name}=`,
    );
  });
}

/** What prints one value, with the text `before` it. */
function valueText(
  lines: Lines,
  field: RecordField,
  expr: string,
  at: string,
  enums: Enums,
  depth: number,
  before = '',
): void {
  const number = numberText(field, expr);
  if (number !== null) return void lines.add(`printf("${before}${number[0]}", ${number[1]});`);
  if (before !== '') lines.add(`printf("${before}");`);
  switch (field.kind) {
    case 'struct':
    case 'union':
      lines.add('printf("{");');
      fieldsText(lines, field.fields ?? [], `${expr}.`, '', at, enums, depth);
      return void lines.add('printf("}");');
    case 'array': {
      arrayText(lines, field, expr, at, enums, depth);
      return;
    }
    case 'enum':
      return void lines.add(`${enums.function(field, at)}(${expr});`);
    case 'chars':
      return void lines.add(`print_text((const char *)&${expr}, ${field.size});`);
    case 'ipv4':
      return void lines.add(`print_address(AF_INET, &${expr});`);
    case 'ipv6':
      return void lines.add(`print_address(AF_INET6, &${expr});`);
    default:
      return void lines.add(`print_bytes(&${expr}, ${field.size});`);
  }
}

/** The format and the argument of what is one number; else null. */
function numberText(field: RecordField, expr: string): [string, string] | null {
  switch (field.kind) {
    case 'bool':
      return ['%s', `${expr} ? "true" : "false"`];
    case 'float':
      return ['%g', `(double)${expr}`];
    case 'pointer':
      return ['0x%llx', `(unsigned long long)(uintptr_t)${expr}`];
    case 'int':
    case 'char':
      return ['%lld', `(long long)${expr}`];
    case 'uint': {
      const swap = field.bigEndian === true && field.bits === 0 && field.size > 1 ? `be${field.size * 8}toh` : '';
      return [
        field.format === 'hex' ? '0x%llx' : '%llu',
        `(unsigned long long)${swap === '' ? expr : `${swap}(${expr})`}`,
      ];
    }
    default:
      return null;
  }
}

/** Elements one by one; of numbers, those that are 0 at the end are left out. */
function arrayText(lines: Lines, field: RecordField, expr: string, at: string, enums: Enums, depth: number): void {
  const { element, count = 0 } = field;
  if (!element || count === 0) return void lines.add('printf("[]");');
  const index = `i${depth}`;
  const isNumber = element.kind === 'int' || element.kind === 'uint';
  lines.add('printf("[");');
  const used = isNumber ? `used${depth}` : String(count);
  lines.block('{', '}', () => {
    if (isNumber) {
      lines.add(`size_t ${used} = ${count};\n`);
      lines.add(`while (${used} > 0 && ${expr}[${used} - 1] == 0)`, `\t${used}--;`);
    }
    lines.block(`for (size_t ${index} = 0; ${index} < ${used}; ${index}++) {`, '}', () => {
      lines.add(`printf("%s", ${index} > 0 ? ", " : "");`);
      valueText(lines, element, `${expr}[${index}]`, at, enums, depth + 1);
    });
  });
  lines.add('printf("]");');
}
