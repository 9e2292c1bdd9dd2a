/** Types written from what is known of their fields, with every field where it lies: for types that the source does not define itself. */
import type { RecordField } from '../../model/index.ts';
import { Lines } from '../lines.ts';
import { isComposite, type Shape } from '../model.ts';
import { identifier } from '../names.ts';
import { isMacro } from './systemNames.ts';

/** `struct NAME { … };`, or what else `open` and `close` make of it. As aligned as the compiler has it. */
export function structText(shape: Shape, open = `struct ${shape.name}`, close = ';'): string {
  const lines = new Lines();
  const align = alignmentInBtf(shape.fields, 0, shape.size);
  body(lines, open, close, shape.fields, 0, shape.size, isUnion(shape), align);
  return lines.toString().trimEnd();
}

/** A member's name; the preprocessor would take those of macros ("errno") away. */
export function memberName(name: string): string {
  return isMacro(name) ? `${name}_` : identifier(name);
}

const isUnion = (shape: Shape): boolean =>
  shape.type.startsWith('union ') || (isComposite(shape) && overlap(shape.fields));

/**
 * The members of a struct or union that begins at `base`. In a struct that says nothing of padding the fields stand one after
 * the other; where that is not where they lie, it is packed and padded. Fields that overlap each get a struct of their own
 * within a union: C has no other way to place them freely.
 */
function body(
  lines: Lines,
  open: string,
  close: string,
  fields: RecordField[],
  base: number,
  size: number,
  union: boolean,
  align = 1,
): void {
  const sized = fields.filter(
    (field) => field.size > 0 || field.kind === 'array' || field.kind === 'chars' || field.kind === 'bytes',
  );
  if (union || overlap(sized)) {
    overlapping(lines, open, close, sized, base, size, align);
    return;
  }
  const natural = naturalSize(sized, base) === size;
  const packed = align > 1 ? `packed, aligned(${align})` : 'packed';
  lines.block(`${open} {`, `}${natural ? '' : ` __attribute__((${packed}))`}${close}`, () => {
    let cursor = base;
    sized.forEach((field, i) => {
      if (!natural && field.offset > cursor) lines.add(`unsigned char pad${i}_[${field.offset - cursor}];`);
      member(lines, field, field.offset);
      cursor = field.offset + field.size;
    });
    if (!natural && base + size > cursor) lines.add(`unsigned char pad_[${base + size - cursor}];`);
  });
}

function overlapping(
  lines: Lines,
  open: string,
  close: string,
  fields: RecordField[],
  base: number,
  size: number,
  align: number,
): void {
  lines.block(`${open} {`, `}${align > 1 ? ` __attribute__((aligned(${align})))` : ''}${close}`, () => {
    lines.block('union {', '};', () => {
      fields.forEach((field, i) => {
        lines.block('struct {', '} __attribute__((packed));', () => {
          if (field.offset > base) lines.add(`unsigned char pad${i}_[${field.offset - base}];`);
          if ((field.bitOffset ?? 0) > 0) lines.add(`${unitType(field)} : ${field.bitOffset!};`);
          member(lines, field, field.offset);
        });
      });
      lines.add(`unsigned char size_[${Math.max(size, 1)}];`);
    });
  });
}

/** Bytes of a struct of these fields without a word on padding; -1 when they would not lie where they should. */
function naturalSize(fields: RecordField[], base: number): number {
  let cursor = base;
  let align = 1;
  for (const field of fields) {
    const own = alignment(field);
    align = Math.max(align, own);
    cursor = up(cursor - base, own) + base;
    if (field.bits > 0 || field.offset !== cursor) return -1;
    cursor += field.size;
  }
  return up(cursor - base, align);
}

