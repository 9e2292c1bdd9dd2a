/**
 * The types of a project for languages that read records from bytes: each struct, union and enum once, with a name of
 * that language, and what it is made of.
 */
import type { RecordField } from '../model/index.ts';
import { SCALAR, isComposite, shapesOf, type ProjectModel, type Shape } from './model.ts';
import { pascal, Unique } from './names.ts';

export interface TypedField {
  /** As C has it. */
  name: string;
  /** Bytes from the start of the struct that it belongs to. */
  offset: number;
  field: RecordField;
}

export interface TypedStruct {
  name: string;
  /** C spelling. */
  type: string;
  size: number;
  fields: TypedField[];
}

export interface TypedEnum {
  name: string;
  type: string;
  /** [value, name] */
  values: [string, string][];
}

export class Types {
  readonly structs: TypedStruct[] = [];
  readonly enums: TypedEnum[] = [];
  readonly #names: Unique;
  readonly #structs = new Map<string, TypedStruct>();
  readonly #enums = new Map<string, TypedEnum>();
  readonly #shapes = new Map<string, TypedStruct>();

  constructor(model: ProjectModel, reserved: Iterable<string>) {
    this.#names = new Unique(reserved);
    for (const shape of shapesOf(model)) {
      if (isComposite(shape))
        this.#shapes.set(shape.name, this.#struct(shape.type, shape.name, shape.size, shape.fields, 0));
      else this.#visit(shape.fields[0]!, pascal(shape.name));
    }
  }

  /** The struct of a shape; undefined for a scalar. */
  ofShape(shape: Shape): TypedStruct | undefined {
    return this.#shapes.get(shape.name);
  }

  structOf(field: RecordField): TypedStruct {
    return this.#structs.get(structKey(field))!;
  }

  enumOf(field: RecordField): TypedEnum {
    return this.#enums.get(enumKey(field))!;
  }

  #struct(type: string, fallback: string, size: number, fields: RecordField[], base: number): TypedStruct {
    const named = /^(?:(?:struct|union|enum) )?(\w+)$/.exec(type)?.[1];
    const name = this.#names.take(pascal(named ?? fallback));
    const made: TypedStruct = { name, type, size, fields: [] };
    // Structs come before what they are made of: readers see the record first.
    this.structs.push(made);
    made.fields = fields
      .filter((field) => field.name !== '' && (field.size > 0 || isTail(field)))
      .map((field) => ({ name: field.name, offset: field.offset - base, field }));
    for (const field of fields) this.#visit(field, `${name}${pascal(field.name)}`);
    return made;
  }

  #visit(field: RecordField, at: string): void {
    if (field.kind === 'array') {
      this.#visit(field.element!, at);
      return;
    }
    if (field.kind === 'enum' && !this.#enums.has(enumKey(field))) {
      const named = /^enum (\w+)$/.exec(field.type)?.[1];
      const made = {
        name: this.#names.take(pascal(named ?? at)),
        type: field.type,
        values: Object.entries(field.values ?? {}),
      };
      this.#enums.set(enumKey(field), made);
      this.enums.push(made);
    }
    if ((field.kind !== 'struct' && field.kind !== 'union') || this.#structs.has(structKey(field))) return;
    const made = this.#struct(field.type, at, field.size, field.fields!, field.offset);
    this.#structs.set(structKey(field), made);
  }
}

/** A variable tail of bytes or text: to the record's end. */
export function isTail(field: RecordField): boolean {
  return field.size === 0 && (field.kind === 'chars' || field.kind === 'bytes');
}

/** What makes two nested types one: their spelling, and where the members lie from their own start. */
function structKey(field: RecordField): string {
  const relative = (fields: RecordField[]): unknown[] =>
    fields.map((one) => [
      one.name,
      one.kind,
      one.type,
      one.offset - field.offset,
      one.size,
      one.bits,
      one.bitOffset,
      one.fields && relative(one.fields),
      one.element,
    ]);
  return JSON.stringify([field.type, field.size, relative(field.fields ?? [])]);
}

function enumKey(field: RecordField): string {
  return JSON.stringify([field.type, field.values]);
}

/** The one field of a scalar shape, as a field of a struct would be. */
export function scalarField(shape: Shape): TypedField {
  return { name: SCALAR, offset: 0, field: { ...shape.fields[0]!, offset: 0 } };
}

/** The width of the integer that holds a field, in bits: a bit field in a unit of an odd size gets the widest. */
export const integerBits = (field: RecordField): number => ([1, 2, 4, 8].includes(field.size) ? field.size * 8 : 64);
