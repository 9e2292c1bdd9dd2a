import {
  Exit,
  limitsText,
  RingsideError,
  unnamedText,
  type AdoptSpec,
  type AttachSpec,
  type ExitCode,
  type RunEvent,
  type RunSummary,
} from '@ringside/core';
import {
  assignments,
  durationOption,
  exactly,
  guardNames,
  hostList,
  limits,
  listOption,
  loadOptionNames,
  loadOptions,
  positiveOption,
  targets,
  textOption,
  usage,
  type Values,
} from '../args.ts';
import type { Context } from '../context.ts';
import { EventTable } from '../output/eventTable.ts';
import { endLines } from '../output/end.ts';
import { leftOutLine, noteLine } from '../output/leftOut.ts';
import { dim, yellow } from '../terminal.ts';
import { diagnosticLine } from './build.ts';
import type { Command } from './index.ts';

/** Options of every command that watches a run. */
export const watchOptionNames = {
  where: { type: 'string' },
  duration: { type: 'string' },
  count: { type: 'string' },
  output: { type: 'string' },
  maps: { type: 'string' },
} as const;

export const attach: Command = {
  usage:
    'attach FILE|OBJECT --host HOST [--program NAME]… [--target [PROGRAM:]KEY=VALUE]… [--set VAR=VALUE]… [--map-size MAP=ENTRIES]… [--pin MAP=PATH]… [--kconfig NAME=VALUE]… [--btf FILE] [--map-memory BYTES] [--limit cpu=PERCENT|rate=RECORDS|time=SECONDS]… [--confirm RULE[,RULE…]]… [--keep TIME] [--where EXPR] [--duration S] [--count N] [--output table|jsonl|none] [--maps SECONDS] [--record FILE [--record-last TIME]]',
  summary: 'load, attach and watch live; Ctrl+C detaches',
  options: {
    host: { type: 'string' },
    program: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    set: { type: 'string', multiple: true },
    ...loadOptionNames,
    limit: { type: 'string', multiple: true },
    keep: { type: 'string' },
    confirm: { type: 'string', multiple: true },
    record: { type: 'string' },
    'record-last': { type: 'string' },
    ...watchOptionNames,
  },
  async run(context) {
    const spec = attachSpec(context);
    const sink = outputSink(context);
    const keep = durationOption(context.values, 'keep');
    return watch(context, sink, () => start(context, spec, keep));
  },
};

/** A run that cannot be kept as asked is not begun. */
async function start({ engine, call }: Context, spec: AttachSpec, keep: number | undefined): Promise<RunSummary> {
  const run = await engine.attach(spec, call);
  if (keep === undefined) return run;
  try {
    return await engine.keep(run.id, keep);
  } catch (error) {
    await engine.detach(run.id);
    throw error;
  }
}

export const output = ({ values, common }: Context): string =>
  textOption(values, 'output') ?? (common.json ? 'jsonl' : 'table');

function attachSpec(context: Context): AttachSpec {
  const { positionals, values } = context;
  const [file] = exactly(positionals, ['FILE']);
  return {
    file: file!,
    hosts: hostList(textOption(values, 'host')),
    programs: listOption(values, 'program'),
    targets: targets(listOption(values, 'target')),
    set: assignments(listOption(values, 'set'), 'set'),
    load: loadOptions(values),
    limits: limits(listOption(values, 'limit')),
    confirmed: guardNames(listOption(values, 'confirm')),
    ...watchSpec(context),
    ...recordSpec(values),
  };
}

/** The maps are kept as often as they are shown. */
function recordSpec(values: Values): Pick<AttachSpec, 'record'> {
  const file = textOption(values, 'record');
  const lastSeconds = durationOption(values, 'record-last');
  if (file === undefined && lastSeconds !== undefined) throw usage('--record-last needs --record FILE.');
  if (file === undefined) return {};
  if (file === '') throw usage('--record takes the name of a new file.');
  const mapsSeconds = positiveOption(values, 'maps', false) ?? null;
  return { record: { file, mapsSeconds, ...(lastSeconds !== undefined && { lastSeconds }) } };
}

/** What of a run is looked at, and for how long. Errors: usage. */
export function watchSpec(context: Context): Omit<AdoptSpec, 'host' | 'run'> {
  const { values } = context;
  return {
    attended: true,
    where: textOption(values, 'where') ?? '',
    durationSeconds: positiveOption(values, 'duration', false) ?? null,
    count: positiveOption(values, 'count', true) ?? null,
    mapsSeconds: positiveOption(values, 'maps', false) ?? null,
    // Without output nothing has to be decoded; --count counts what is handed out.
    emitEvents: output(context) !== 'none' || textOption(values, 'count') !== undefined,
  };
}

