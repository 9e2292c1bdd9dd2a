import { editDistance } from '../../editDistance.ts';
import { RingsideError } from '../../errors.ts';
import type { RecordField, StreamSchema } from '../../model/index.ts';
import { errnoNumber, signalNumber } from '../names.ts';
import { leavesOf, resolvePath } from '../schema.ts';
import { UNITS, type Operand, type Rational } from './ast.ts';
import { badExpression } from './lexer.ts';

/** Columns that every row has beside its record. `@time` means this one also where the record has a field `time`. */
export const FIXED = ['time', 'cpu', 'host', 'stream', 'seq'] as const;
export type Fixed = (typeof FIXED)[number];

export function fixedName(path: string): Fixed | undefined {
  const name = path.startsWith('@') ? path.slice(1) : path;
  return FIXED.find((fixed) => fixed === name);
}

/** True when at least one record type of the stream has the field. */
export function isKnownField(schema: StreamSchema, path: string): boolean {
  return schema.records.some((record) => resolvePath(record, path) !== undefined);
}

/** The value of a bare name beside a field: an enum's member, -ENOENT, SIGKILL. */
export function namedConstant(field: RecordField, name: string): bigint | null {
  if (field.kind === 'enum' || field.format === 'flags') {
    const entry = Object.entries(field.values ?? {}).find(([, text]) => text === name);
    if (entry !== undefined) return BigInt(entry[0]);
  }
  const negative = name.startsWith('-');
  const errno = errnoNumber(negative ? name.slice(1) : name);
  if (errno !== null) return BigInt(negative ? -errno : errno);
  const signal = signalNumber(name);
  return signal === null ? null : BigInt(signal);
}

/** An `unknown-field` that names the known ones, the nearest first. */
export function unknownField(
  schema: StreamSchema,
  name: string,
  text: string,
  at: number,
  beside?: RecordField,
): RingsideError {
  const fields = [...new Set(schema.records.flatMap((record) => leavesOf(record).map((leaf) => leaf.path)))];
  const members = beside?.kind === 'enum' ? Object.values(beside.values ?? {}) : [];
  const known = [...members, ...fields, ...FIXED.map((fixed) => (fields.includes(fixed) ? `@${fixed}` : fixed))];
  const near = nearest(name, known);
  const list = known.slice(0, 60).join(', ') + (known.length > 60 ? ', …' : '');
  const what = `"${name}" is no field of ${schema.stream === '' ? 'this stream' : schema.stream}`;
  return new RingsideError(
    'unknown-field',
    `${what}${near === null ? '' : `; did you mean "${near}"?`} (column ${at + 1})`,
    {
      remedy: `Known are: ${list}.`,
      detail: `${text.replace(/\s/g, ' ')}\n${' '.repeat(at)}^`,
    },
  );
}

/** The known name with the fewest edits to `name`, if they are few. */
export function nearest(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase(), least);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

/** Nanoseconds in one unit of a field's format; formats without a time are taken as nanoseconds. */
const TIME_FORMATS: Partial<Record<RecordField['format'], bigint>> = {
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
};

/** A number literal in the field's own unit: `latency_us > 1ms` compares with 1000. @throws `bad-expression` */
export function inFieldUnits(field: RecordField | null, literal: Operand & { kind: 'number' }, text: string): Rational {
  if (literal.unit === null) return literal.value;
  const { of, factor } = UNITS[literal.unit];
  const format = field?.format ?? 'ns';
  const isTime = ['ns', 'us', 'ms', 's', 'ktime'].includes(format);
  if ((of === 'size' && isTime) || (of === 'time' && format === 'bytes')) {
    const is = of === 'size' ? 'a time' : 'a number of bytes';
    throw badExpression(`"${field?.name ?? 'time'}" is ${is}, "${literal.text}" is not`, text, literal.at);
  }
  const divisor = of === 'time' ? (TIME_FORMATS[format] ?? 1n) : 1n;
  return { numerator: literal.value.numerator * factor, denominator: literal.value.denominator * divisor };
}

/**
 * A time in quotes as nanoseconds since the epoch: ISO 8601, or "12:31:04.5" for that time of today (local).
 */
export function parseTime(text: string, now: Date): bigint | null {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(text);
  if (clock !== null) {
    const [hours, minutes, seconds] = [clock[1], clock[2], clock[3] ?? '0'].map(Number) as [number, number, number];
    if (hours > 23 || minutes > 59 || seconds > 59) return null;
    const day = new Date(now.getFullYear(), now.getMonth(), now.getDate(), hours, minutes, seconds);
    return BigInt(day.getTime()) * 1_000_000n + BigInt((clock[4] ?? '').padEnd(9, '0'));
  }
  const milliseconds = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(milliseconds) ? null : BigInt(milliseconds) * 1_000_000n;
}
