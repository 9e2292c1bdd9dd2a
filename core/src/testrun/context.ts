/** The context that a program is run with: JSON typed by the BTF of its own first parameter. */
import { recordFields, typeField, type BpfObject } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { encodePart } from '../maps/index.ts';
import type { FieldValue, RecordField } from '../model/index.ts';
import { hexBytes } from './packet/language.ts';

/** Kinds whose context in a test run is another type than their parameter's. */
const otherTypes: Readonly<Record<string, string>> = { flow_dissector: 'bpf_flow_keys' };
/** Kinds that get eight-byte arguments, one after the other. */
const argumentTypes = new Set(['raw_tracepoint', 'raw_tracepoint_writable', 'tracing']);
const MOST_ARGUMENTS = 12;

/** How a program's context lies in memory; null when its BTF does not say. */
export function contextField(object: BpfObject, program: string, type: string): RecordField | null {
  const { btf } = object;
  if (btf === null || argumentTypes.has(type)) return null;
  const other = otherTypes[type];
  const named = other === undefined ? null : btf.findByNameKind(other, 'struct');
  if (other !== undefined && named !== null) return typeField(btf, 'context', named);
  const func = btf.findByNameKind(program, 'func');
  const found = func === null ? null : btf.type(func);
  const proto = found?.kind === 'func' ? btf.type(found.type) : null;
  const parameter = proto?.kind === 'func_proto' ? proto.params[0] : undefined;
  const pointer = parameter && btf.resolve(parameter.type);
  if (pointer?.kind !== 'ptr' || pointer.type === 0) return null;
  const target = btf.resolve(pointer.type);
  return target.kind === 'struct' && recordFields(btf, pointer.type).length > 0
    ? typeField(btf, 'context', pointer.type)
    : null;
}

/**
 * The bytes of a context. `packetBytes`: an XDP program's context ends where its packet does, which the kernel insists on.
 * @throws RingsideError `bad-value`
 */
export function encodeContext(
  field: RecordField | null,
  type: string,
  value: FieldValue,
  packetBytes: number,
): Uint8Array {
  if (isObject(value) && Object.keys(value).length === 1 && typeof value['hex'] === 'string') {
    const bytes = hexBytes(value['hex']);
    if (bytes) return bytes;
  }
  const list = isObject(value) && Object.keys(value).length === 1 ? value['args'] : value;
  if (argumentTypes.has(type) && Array.isArray(list)) return encodeArguments(list);
  if (field === null)
    throw new RingsideError('bad-value', 'What this program takes as its context is not described by its BTF.', {
      remedy: argumentTypes.has(type)
        ? 'Give its arguments as a list of integers, or all bytes as {"hex": "…"}.'
        : 'Give all of its bytes as {"hex": "…"}.',
    });
  const filled = type === 'xdp' && isObject(value) && !('data_end' in value) ? withEnd(value, packetBytes) : value;
  return encodePart(field, filled, 'context');
}

/** Metadata before the packet moves its end. */
function withEnd(value: { [name: string]: FieldValue }, packetBytes: number): FieldValue {
  const start = typeof value['data'] === 'number' ? value['data'] : 0;
  return { ...value, data_end: start + packetBytes };
}

function encodeArguments(list: readonly FieldValue[]): Uint8Array {
  const field: RecordField = {
    ...{ name: 'args', type: '__u64', offset: 0, bits: 0, size: 8, kind: 'int', format: 'plain' },
  };
  if (list.length > MOST_ARGUMENTS)
    throw new RingsideError('bad-value', `${list.length} arguments are too many.`, {
      remedy: `At most ${MOST_ARGUMENTS}.`,
    });
  const out = new Uint8Array(list.length * 8);
  list.forEach((one, i) => {
    const unsigned = typeof one === 'string' && !one.trim().startsWith('-');
    out.set(encodePart({ ...field, kind: unsigned ? 'uint' : 'int' }, one, `context[${i}]`), i * 8);
  });
  return out;
}

function isObject(value: FieldValue): value is { [name: string]: FieldValue } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
