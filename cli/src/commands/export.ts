import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { RingsideError, type RunEvent, type RunSummary } from '@ringside/core';
import { exactly, textOption, usage } from '../args.ts';
import type { Context } from '../context.ts';
import { CsvRows } from '../output/csv.ts';
import { watch, type Sink } from './attach.ts';
import type { Command } from './index.ts';

const formats = ['jsonl', 'csv'] as const;
/** Formats of the command's contract that this version does not write. */
const later = ['arrow', 'parquet', 'perfetto', 'speedscope', 'folded', 'pprof', 'har', 'pcapng', 'otlp'];

export const exportRecording: Command = {
  usage: `export FILE --to ${formats.join('|')} [--where EXPR] [-o OUT]`,
  summary: 'write the rows of a recording in another format',
  options: {
    to: { type: 'string' },
    where: { type: 'string' },
    output: { type: 'string', short: 'o' },
  },
  async run(context) {
    const { positionals, values, engine, call } = context;
    const [file] = exactly(positionals, ['FILE']);
    const format = formatOf(textOption(values, 'to'));
    const where = textOption(values, 'where') ?? '';
    const out = await openOutput(textOption(values, 'output'));
    const spec = { file: file!, where, speed: null, count: null, emitEvents: true };
    try {
      return await watch(context, exporter(format, out, context), () => engine.openRecording(spec, call));
    } finally {
      await out.close();
    }
  },
};

function formatOf(name: string | undefined): (typeof formats)[number] {
  const format = formats.find((f) => f === name);
  if (format !== undefined) return format;
  const there = `--to ${formats.join(' or --to ')}`;
  if (name !== undefined && later.includes(name)) {
    throw new RingsideError('export-unavailable', `This version of Ringside does not write ${name}.`, {
      remedy: `Write ${there}, and convert that.`,
    });
  }
  throw usage(name === undefined ? 'Which format?' : `There is no format "${name}".`, `Give ${there}.`);
}

interface Output {
  line(text: string): void;
  close(): Promise<void>;
}

async function openOutput(path: string | undefined): Promise<Output> {
  if (path === undefined || path === '-') {
    return { line: (text) => void process.stdout.write(`${text}\n`), close: () => Promise.resolve() };
  }
  const stream: Writable = createWriteStream(path, { flags: 'wx' });
  let failure: Error | undefined;
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  }).catch((cause: unknown) => {
    const { code, message } = cause as NodeJS.ErrnoException;
    const exists = code === 'EEXIST';
    throw new RingsideError(exists ? 'file-exists' : 'recording-failed', `${path} cannot be written: ${message}.`, {
      remedy: exists ? 'Choose another name, or remove the file.' : 'Choose a folder that you may write to.',
      cause,
    });
  });
  stream.on('error', (error) => (failure = error));
  return {
    line: (text) => void stream.write(`${text}\n`),
    close: async () => {
      await new Promise<void>((resolve) => stream.end(() => resolve()));
      if (failure) throw new RingsideError('recording-failed', `${path} is not complete: ${failure.message}.`);
    },
  };
}

/** Records and prints as rows; what else attach would say is no row. */
function exporter(format: (typeof formats)[number], out: Output, { engine, progress }: Context): Sink {
  const attached = (): void => progress.clear();
  if (format === 'jsonl') {
    const isRow = (event: RunEvent): boolean => ['event', 'print', 'map'].includes(event.type);
    return { attached, event: (event) => (isRow(event) ? out.line(JSON.stringify(event)) : undefined) };
  }
  const rows = new CsvRows((line) => out.line(line));
  engine.on('run', (run: RunSummary) => rows.know(run.schemas));
  return {
    attached,
    event: (event) => (event.type === 'event' || event.type === 'print' ? rows.add(event) : undefined),
  };
}