export interface Sink {
  event(event: RunEvent): void;
  attached(run: RunSummary): void;
}

/** `replayed`: it is a recording that is watched. */
export function outputSink(context: Context, replayed = false): Sink {
  const { common, progress, json } = context;
  switch (output(context)) {
    case 'jsonl':
      return { event: json, attached: () => progress.clear() };
    case 'table': {
      const rows = new EventTable((line) => context.text(line));
      context.engine.on('run', (run) => rows.know(run.schemas));
      return {
        event: (e) => {
          if (e.type === 'end') context.text(endLines(e, replayed));
          else if (!besides(context, e)) rows.add(e);
        },
        attached: (run) => {
          progress.clear();
          for (const d of run.diagnostics) process.stderr.write(`${diagnosticLine(d)}\n`);
          if (!common.quiet && !replayed)
            process.stderr.write(dim(`Attached ${run.name} to ${run.hosts.join(', ')}. ${leaving(run)}\n`));
          if (!common.quiet && !replayed && run.limits)
            process.stderr.write(dim(`Limits: ${limitsText(run.limits)}.\n`));
        },
      };
    }
    case 'none':
      return {
        event: (e) => {
          if (e.type !== 'end') {
            if (!besides(context, e) && e.type === 'left-out') json(e);
            return;
          }
          if (common.json) json(e);
          else context.text(endLines(e, replayed));
        },
        attached: () => progress.clear(),
      };
    default:
      throw usage(`--output takes table, jsonl or none; not "${output(context)}".`);
  }
}

/** What does not run, and what Ringside did by itself, for people: on stderr, one line each. False: it is for stdout. */
function besides({ common, progress }: Context, event: RunEvent): boolean {
  if (common.json || (event.type !== 'left-out' && event.type !== 'note')) return false;
  if (event.type === 'note' && common.quiet) return true;
  progress.clear();
  process.stderr.write(`${event.type === 'note' ? noteLine(event) : leftOutLine(event)}\n`);
  return true;
}

const leaving = (run: RunSummary): string => (run.kept.length === 0 ? 'Ctrl+C detaches.' : 'Ctrl+C leaves it running.');

/** What of a recording is missing, or why it was ended: on stderr, for people and scripts. */
function sayRecording({ recording, replay }: RunSummary): void {
  if (recording?.error) process.stderr.write(`${yellow('recording')} ${recording.error.message}\n`);
  else if (recording && recording.droppedRecords > 0) {
    const { droppedRecords } = recording;
    const dropped = `${droppedRecords.toLocaleString('en-US')} ${droppedRecords === 1 ? 'record is' : 'records are'}`;
    process.stderr.write(`${yellow('recording')} ${dropped} missing in it: the disk was too slow.\n`);
  }
  const unnamed = recording ? unnamedText(recording.missingNames) : '';
  for (const text of [unnamed, replay?.damage, replay?.unnamed])
    if (text) process.stderr.write(`${yellow('recording')} ${text}\n`);
}

/** Begins a run, passes its events on until it ends, and goes away in order when Ctrl+C comes first. */
export async function watch(
  { engine, call }: Context,
  sink: Sink,
  begin: () => Promise<RunSummary>,
): Promise<ExitCode> {
  let runId = '';
  let finished: (run: RunSummary) => void = () => undefined;
  const ended = new Promise<RunSummary>((resolve) => (finished = resolve));
  engine.on('runEvents', (_id, events) => {
    for (const event of events) sink.event(event);
  });
  engine.on('run', (run) => {
    if (run.id === runId && (run.state === 'ended' || run.state === 'failed')) finished(run);
  });
  const run = await begin();
  runId = run.id;
  sink.attached(run);
  const detach = (): void => void engine.leave(run.id).then(finished, () => undefined);
  if (call.signal.aborted) detach();
  call.signal.addEventListener('abort', detach, { once: true });
  const current = (await engine.runs()).find((r) => r.id === run.id);
  const last = current?.state === 'ended' || current?.state === 'failed' ? current : await ended;
  sayRecording(last);
  if (last.error && !last.replay) throw RingsideError.fromData(last.error);
  return call.signal.aborted ? Exit.interrupted : Exit.done;
}
