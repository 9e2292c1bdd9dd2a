import type {
  AttachSpec,
  EndReason,
  ProgramCost,
  RecordingState,
  ReplayState,
  RunSummary,
  StreamLedger,
} from '@ringside/core/model';
import { byteSize, clock, count, nanos, percent, rate, until } from '../shared/format.ts';
import { splitRange } from './tools/range.ts';

export type Tone = 'live' | 'busy' | 'paused' | 'ended' | 'failed';

export interface Status {
  tone: Tone;
  label: string;
}

/** The state of a run in a word or two. */
export function statusOf(run: RunSummary | null, paused: boolean): Status {
  if (run === null) return { tone: 'ended', label: 'no run' };
  if (run.replay) return { tone: run.replay.damage === '' ? 'ended' : 'failed', label: 'recording' };
  switch (run.state) {
    case 'building':
    case 'loading':
    case 'attaching':
    case 'detaching':
      return { tone: 'busy', label: run.state };
    case 'running':
    case 'paused':
      if (run.suspendedAt !== undefined) return { tone: 'paused', label: 'detached' };
      return paused ? { tone: 'paused', label: 'paused' } : { tone: 'live', label: 'live' };
    case 'ended':
      return { tone: 'ended', label: run.kept.length > 0 ? 'left' : 'ended' };
    case 'failed':
      return { tone: 'failed', label: 'failed' };
  }
}

/** Whether rows may still come. */
export function isLive(run: RunSummary | null): boolean {
  return run !== null && run.state !== 'ended' && run.state !== 'failed';
}

const REASONS: Record<EndReason, string> = {
  duration: 'the time was up',
  count: 'the wanted number of events was reached',
  interrupt: 'it was stopped',
  'host-lost': 'the host was lost',
  agent: 'the agent ended',
  error: 'of an error',
};

/** "Ended because it was stopped." */
export function endSentence(run: RunSummary): string {
  if (run.replay)
    return ['A recording: there is no host behind it.', run.replay.damage, run.replay.unnamed]
      .filter((t) => t !== '')
      .join(' ');
  const [kept] = run.kept;
  if (kept !== undefined)
    return `It goes on on ${run.kept.map((on) => on.host).join(', ')} until ${until(kept.expires)}.`;
  return run.endReason === null ? 'Ended.' : `Ended because ${REASONS[run.endReason]}.`;
}

/** What a kept run says of itself beside its hosts; "" for one that ends with its window. */
export function keptNote(run: RunSummary | null): string {
  const [kept] = run?.kept ?? [];
  return kept === undefined || !isLive(run) ? '' : `until ${until(kept.expires)}`;
}

/** What the middle of the panel says when there are no rows. */
export interface EmptyState {
  icon: 'loading' | 'pulse' | 'filter' | 'error' | 'info';
  title: string;
  lines: string[];
  /** A log or a command's output, to be read as it is. */
  detail: string;
  action: 'restart' | 'adopt' | 'clear-filter' | null;
}

export interface EmptyInput {
  run: RunSummary | null;
  spec: AttachSpec | null;
  where: string;
  stored: number;
  partial: boolean;
  ready: boolean;
}

export function emptyState(input: EmptyInput): EmptyState {
  const { run } = input;
  const plain = { lines: [] as string[], detail: '', action: null };
  if (!input.ready) return { ...plain, icon: 'loading', title: 'Loading the run…' };
  if (run === null) return noRun(input.spec);
  if (run.state === 'failed') return failedState(run);
  if (input.where !== '' && input.stored > 0) return noMatch(input);
  switch (run.state) {
    case 'building':
      return { ...plain, icon: 'loading', title: `Building ${run.name}…`, lines: [run.file] };
    case 'loading':
      return { ...plain, icon: 'loading', title: `Loading ${run.name} into the kernel…`, lines: [onHosts(run)] };
    case 'attaching':
      return { ...plain, icon: 'loading', title: `Attaching ${run.name}…`, lines: [onHosts(run)] };
    case 'detaching':
      return { ...plain, icon: 'loading', title: `Detaching ${run.name}…`, lines: [onHosts(run)] };
    case 'running':
    case 'paused':
      return { ...plain, icon: 'pulse', title: 'Attached. Waiting for the first event.', lines: attachmentLines(run) };
    case 'ended':
      return {
        icon: 'info',
        title: `${endSentence(run)} No events came.`,
        lines: attachmentLines(run),
        detail: '',
        action: run.kept.length > 0 ? 'adopt' : 'restart',
      };
  }
}