/** As libbpf works it out: what does not lie where its own alignment asks is packed. bpftool places variables by it. */
function alignmentInBtf(fields: RecordField[], base: number, size: number): number {
  const own = (field: RecordField): number => {
    if (field.fields) return alignmentInBtf(field.fields, field.offset, field.size);
    if (field.element) return own(field.element);
    return field.kind === 'ipv6' && field.type.startsWith('struct ') ? 4 : alignment(field);
  };
  const align = Math.max(1, ...fields.map(own));
  const fits =
    size % align === 0 && fields.every((field) => field.bits > 0 || (field.offset - base) % own(field) === 0);
  return fits ? align : 1;
}

const up = (value: number, to: number): number => Math.ceil(value / to) * to;

function alignment(field: RecordField): number {
  switch (field.kind) {
    case 'struct':
    case 'union': {
      const inner = field.fields ?? [];
      const natural = field.kind === 'struct' && !overlap(inner) && naturalSize(inner, field.offset) === field.size;
      return natural ? Math.max(1, ...inner.map(alignment)) : 1;
    }
    case 'array':
      return field.element ? alignment(field.element) : 1;
    case 'int':
    case 'uint':
    case 'bool':
    case 'enum':
    case 'float':
    case 'pointer':
      return field.size;
    case 'ipv4':
      return field.type.endsWith(']') ? 1 : field.size;
    case 'char':
    case 'chars':
    case 'bytes':
    case 'ipv6':
      return 1;
  }
}

function overlap(fields: RecordField[]): boolean {
  return fields.some((field, i) => {
    const before = fields[i - 1];
    return field.bits > 0 || (before !== undefined && field.offset < before.offset + before.size);
  });
}

function member(lines: Lines, field: RecordField, offset: number): void {
  const name = field.name === '' ? `at${offset}_` : memberName(field.name);
  const comment = field.kind === 'enum' || field.kind === 'bytes' ? ` /* ${field.type.replaceAll('*/', '')} */` : '';
  if (field.bits > 0) return void lines.add(`${unitType(field)} ${name} : ${field.bits};${comment}`);
  if ((field.kind === 'struct' || field.kind === 'union') && field.fields) {
    body(lines, 'struct', ` ${name};`, field.fields, field.offset, field.size, field.kind === 'union');
    return;
  }
  const [element, counts] = elementOf(field);
  if ((element.kind === 'struct' || element.kind === 'union') && element.fields) {
    body(lines, 'struct', ` ${name}${counts};`, element.fields, element.offset, element.size, element.kind === 'union');
    return;
  }
  lines.add(`${scalarType(element)} ${name}${counts}${isText(element) ? `[${element.size || ''}]` : ''};${comment}`);
}

const isText = (field: RecordField): boolean =>
  field.kind === 'chars' ||
  field.kind === 'bytes' ||
  field.kind === 'ipv6' ||
  (field.kind === 'ipv4' && field.type.endsWith(']'));

/** The innermost element, and the counts of the arrays around it: `[2][3]`. */
export function elementOf(field: RecordField): [RecordField, string] {
  let counts = '';
  let element = field;
  while (element.kind === 'array' && element.element) {
    counts += `[${element.count || ''}]`;
    element = element.element;
  }
  return [element, counts];
}

function unitType(field: RecordField): string {
  const isSigned =
    field.kind === 'int' ||
    (field.kind === 'enum' && Object.keys(field.values ?? {}).some((one) => one.startsWith('-')));
  return `${isSigned ? '__s' : '__u'}${[1, 2, 4, 8].includes(field.size) ? field.size * 8 : 8}`;
}

/** A type of <linux/types.h> for one value. */
export function scalarType(field: RecordField): string {
  switch (field.kind) {
    case 'bool':
      return field.size === 1 ? 'bool' : unitType(field);
    case 'int':
      return unitType(field);
    case 'uint':
    case 'enum':
    case 'ipv4':
      return isText(field) ? 'unsigned char' : unitType(field);
    case 'pointer':
      return '__u64';
    case 'float':
      return field.size === 4 ? 'float' : 'double';
    case 'char':
    case 'chars':
      return 'char';
    case 'bytes':
    case 'ipv6':
    case 'struct':
    case 'union':
    case 'array':
      return 'unsigned char';
  }
}
