import type { RecordField, RunEvent, StreamSchema } from '../model/index.ts';
import { NO_CPU, RECORD_HEADER_BYTES, SPAN_HEADER_BYTES } from './slab.ts';
import { readText } from './text.ts';

/** The stream of bpf_printk lines: they go through the same store, filters and views as records. */
export const PRINTS_STREAM = 'printk';

/** One line that a program said, as the agent sends it. */
export interface PrintLine {
  timeNs: bigint;
  cpu: number;
  pid: number;
  tid: number;
  program: string;
  text: string;
  /** "" = bpf_printk, "stdout" and "stderr" = the program's BPF streams, "iter" = what an iterator wrote. */
  source: string;
}

const PROGRAM_BYTES = 64;
const SOURCE_BYTES = 8;
const SOURCE_AT = 24 + PROGRAM_BYTES;
const TEXT_AT = SOURCE_AT + SOURCE_BYTES;
/** A printk line is at most 1 KiB in the kernel; more is not from there. */
const TEXT_LIMIT = 4096;

const number = (name: string, type: string, offset: number, size: number): RecordField => ({
  name,
  type,
  offset,
  bits: 0,
  size,
  kind: 'uint',
  format: 'plain',
});
const text = (name: string, offset: number, size: number): RecordField => ({
  name,
  type: size > 0 ? `char[${size}]` : 'char[]',
  offset,
  bits: 0,
  size,
  kind: 'chars',
  format: 'plain',
});

/** How `encodePrints` lays a line out, for another stream of texts. */
export const textSchema = (stream: string): StreamSchema => ({
  stream,
  records: [
    {
      map: stream,
      type: stream === PRINTS_STREAM ? 'printk' : 'text',
      size: TEXT_AT,
      confidence: 'declared',
      tag: null,
      fields: [
        { ...number('time_ns', '__u64', 0, 8), format: 'ktime' },
        number('cpu', '__u32', 8, 4),
        number('pid', '__u32', 12, 4),
        number('tid', '__u32', 16, 4),
        text('program', 24, PROGRAM_BYTES),
        text('source', SOURCE_AT, SOURCE_BYTES),
        text('text', TEXT_AT, 0),
      ],
    },
  ],
});

export const printsSchema: StreamSchema = textSchema(PRINTS_STREAM);

/** Lines as one span, ready for `EventStore.append`. `readTimeNs` is when the batch came. */
export function encodePrints(lines: readonly PrintLine[], readTimeNs: bigint): Uint8Array {
  const texts = lines.map((line) => new TextEncoder().encode(line.text).subarray(0, TEXT_LIMIT));
  const sizes = texts.map((bytes) => RECORD_HEADER_BYTES + ((TEXT_AT + bytes.length + 7) & ~7));
  const span = new Uint8Array(SPAN_HEADER_BYTES + sizes.reduce((total, size) => total + size, 0));
  const view = new DataView(span.buffer);
  view.setBigUint64(0, readTimeNs, true);
  view.setUint32(8, lines.length, true);
  view.setUint32(12, NO_CPU, true);
  let header = SPAN_HEADER_BYTES;
  for (const [index, line] of lines.entries()) {
    const at = header + RECORD_HEADER_BYTES;
    view.setUint32(header, TEXT_AT + texts[index]!.length, true);
    view.setBigUint64(at, line.timeNs, true);
    view.setUint32(at + 8, line.cpu, true);
    view.setUint32(at + 12, line.pid, true);
    view.setUint32(at + 16, line.tid, true);
    new TextEncoder().encodeInto(line.program, span.subarray(at + 24, at + 24 + PROGRAM_BYTES));
    new TextEncoder().encodeInto(line.source, span.subarray(at + SOURCE_AT, at + TEXT_AT));
    span.set(texts[index]!, at + TEXT_AT);
    header += sizes[index]!;
  }
  return span;
}

type Source = NonNullable<(RunEvent & { type: 'print' })['source']>;

const isSource = (name: string): name is Source => ['stdout', 'stderr', 'iter'].includes(name);

/** A line as the `print` object of `ringside attach --json`. */
export function printEvent(host: string, line: PrintLine): RunEvent & { type: 'print' } {
  const bytes = new TextEncoder().encode(line.text);
  return {
    type: 'print',
    host,
    program: line.program,
    time: line.timeNs.toString(),
    text: readText(bytes, 0, bytes.length),
    ...(isSource(line.source) && { source: line.source }),
  };
}
