/** What of a packet is not as a test expects it, in the terms of its headers where that says more than bytes do. */
import type { TestDifference } from '../model/index.ts';
import { dissect } from './packet/dissect.ts';
import { findLayer } from './packet/layers.ts';
import { parseFieldValue } from './packet/values.ts';
import type { Placed, TestExpectation, TestPlace } from './testFile.ts';

type Difference = Omit<TestDifference, 'line' | 'column'>;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Bytes around a difference that are shown. */
const SHOWN = 16;

/** Of a whole packet. Lengths and checksums follow from the rest, and are told only when nothing else is. */
export function wholeDifferences(expected: Uint8Array, actual: Uint8Array): Difference[] {
  if (Buffer.from(expected).equals(Buffer.from(actual))) return [];
  const [want, have] = [dissect(expected), dissect(actual)];
  const layers = (d: typeof want): string => d.layers.map((layer) => layer.name).join(' / ') || 'bytes';
  const all: Difference[] = [];
  if (layers(want) !== layers(have)) {
    all.push({ what: 'data', path: 'layers', expected: layers(want), actual: layers(have) });
  } else {
    const differing = want.fields.flatMap((field, i): Difference[] => {
      const other = have.fields[i]!;
      return field.value === other.value
        ? []
        : [{ what: 'data', path: field.path, expected: field.text, actual: other.text }];
    });
    const telling = differing.filter(({ path }) => !/\.(checksum|len)$/.test(path));
    all.push(...(telling.length > 0 ? telling : differing));
  }
  if (expected.length !== actual.length)
    all.push({ what: 'data', path: 'length', expected: `${expected.length} bytes`, actual: `${actual.length} bytes` });
  // Headers have been told by their fields; a payload has only its bytes.
  const headers = all.some(({ path }) => path !== 'length') ? Math.max(want.payload, have.payload) : 0;
  const longest = Math.max(expected.length, actual.length);
  let first = headers;
  while (first < longest && expected[first] === actual[first]) first++;
  if (first < longest)
    all.push({ what: 'data', path: `bytes[${first}]`, expected: shown(expected, first), actual: shown(actual, first) });
  return all;
}

function shown(bytes: Uint8Array, at: number): string {
  const text = hex(bytes.subarray(at, at + SHOWN)).replace(/..(?=.)/g, '$& ');
  return at >= bytes.length ? 'the end' : `${text}${at + SHOWN < bytes.length ? ' …' : ''}`;
}

/** Of single fields and bytes. `known`: says that there is no such field at all. */
export function partDifferences(
  { fields, bytes }: Pick<TestExpectation, 'fields' | 'bytes'>,
  actual: Uint8Array,
): Placed<Difference>[] {
  const have = dissect(actual);
  const placed = (difference: Difference, place: TestPlace): Placed<Difference> => ({ value: difference, place });
  const ofFields = fields.flatMap(({ value: { path: asked, text }, place }): Placed<Difference>[] => {
    const path = canonicalPath(asked);
    const field = have.fields.find((one) => one.path === path);
    if (!field) {
      const names = have.layers.map((layer) => layer.name).join(' / ');
      return [
        placed({ what: 'data', path, expected: text, actual: `no such field in ${names || 'these bytes'}` }, place),
      ];
    }
    const wanted = wantedValue(path, text);
    return wanted === field.value ? [] : [placed({ what: 'data', path, expected: text, actual: field.text }, place)];
  });
  const ofBytes = bytes.flatMap(({ value: { offset, bytes: wanted }, place }): Placed<Difference>[] => {
    const part = actual.subarray(offset, offset + wanted.length);
    if (Buffer.from(wanted).equals(Buffer.from(part))) return [];
    const path = `bytes[${offset}]`;
    return [placed({ what: 'data', path, expected: shown(wanted, 0), actual: shown(part, 0) }, place)];
  });
  return [...ofFields, ...ofBytes];
}

/** "ip.ttl" is "ipv4.ttl". */
function canonicalPath(path: string): string {
  const [head = '', field = ''] = path.split('.');
  const [name = '', number] = head.split('#');
  const layer = findLayer(name);
  return layer ? `${layer.name}${number === undefined ? '' : `#${number}`}.${field}` : path;
}

/** null: the text is no value of the field. */
function wantedValue(path: string, text: string): bigint | null {
  const [head = '', name = ''] = path.split('.');
  const layer = findLayer(head.replace(/#.*/, ''));
  const field = layer?.fields.find((one) => one.name === name);
  return layer && field ? parseFieldValue(layer, field, text) : null;
}
