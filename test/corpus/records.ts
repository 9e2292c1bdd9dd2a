/**
 * What the rings and perf buffers of a corpus carry: the types that are inferred, with and without the object's DWARF, the
 * sizes that its instructions send, and whether that is what a person read in the source.
 */
import { BpfObject, carriesRecords, inferRecords, readMaps, RecordFlow } from '../../core/src/bpf/index.ts';
import type { Confidence, RecordInfo } from '../../core/src/model/index.ts';
import expectations from './records.expected.json' with { type: 'json' };
import { shortName } from './files.ts';

/** A record type as a person reads it in the source. */
export interface ExpectedRecord {
  type: string;
  /** Bytes. */
  size: number;
  /** Names in order; those of nameless unions and structs where they stand. */
  fields: string[];
}

/** By the end of a program's path: buffer → record types. */
export type Expectations = Record<string, Record<string, ExpectedRecord[]>>;

export const knownRecords: Expectations = expectations.programs;

/** "unknown": bytes are shown as bytes; "unread": nobody has said what would be right. */
export type Rightness = 'right' | 'wrong' | 'unknown' | 'unread';

export interface Inference {
  records: { type: string; size: number; route: string }[];
  is: Rightness;
}

export interface BufferRow {
  file: string;
  map: string;
  /** Distinct sizes at the calls that send, in bytes; null for one that is computed. */
  sent: (number | null)[];
  /** As the object is. */
  whole: Inference;
  /** As it would be without DWARF: pre-built objects have none. */
  stripped: Inference;
}

/** Errors: what an object that cannot be read says. */
export function bufferRows(file: string, object: Uint8Array, known: Expectations = knownRecords): BufferRow[] {
  const parsed = BpfObject.parse(object);
  const maps = readMaps(parsed);
  const buffers = maps.filter((map) => carriesRecords(map.type));
  if (buffers.length === 0) return [];
  const flow = new RecordFlow(parsed, maps);
  const [whole, stripped] = [inferRecords(parsed, maps, true), inferRecords(parsed, maps, false)];
  const expected = readIn(file, known);
  return buffers.map((map) => ({
    ...{ file, map: map.name },
    sent: [...new Set(flow.callsTo(map).map(({ size }) => size))],
    whole: inference(whole, map.name, expected?.[map.name]),
    stripped: inference(stripped, map.name, expected?.[map.name]),
  }));
}

/** Buffers that a person has read in a file's source and that its object does not have. */
export function missingBuffers(file: string, rows: readonly BufferRow[], known: Expectations = knownRecords): string[] {
  return Object.keys(readIn(file, known) ?? {}).filter((map) => !rows.some((row) => row.map === map));
}

const readIn = (file: string, known: Expectations): Record<string, ExpectedRecord[]> | undefined =>
  Object.entries(known).find(([end]) => file === end || file.endsWith(`/${end}`))?.[1];

const routes: Record<Confidence, string> = {
  declared: 'BTF',
  source: 'source',
  dwarf: 'DWARF',
  size: 'size',
  guess: 'guess',
  none: 'unknown',
};

function inference(all: readonly RecordInfo[], map: string, expected: ExpectedRecord[] | undefined): Inference {
  const records = all.filter((record) => record.map === map);
  return {
    records: records.map(({ type, size, confidence }) => ({ type, size, route: routes[confidence] })),
    is: rightness(records, expected),
  };
}

function rightness(records: readonly RecordInfo[], expected: ExpectedRecord[] | undefined): Rightness {
  if (expected === undefined) return 'unread';
  if (records.every(({ confidence }) => confidence === 'none')) return expected.length === 0 ? 'right' : 'unknown';
  const mine = records.map(({ type, size, fields }) =>
    spelt(
      type,
      size,
      fields.map(({ name }) => name),
    ),
  );
  const theirs = expected.map(({ type, size, fields }) => spelt(type, size, fields));
  return mine.sort().join('; ') === theirs.sort().join('; ') ? 'right' : 'wrong';
}

const spelt = (type: string, size: number, fields: readonly string[]): string =>
  `${type} ${size} { ${fields.join(' ')} }`;

export interface RecordSums {
  buffers: number;
  whole: Record<Rightness, number>;
  stripped: Record<Rightness, number>;
}

export function sumRecords(rows: readonly BufferRow[]): RecordSums {
  const sum = (of: (row: BufferRow) => Inference): Record<Rightness, number> => {
    const count = { right: 0, wrong: 0, unknown: 0, unread: 0 };
    for (const row of rows) count[of(row).is]++;
    return count;
  };
  return { buffers: rows.length, whole: sum((row) => row.whole), stripped: sum((row) => row.stripped) };
}

/** A row for each buffer, and one below it for the object without its DWARF; the sums. */
export function recordLines(rows: readonly BufferRow[], base: string): string {
  if (rows.length === 0) return 'records   no ring and no perf buffer there';
  const cells = rows.flatMap((row) => [
    [shortName(row.file, base), row.map, ...inferenceCells(row.whole), sentWords(row.sent)],
    ['', '', ...inferenceCells(row.stripped), 'without DWARF'],
  ]);
  const head = ['PROGRAM', 'BUFFER', 'RECORD TYPES', 'ROUTE', 'RIGHT?', 'SENT BY THE INSTRUCTIONS'];
  const { buffers, whole, stripped } = sumRecords(rows);
  return [
    ...columns([head, ...cells]),
    '',
    `records   ${sumWords(whole, buffers)}`,
    `          without DWARF: ${sumWords(stripped, buffers)}`,
  ].join('\n');
}

function inferenceCells({ records, is }: Inference): string[] {
  const known = records.filter(({ type }) => type !== '');
  return [
    known.length === 0 ? 'bytes' : known.map(({ type, size }) => `${type} (${size})`).join(', '),
    [...new Set(records.map(({ route }) => route))].join(', '),
    is === 'unread' ? 'nobody has read it' : is,
  ];
}

const sentWords = (sent: readonly (number | null)[]): string =>
  sent.length === 0
    ? 'no call found'
    : sent.map((size) => (size === null ? 'a computed size' : `${size} B`)).join(', ');

function sumWords(count: Record<Rightness, number>, buffers: number): string {
  const more = [
    count.wrong > 0 ? `${count.wrong} wrong` : '',
    count.unknown > 0 ? `${count.unknown} shown as bytes` : '',
    count.unread > 0 ? `${count.unread} that nobody has read` : '',
  ].filter((words) => words !== '');
  return [`${count.right} of ${buffers} buffers right`, ...more].join(', ');
}

/** Rows of text in columns as wide as they need. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
