/** Which types the source and the user space can share by one header, and which can be in no project in C at all. */
import { RingsideError } from '../../errors.ts';
import type { RecordField } from '../../model/index.ts';
import { cutTypes, type Cut } from '../cText.ts';
import { isComposite, shapesOf, type ProjectModel } from '../model.ts';
import { elementOf, memberName } from './layout.ts';
import { isMacro, isSystemName } from './systemNames.ts';

/** The type's name alone: without arrays, const and volatile. */
export function plainType(type: string): string {
  return type
    .replace(/(\[\d*\])+$/, '')
    .replace(/^((const|volatile) )+/, '')
    .trim();
}

/** Whether it is a name, not a pointer or a type without one. */
export const isNamed = (type: string): boolean => /^(?:(?:struct|union|enum) )?\w+$/.test(type);

/** Types that the skeleton calls by name; members of a type without a name stand in the skeleton themselves. */
export function globalTypes({ globals }: ProjectModel): Map<string, RecordField> {
  const found = new Map<string, RecordField>();
  const visit = (field: RecordField): void => {
    const [element] = elementOf(field);
    const own = plainType(field.type);
    const type = isNamed(own) ? own : plainType(element.type);
    if (isNamed(type)) found.set(type, type === own ? field : element);
    else if (!type.endsWith('*')) element.fields?.forEach(visit);
  };
  globals.forEach(visit);
  return found;
}

/** Types that can only come from the source. */
function wanted(model: ProjectModel): Map<string, RecordField[]> {
  const shapes = shapesOf(model).filter(isComposite);
  const types = new Map(shapes.map((shape) => [shape.type, shape.fields]));
  for (const [type, field] of globalTypes(model)) types.set(type, [field]);
  return types;
}

/**
 * What moves from the source to the header: definitions that nothing of the system stands in the way of. null: none.
 * @param header the file that the source includes from then on
 */
export function sharedCut(model: ProjectModel, source: string, header: string): Cut | null {
  const movable = [...wanted(model)].filter(([type, fields]) => {
    const cut = cutTypes(source, [type], header);
    return cut !== null && ![...cut.names].some(isSystemName) && !fields.some(clashes);
  });
  return cutTypes(
    source,
    movable.map(([type]) => type),
    header,
  );
}

/** A member whose name or type means something else in user space. */
function clashes(field: RecordField): boolean {
  const [element] = elementOf(field);
  const type = plainType(element.type);
  const isForeign = /^(struct|union|enum) /.test(type) && isSystemName(type);
  return isMacro(field.name) || isForeign || (element.fields ?? []).some(clashes);
}

/** @throws RingsideError `usage` when a name of the program cannot be in user space written in C */
export function refuseNames(model: ProjectModel, source: string): void {
  const remedy = 'Rename it in the program, or make the project in Go or Rust.';
  const names = [
    ...model.hooks.map((hook) => hook.program),
    ...model.streams.map((stream) => stream.map),
    ...model.tables.map((table) => table.map),
    ...model.globals.map((field) => field.name),
  ];
  const macro = names.find((name) => memberName(name) !== name);
  if (macro !== undefined)
    throw new RingsideError(
      'usage',
      `${macro} is a word of C's library or language, which no skeleton can have as a name.`,
      {
        remedy,
      },
    );
  for (const [type, field] of globalTypes(model)) {
    if (isSystemName(type) && cutTypes(source, [type], '') !== null)
      throw new RingsideError(
        'usage',
        `${type}, the type of a global variable, has the name of another type of the C library: a skeleton cannot have both.`,
        { remedy },
      );
    if ((field.kind === 'struct' || field.kind === 'union') && !field.fields)
      throw new RingsideError(
        'usage',
        `${type}, the type of a global variable, has too many members to be written again in C.`,
        {
          remedy: 'Make the variable static, or the project in Go or Rust.',
        },
      );
  }
}
