/** Global variables of a program that a test sets: anything that JSON can say, typed by BTF. */
import { encodeGlobal, readGlobals, typeField, type BpfObject } from '../bpf/index.ts';
import { encodePart } from '../maps/index.ts';
import type { FieldValue, RecordField } from '../model/index.ts';

export interface GlobalBytes {
  variable: string;
  value: Uint8Array;
}

/** Errors: `unknown-variable`, `bad-value`, `object-without-btf`. */
export function encodeTestGlobal(object: BpfObject, name: string, value: FieldValue): GlobalBytes {
  const global = globalField(object, name);
  if (global === null || value === null || typeof value !== 'object') {
    const text = value === null || typeof value === 'object' ? JSON.stringify(value) : String(value);
    // As --set takes it; its errors name the variables that there are.
    const { variable, bytes } = encodeGlobal(object, name, text);
    return { variable, value: bytes };
  }
  return { variable: name, value: encodePart(global.field, value, name) };
}

/** Where a variable is, and how it reads; null when there is none. */
export function globalField(object: BpfObject, name: string): { section: string; field: RecordField } | null {
  const found = object.btf ? readGlobals(object).find((global) => global.name === name) : undefined;
  return found ? { section: found.section, field: typeField(object.btf!, name, found.type) } : null;
}
