/** The header of a project in C: the types of records, keys and values, one definition for both sides where that can be. */
import type { RecordField } from '../../model/index.ts';
import type { Cut } from '../cText.ts';
import { isComposite, shapesOf, type ProjectModel } from '../model.ts';
import { elementOf, scalarType, structText } from './layout.ts';
import { globalTypes, isNamed, plainType } from './shared.ts';
import { isSystemName } from './systemNames.ts';

/** What <linux/types.h>, <sys/types.h>, <stdint.h> and <stdbool.h> know. */
const commonTypes =
  /^(?:__[us](?:8|16|32|64)|__(?:be|le)(?:16|32|64)|u?int(?:8|16|32|64)_t|bool|_Bool|char|short|int|long|float|double|void|unsigned|signed|(?:un)?signed \w+.*|long \w+.*|short \w+.*|(?:pid|uid|gid|mode|off|loff|time|dev|ino|size|ssize|nlink)_t)$/;

/** How C calls a shape: as the source does, or by the struct that the header has for it. */
export function typeNames(model: ProjectModel, cut: Cut | null): Map<string, string> {
  return new Map(
    shapesOf(model)
      .filter(isComposite)
      .map((shape) => [shape.name, cut?.names.has(shape.type) === true ? shape.type : `struct ${shape.name}`]),
  );
}

export function headerText(model: ProjectModel, cut: Cut | null): string {
  const shapes = shapesOf(model).filter(isComposite);
  const guard = `${model.name.toUpperCase()}_H`;
  const parts = [
    `#ifndef ${guard}\n#define ${guard}`,
    cut
      ? `/* Types that the program in the kernel and ${model.name}.c share. */`
      : `/* Types of ${model.name}.bpf.c as ${model.name}.c reads them: what changes there is to be changed here. */`,
    '#ifndef __bpf__\n#include <linux/types.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <sys/types.h>\n#endif',
  ];
  const own = shapes.filter((shape) => cut?.names.has(shape.type) !== true);
  const known = new Set([...(cut?.names ?? []), ...own.map((shape) => `struct ${shape.name}`)]);
  const foreign = foreignTypes(model, cut, known);
  if (foreign.length > 0)
    parts.push(
      `/* ${cut ? 'Types of other headers, as far as they are used' : 'Types of global variables'}. */\n#ifndef __bpf__\n${foreign.join('\n')}\n#endif`,
    );
  if (cut) parts.push(cut.definitions);
  const mirrored = own.map((shape) => structText(shape)).join('\n\n');
  if (mirrored !== '') parts.push(cut ? `#ifndef __bpf__\n${mirrored}\n#endif` : mirrored);
  const names = typeNames(model, cut);
  const checked = cut ? shapes.filter((shape) => cut.names.has(shape.type)) : shapes;
  const sizes = checked.map(
    (shape) => `_Static_assert(sizeof(${names.get(shape.name)!}) == ${shape.size}, "as it was compiled");`,
  );
  if (sizes.length > 0) parts.push(sizes.join('\n'));
  parts.push(`#endif`);
  return `${parts.join('\n\n')}\n`;
}

/** Definitions of the types that the shared ones, and the skeleton, mention and nothing else defines. */
function foreignTypes(model: ProjectModel, cut: Cut | null, known: ReadonlySet<string>): string[] {
  const found = new Map<string, string>();
  const add = (type: string, field: RecordField): void => {
    if (!isNamed(type) || known.has(type) || commonTypes.test(type) || isSystemName(type) || found.has(type)) return;
    const text = foreignText(type, field);
    if (text !== null) found.set(type, text);
  };
  const visit = (field: RecordField): void => {
    const [element] = elementOf(field);
    for (const inner of element.fields ?? []) visit(inner);
    add(plainType(element.type), element);
  };
  for (const shape of shapesOf(model)) if (cut?.names.has(shape.type) === true) shape.fields.forEach(visit);
  for (const [type, field] of globalTypes(model)) {
    if (cut?.names.has(type) === true) field.fields?.forEach(visit);
    else add(type, field);
  }
  return [...found.values()];
}

function foreignText(type: string, field: RecordField): string | null {
  const tag = /^(struct|union|enum) (\w+)$/.exec(type);
  const [, keyword, name] = tag ?? [];
  if (keyword === 'enum') {
    // Enumerators that user space has already mean the same there.
    const values = Object.entries(field.values ?? {}).filter(([, one]) => !isSystemName(one));
    const listed = values.length > 0 ? values : [['0', `${name!}_none_`] as const];
    return `enum ${name!} {\n${listed.map(([value, one]) => `\t${one} = ${value},`).join('\n')}\n};`;
  }
  if (field.fields) {
    const shape = { type, name: name ?? type, size: field.size, fields: rebased(field.fields, field.offset) };
    return tag ? structText(shape, type) : structText(shape, `typedef ${field.kind}`, ` ${type};`);
  }
  if (tag !== null) return null;
  const [element, counts] = elementOf(field);
  const isBytes = element.kind === 'chars' || element.kind === 'bytes' || element.kind === 'ipv6';
  return element.fields
    ? null
    : `typedef ${scalarType(element)} ${type}${counts}${isBytes ? `[${element.size}]` : ''};`;
}

/** Fields as if what they lie in began at 0. */
function rebased(fields: RecordField[], by: number): RecordField[] {
  return fields.map((field) => ({
    ...field,
    offset: field.offset - by,
    ...(field.fields && { fields: rebased(field.fields, by) }),
  }));
}
