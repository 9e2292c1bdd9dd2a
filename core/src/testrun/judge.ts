/** What of a test's outcome is not as it was expected. */
import { bytesField } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { differences, type ValueDifference } from '../maps/index.ts';
import type { FieldValue, RecordField, TestDifference, TypedMap } from '../model/index.ts';
import { partDifferences, wholeDifferences } from './packetDifferences.ts';
import { returnName, returnNames } from './returnValues.ts';
import type { MapEntrySpec, Placed, TestExpectation, TestPlace } from './testFile.ts';

type Kind = TestDifference['what'];

/** Decoded records and their types, in the order in which they came. */
export interface EmittedRecord {
  fields: Record<string, FieldValue>;
  type: RecordField;
}

export class Judge {
  readonly differences: TestDifference[] = [];

  constructor(private readonly expected: TestExpectation) {}

  private add(what: Kind, path: string, expected: string, actual: string, place: TestPlace): void {
    this.differences.push({ what, path, expected, actual, ...place });
  }

  private addAll(what: Kind, found: readonly ValueDifference[], place: TestPlace): void {
    for (const { path, expected, actual } of found)
      this.add(what, path, valueText(expected), actual === undefined ? 'nothing' : valueText(actual), place);
  }

  /** `type`: the program's. Error: `bad-value` for a name that its return values do not have. */
  returned(type: string, value: number): void {
    const { returns } = this.expected;
    if (returns === null) return;
    const wanted = returnNumber(type, returns);
    if (wanted === value >>> 0) return;
    this.add('return', 'return', returnText(type, wanted), returnText(type, value), returns.place);
  }

  packet(actual: Uint8Array): void {
    const { packet } = this.expected;
    for (const one of packet === null ? [] : wholeDifferences(packet.value, actual))
      this.add(one.what, one.path, one.expected, one.actual, packet!.place);
    for (const { value, place } of partDifferences(this.expected, actual))
      this.add(value.what, value.path, value.expected, value.actual, place);
  }

  /** `field` null: the program's BTF does not describe it. */
  context(field: RecordField | null, actual: Uint8Array, decode: (bytes: Uint8Array) => FieldValue): void {
    const { context } = this.expected;
    if (context === null) return;
    if (field === null || actual.length === 0) {
      this.add(
        'context',
        'context',
        valueText(context.value),
        'nothing: this kind of program gives none back',
        context.place,
      );
      return;
    }
    this.addAll('context', differences(field, context.value, decode(actual), 'context'), context.place);
  }

  /** `actual` undefined: there is no such entry. */
  mapEntry(map: string, typed: TypedMap, { key, value, place }: MapEntrySpec, actual: FieldValue | undefined): void {
    const path = key === null ? map : `${map}[${keyText(key)}]`;
    if (value === undefined) {
      if (actual !== undefined) this.add('map', path, 'no entry', valueText(actual), place);
      return;
    }
    if (actual === undefined) {
      this.add('map', path, valueText(value), 'no entry', place);
      return;
    }
    const field = typed.value ?? bytesField('value', 0);
    const found = typed.perCpu > 0 ? perCpu(field, value, actual, path) : differences(field, value, actual, path);
    this.addAll('map', found, place);
  }

  global(
    field: RecordField,
    { value: { name, value }, place }: TestExpectation['globals'][number],
    actual: FieldValue,
  ): void {
    this.addAll('global', differences(field, value, actual, name), place);
  }

  /** Of one stream, in order; the number counts too. */
  records(
    stream: string,
    place: TestPlace,
    expected: readonly Placed<FieldValue>[],
    actual: readonly EmittedRecord[],
  ): void {
    if (expected.length !== actual.length)
      this.add('record', stream, countText(expected.length), countText(actual.length), place);
    for (const [i, one] of expected.entries()) {
      const record = actual[i];
      if (!record) break;
      this.addAll('record', differences(record.type, one.value, record.fields, `${stream}[${i}]`), one.place);
    }
  }

  /** Each expected text must be part of a print of its own, in this order. */
  prints(actual: readonly string[], unknown: string): void {
    let next = 0;
    for (const { value, place } of this.expected.prints) {
      const found = actual.findIndex((text, i) => i >= next && text.includes(value));
      if (found >= 0) {
        next = found + 1;
        continue;
      }
      const said =
        unknown !== ''
          ? unknown
          : actual
              .slice(next)
              .map((text) => JSON.stringify(text))
              .join(', ');
      this.add('print', 'bpf_printk', JSON.stringify(value), said === '' ? 'nothing more was printed' : said, place);
    }
  }
}

const countText = (count: number): string => `${count} ${count === 1 ? 'record' : 'records'}`;

function returnNumber(type: string, { value, place }: Placed<number | string>): number {
  if (typeof value === 'number') return value >>> 0;
  const names = returnNames(type);
  if (Object.hasOwn(names, value)) return names[value]! >>> 0;
  const known = Object.keys(names);
  throw new RingsideError(
    'bad-value',
    `${JSON.stringify(value)} (line ${place.line}) is nothing that a ${type} program returns.`,
    { remedy: known.length > 0 ? `It returns ${known.join(', ')}, or a number.` : 'Give a number.' },
  );
}

/** "1 (XDP_DROP)", "-1 (TC_ACT_UNSPEC)". */
export function returnText(type: string, value: number): string {
  const name = returnName(type, value);
  return name === null ? String(value | 0) : `${value | 0} (${name})`;
}

/** A value alone is the sum over all CPUs: on which of them the program runs is nobody's choice. */
function perCpu(field: RecordField, expected: FieldValue, actual: FieldValue, path: string): ValueDifference[] {
  const read = isObject(actual) ? actual : {};
  if (isObject(expected) && Array.isArray(expected['perCpu'])) {
    const each = Array.isArray(read['perCpu']) ? read['perCpu'] : [];
    if (each.length !== expected['perCpu'].length)
      return [{ path: `${path}.perCpu`, expected: expected['perCpu'], actual: each }];
    return expected['perCpu'].flatMap((one, cpu) => differences(field, one, each[cpu], `${path}.perCpu[${cpu}]`));
  }
  return differences(field, expected, read['sum'], path);
}

function isObject(value: FieldValue): value is { [name: string]: FieldValue } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const valueText = (value: FieldValue): string => (typeof value === 'string' ? value : JSON.stringify(value));
const keyText = (key: FieldValue): string => (typeof key === 'string' ? key : JSON.stringify(key));