function noRun(spec: AttachSpec | null): EmptyState {
  if (spec === null) {
    return {
      icon: 'info',
      title: 'This run is no longer here.',
      lines: ['Open a .bpf.c file and press Attach above a program.'],
      detail: '',
      action: null,
    };
  }
  const name = spec.file.split(/[\\/]/).pop() ?? spec.file;
  return {
    icon: 'info',
    title: `${name} is not attached any more.`,
    lines: [`It ran on ${spec.hosts.join(', ')}. Its rows left with the window.`],
    detail: '',
    action: 'restart',
  };
}

function failedState(run: RunSummary): EmptyState {
  const { error } = run;
  return {
    icon: 'error',
    title: error?.message ?? `${run.name} failed.`,
    lines: error === null || error.remedy === '' ? [] : [error.remedy],
    detail: error?.detail ?? '',
    action: 'restart',
  };
}

function noMatch(input: EmptyInput): EmptyState {
  const rows = `${count(input.stored)} stored ${input.stored === 1 ? 'row' : 'rows'}`;
  const { text, range } = splitRange(input.where);
  const within = range === null ? [] : [`between ${clock(range.from)} and ${clock(range.to)}`];
  const lines = text === '' ? within : [text, ...within];
  return input.partial
    ? { icon: 'loading', title: `Filtering ${rows}…`, lines, detail: '', action: null }
    : { icon: 'filter', title: `None of ${rows} matches.`, lines, detail: '', action: 'clear-filter' };
}

function onHosts(run: RunSummary): string {
  return `on ${run.hosts.join(', ')}`;
}

/** One line a program: "handle_exec → sched:sched_process_exec on web-1"; long lists are cut. */
function attachmentLines(run: RunSummary): string[] {
  const attached = run.attachments.map((one) => `${one.program} → ${one.target || one.section} on ${one.host}`);
  const lines = [
    ...attached,
    ...run.leftOut.map((one) => `${one.program} does not run on ${one.host}: ${one.error.message}`),
  ];
  return lines.length > 6 ? [...lines.slice(0, 5), `and ${lines.length - 5} more`] : lines;
}

/** A sum that is unknown as soon as one part of it is. */
function sum(parts: readonly (number | null)[]): number | null {
  return parts.reduce<number | null>((total, part) => (total === null || part === null ? null : total + part), 0);
}

/** The ledger's figures in words. Null was unknown, and is called that. */
export interface LedgerWords {
  produced: string;
  delivered: string;
  /** Left out on the host on purpose; null when nothing was. */
  filtered: string | null;
  lost: string;
  kernel: string;
  agent: string;
  link: string;
  cost: string;
  cpu: string;
  /** Of a recording: arrived and not in it; null when nothing is missing. */
  notRecorded: string | null;
  /** Delivered, but after newer records; null when none was. */
  outOfOrder: string | null;
  /** Something is known to be lost. */
  warn: boolean;
}

/** "produced 15 = delivered 10 + filtered on the host 3 + lost 2 (kernel 2 · agent 0 · link 0)" */
export function accountText(words: LedgerWords): string {
  const filtered = words.filtered === null ? '' : ` + filtered on the host ${words.filtered}`;
  const lost = `lost ${words.lost} (kernel ${words.kernel} · agent ${words.agent} · link ${words.link})`;
  const gap = words.notRecorded === null ? '' : ` + not recorded ${words.notRecorded}`;
  const late = words.outOfOrder === null ? '' : `; ${words.outOfOrder} out of order`;
  return `produced ${words.produced} = delivered ${words.delivered}${filtered} + ${lost}${gap}${late}`;
}

