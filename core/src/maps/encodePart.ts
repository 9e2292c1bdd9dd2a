/** Values that are given in part: contexts of which most stays zero, and expectations that name only what matters. */
import { compileReader, jsonInteger } from '../events/index.ts';
import type { FieldValue, RecordField } from '../model/index.ts';
import { bad, encodeField, flat, isObject, names, writeField } from './encode.ts';

/**
 * The bytes of a struct of which only some members are given; the others are zero. Anything else is encoded whole.
 * @throws RingsideError `bad-value` that names the member and what would do.
 */
export function encodePart(field: RecordField, value: FieldValue, path: string): Uint8Array {
  const out = new Uint8Array(field.size);
  writePart(field, value, path, out, 0);
  return out;
}

function writePart(field: RecordField, value: FieldValue, path: string, out: Uint8Array, base: number): void {
  if ((field.kind !== 'struct' && field.kind !== 'union') || !isObject(value)) {
    writeField(field, value, path, out, base);
    return;
  }
  for (const [name, one] of Object.entries(value))
    writePart(memberOf(field, name, value, path), one, `${path}.${name}`, out, base);
}

function memberOf(field: RecordField, name: string, value: FieldValue, path: string): RecordField {
  const members = flat(field.fields ?? []);
  const member = members.find((one) => one.name === name);
  if (!member) throw bad(`${path}.${name}`, value, `an object with ${names(members)}`);
  return member;
}

/** A place where a value is not what was expected. */
export interface ValueDifference {
  /** "value.count", "key[3]". */
  path: string;
  expected: FieldValue;
  /** undefined: there is none. */
  actual: FieldValue | undefined;
}

/**
 * Where a decoded value differs from what is expected of it; members that the expectation does not name may be anything.
 * @throws RingsideError `bad-value` when the expectation is no value of the field at all.
 */
export function differences(
  field: RecordField,
  expected: FieldValue,
  actual: FieldValue | undefined,
  path: string,
): ValueDifference[] {
  if ((field.kind === 'struct' || field.kind === 'union') && isObject(expected)) {
    const have = actual !== undefined && isObject(actual) ? actual : {};
    return Object.entries(expected).flatMap(([name, one]) =>
      differences(memberOf(field, name, expected, path), one, have[name], `${path}.${name}`),
    );
  }
  const { element } = field;
  if (field.kind === 'array' && element && Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) return [{ path, expected, actual }];
    return expected.flatMap((one, i) => differences(element, one, actual[i], `${path}[${i}]`));
  }
  const canonical = canonicalValue(field, expected, path);
  return JSON.stringify(canonical) === JSON.stringify(actual) ? [] : [{ path, expected: canonical, actual }];
}

/** As the reader would give it: names for numbers of enums, one spelling for addresses. */
function canonicalValue(field: RecordField, value: FieldValue, path: string): FieldValue {
  // Sums of several CPUs may be larger than one value can be.
  const plain = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const isCount = field.kind === 'int' || field.kind === 'uint';
  if (isCount && /^-?\d+$|^0x[\da-f]+$/i.test(plain)) return jsonInteger(BigInt(plain));
  const alone = { ...field, offset: 0 };
  const bytes = encodeField(alone, value, path);
  return compileReader(alone)(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
}