export function ledgerWords(streams: readonly StreamLedger[], programs: readonly ProgramCost[]): LedgerWords {
  const kernel = sum(streams.map((stream) => stream.lostKernel));
  const agent = sum(streams.map((stream) => stream.lostAgent));
  const link = sum(streams.map((stream) => stream.lostTransport));
  const lost = sum([kernel, agent, link]);
  const some = (of: (stream: StreamLedger) => number): string | null => {
    const total = streams.reduce((all, stream) => all + of(stream), 0);
    return total > 0 ? count(total) : null;
  };
  const known = (kernel ?? 0) + (agent ?? 0) + (link ?? 0);
  return {
    produced: count(sum(streams.map((stream) => stream.produced))),
    delivered: count(sum(streams.map((stream) => stream.delivered))),
    filtered: some((stream) => stream.filtered),
    notRecorded: notRecorded(streams),
    outOfOrder: some((stream) => stream.outOfOrder ?? 0),
    // At least what is known to be lost is said, even if the kernel's share is not known.
    lost: lost === null ? (known > 0 ? `at least ${count(known)}` : 'unknown') : count(lost),
    kernel: count(kernel),
    agent: count(agent),
    link: count(link),
    ...costWords(programs),
    warn: known > 0,
  };
}

/** One stream of which nobody knows makes the sum unknown. */
function notRecorded(streams: readonly StreamLedger[]): string | null {
  const missing = sum(streams.map((stream) => (stream.notRecorded === undefined ? 0 : stream.notRecorded)));
  return missing === 0 ? null : count(missing);
}

function costWords(programs: readonly ProgramCost[]): { cost: string; cpu: string } {
  const measured = programs.flatMap(({ runs, nanosPerRun }) =>
    runs !== null && nanosPerRun !== null ? [{ runs, nanosPerRun }] : [],
  );
  const runs = measured.reduce((total, program) => total + program.runs, 0);
  const time = measured.reduce((total, program) => total + program.runs * program.nanosPerRun, 0);
  const shares = programs.filter((program) => program.cpuPercent !== null);
  const share = shares.reduce((total, program) => total + (program.cpuPercent ?? 0), 0);
  return {
    cost: runs === 0 ? 'unknown' : `${nanos(time / runs)}/run`,
    cpu: shares.length === 0 ? 'unknown' : `${percent(share)} CPU`,
  };
}

const SHORT_REASONS: Record<EndReason, string> = {
  duration: 'time was up',
  count: 'count reached',
  interrupt: 'stopped',
  'host-lost': 'host lost',
  agent: 'agent ended',
  error: 'error',
};

/** What stands beside the state: "48.2 k/s" while rows may come, why it ended afterwards. */
export function stateNote(run: RunSummary | null): string {
  if (run === null) return '';
  if (run.replay) return replayNote(run.replay, run.state === 'ended');
  if (run.suspendedAt !== undefined) return 'maps kept';
  if (run.state === 'running' || run.state === 'paused') return rate(run.rate);
  if (run.state !== 'ended') return '';
  const [kept] = run.kept;
  if (kept !== undefined) return `goes on until ${until(kept.expires)}`;
  return run.endReason !== null ? SHORT_REASONS[run.endReason] : '';
}

/** "of 26 Nov, 19:30": when it was recorded; while it is being read, how far. */
function replayNote({ recordedAt, playedBytes, bytes, damage, unnamed }: ReplayState, done: boolean): string {
  const when = new Date(recordedAt).toLocaleString('en-GB', {
    ...{ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  });
  const read = done || bytes === 0 ? '' : ` · ${Math.floor((100 * playedBytes) / bytes)} % read`;
  return `of ${when}${read}${damage === '' ? '' : ' · damaged'}${unnamed === '' ? '' : ' · names missing'}`;
}

/** What the record button says while a recording goes on: its size and time; "" when none does. */
export function recordingText(recording: RecordingState | undefined, now: number): string {
  if (recording?.endedAt !== null) return '';
  const seconds = Math.max(0, Math.floor((now - recording.startedAt) / 1000));
  const [minutes, rest] = [Math.floor(seconds / 60), String(seconds % 60).padStart(2, '0')];
  const dropped = recording.droppedRecords === 0 ? '' : ` · ${count(recording.droppedRecords)} missing`;
  const names = recording.missingNames === 0 ? '' : ` · ${count(recording.missingNames)} names missing`;
  const last = recording.last ? `last ${Math.round(recording.last.seconds / 6) / 10} min of ` : '';
  return `${byteSize(recording.bytes)} · ${last}${minutes}:${rest}${dropped}${names}`;
}
