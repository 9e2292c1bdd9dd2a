import type { ErrorData } from '../errors.ts';
import type { Diagnostic } from './build.ts';
import type { FieldValue, StreamSchema } from './record.ts';

/** What to attach, where and how. The CLI's options and the extension's Attach make the same thing. */
export interface AttachSpec {
  /** A .bpf.c source or an object file. */
  file: string;
  /** The object that `file` was just built to (for the first host), so that attach does not build it again. */
  object?: string;
  /** "local", an alias, or user@host[:port]; one run may span several. */
  hosts: string[];
  /** Program names; empty = all with autoload. */
  programs: string[];
  /** Target keys per program; program "" means all. */
  targets: { program: string; key: string; value: string }[];
  /** Globals, as the user wrote them: "min_us" → "1000". */
  set: Record<string, string>;
  /** How the object is loaded beyond its own word; left out = as it says. */
  load?: LoadOptions;
  /** EXPR of the CLI contract; "" = all. */
  where: string;
  durationSeconds: number | null;
  count: number | null;
  /** Seconds between map dumps; null = none. */
  mapsSeconds: number | null;
  /** Bytes of records kept for the panel; default 256 MB. */
  storeBytes?: number;
  /** What the run may cost its hosts; what is left out is the agent's default. */
  limits?: Partial<RunLimits>;
  /** Rules of guards that are confirmed in advance (docs/guards.md). */
  confirmed?: string[];
  /** Somebody waits for this run as long as it lives (a command in a terminal): its time limit is renewed by itself. */
  attended?: boolean;
  /** The run is recorded from its first record on. */
  record?: RecordSpec;
  /** Emit every record that passes `where` as a RunEvent (the CLI); panels pull rows instead. */
  emitEvents?: boolean;
}

export interface RecordSpec {
  /** A new file. */
  file: string;
  /** Seconds between map snapshots that are kept whether or not anybody looks; null = at the beginning and the end. */
  mapsSeconds: number | null;
  /** Keep only what is not older than so many seconds, up to a day; left out = all. */
  lastSeconds?: number;
}

/** A recording that is being made, or was. */
export interface RecordingState {
  file: string;
  /** ms since the epoch; `endedAt` null while it goes on. */
  startedAt: number;
  endedAt: number | null;
  bytes: number;
  /** Records in it, and records that the disk was too slow for. */
  records: number;
  droppedRecords: number;
  /** Names of users, symbols and stacks that its rows need and that are not in it: a replay shows their numbers. */
  missingNames: number;
  /** Of one that keeps the last minutes: how much it keeps, and when its oldest record came (ms since the epoch). */
  last?: { seconds: number; from: number | null };
  /** Why it ended before the run did. */
  error: ErrorData | null;
}

/** A recording that is opened, and how. */
export interface OpenRecordingSpec {
  file: string;
  where: string;
  /** Times as fast as it was; null = as fast as it can be read. */
  speed: number | null;
  count: number | null;
  storeBytes?: number;
  emitEvents?: boolean;
}

/** What a run that was opened from a recording says of it. */
export interface ReplayState {
  file: string;
  /** When it was recorded, ms since the epoch. */
  recordedAt: number;
  /** What of it cannot be read, in words; "" = nothing. */
  damage: string;
  /** How many names its rows need that are not in it, in words; "" = none. */
  unnamed: string;
  /** Bytes that have been played, of those there are. */
  playedBytes: number;
  bytes: number;
}

/** Above these the host's agent detaches the run and says why. 0 is no limit. */
export interface RunLimits {
  /** Of one processor, for one program, over two seconds. */
  cpuPercent: number;
  /** Of one stream, over two seconds. */
  recordsPerSecond: number;
  /** Without anybody who watches. */
  timeSeconds: number;
}

/** Where a run goes on without its client. Times are ns since the Unix epoch. */
export interface KeptOn {
  host: string;
  /** Its name on the host. */
  run: string;
  expires: string;
}

/** A run that goes on without a client, as its host lists it. */
export interface KeptRunInfo extends KeptOn {
  name: string;
  /** Who keeps it, from where. */
  by: string;
  since: string;
  pid: number;
  uid: number;
}

/** A kept run that is taken over, and how it is looked at. */
export type AdoptSpec = Pick<
  AttachSpec,
  'where' | 'durationSeconds' | 'count' | 'mapsSeconds' | 'storeBytes' | 'emitEvents' | 'attended'
> & { host: string; run: string };

/** What a program's own user space would set before it loads the object. */
export interface LoadOptions {
  /** Sizes by map name; 0 = as the object says. */
  mapSizes?: Record<string, { maxEntries: number; valueSize: number }>;
  /** Places in bpffs by map name: the map is taken from there, or put there. */
  pins?: Record<string, string>;
  /** Lines CONFIG_X=value, on top of what the host's kernel says of itself. */
  kconfig?: string;
  /** A file with the types of the host's kernel, for kernels that have none of their own. */
  kernelBtf?: string;
  /** Estimated map memory above which nothing is created; left out = half of what the host has to give. */
  mapMemoryLimitBytes?: number;
}

/** A program of the object that does not run, and why; the others do. */
export interface LeftOutProgram {
  host: string;
  program: string;
  section: string;
  error: ErrorData;
  /** The program that is used in its place: another variant of the same hook; "" where there is none. */
  instead: string;
}

/** What Ringside did by itself where the object left it open. */
export interface RunNote {
  host: string;
  /** The program or map that it is about; "" = the whole object. */
  about: string;
  text: string;
}

/** What an iterator program wrote in one pass. */
export interface IteratorText {
  text: string;
  /** There was more than Ringside takes at once. */
  truncated: boolean;
  /** ns since the Unix epoch, as text. */
  time: string;
}

export type RunState = 'building' | 'loading' | 'attaching' | 'running' | 'paused' | 'detaching' | 'ended' | 'failed';
export type EndReason = 'duration' | 'count' | 'interrupt' | 'host-lost' | 'agent' | 'error';

export interface AttachmentInfo {
  host: string;
  program: string;
  section: string;
  target: string;
  link: { id: number; kind: string };
}

/**
 * Exact counts of one stream; null means unknown, never 0.
 * produced = delivered + filtered + lostKernel + lostAgent + lostTransport + notRecorded
 */
export interface StreamLedger {
  name: string;
  produced: number | null;
  delivered: number;
  /** Records that the agent left out because the run's filter would have hidden them: they never crossed the link. */
  filtered: number;
  lostKernel: number | null;
  lostAgent: number;
  lostTransport: number;
  /** Rows that passed the filter and were printed or stand in the view. */
  shown: number;
  /** Of a recording: rows that arrived and are not in it; null = it does not say; left out while none is missing. */
  notRecorded?: number | null;
  /** Perf samples that could not be put in order by time any more, delivered all the same; left out while there are none. */
  outOfOrder?: number;
}
export interface Ledger {
  streams: StreamLedger[];
}

export interface ProgramCost {
  name: string;
  /** null where the kernel does not count them, as in a container. */
  runs: number | null;
  /** Runs and CPU share are concluded from a tenth of the time: a program that runs often is not counted all the time. */
  sampled: boolean;
  /** null while the program has not run, or the kernel keeps no statistics. */
  nanosPerRun: number | null;
  cpuPercent: number | null;
  /** null where the kernel does not count missed runs. */
  missed: number | null;
}

/** What a program did over the last second, on all hosts together. */
export interface ProgramRate {
  name: string;
  /** Runs per second; null where the kernel does not count them. */
  perSecond: number | null;
  /** null when it did not run in that second, or the kernel keeps no statistics. */
  nanosPerRun: number | null;
  /** Of one processor. */
  cpuPercent: number | null;
}

/** How full a map of a run is on one host. */
export interface MapFill {
  map: string;
  host: string;
  /** What is counted: entries, elements of an array that are not zero, bytes of a ring that wait to be read. */
  unit: 'entries' | 'set' | 'waiting';
  count: number;
  /** There are more than were counted. */
  more: boolean;
  /** How many there can be: entries, elements, bytes. */
  of: number;
}

/** A run as trees, status bar and panels show it. */
export interface RunSummary {
  id: string;
  /** File name without .bpf.c. */
  name: string;
  file: string;
  hosts: string[];
  state: RunState;
  /** ms since the epoch. */
  startedAt: number;
  endedAt: number | null;
  endReason: EndReason | null;
  error: ErrorData | null;
  diagnostics: Diagnostic[];
  attachments: AttachmentInfo[];
  /** Programs that do not run although others of the object do. */
  leftOut: LeftOutProgram[];
  notes: RunNote[];
  /** The last redeploy, host by host; left out when there was none. */
  swaps?: SwapReport[];
  schemas: StreamSchema[];
  ledger: Ledger;
  programs: ProgramCost[];
  /** Over the last second; left out until that is known. */
  rates?: ProgramRate[];
  /** Records per second over the last second, all streams. */
  rate: number;
  agent: { rssBytes: number | null; cpuPercent: number | null };
  /** Memory that is held for the run's records here, and most of it; left out where nobody tells. */
  store?: { bytes: number; maxBytes: number };
  /** In force on the hosts; null before the attach. */
  limits: RunLimits | null;
  /** Where it goes on without us; empty when it ends with us. */
  kept: KeptOn[];
  /** When it ends by itself, ms since the epoch; left out when it does not. */
  endsAt?: number;
  /** Since when it is detached on its hosts, with maps and rows kept, to go on later; ms since the epoch. */
  suspendedAt?: number;
  /** Of the recording that is being made, or was made last; left out when there was none. */
  recording?: RecordingState;
  /** The run is a recording: there is no host behind it. */
  replay?: ReplayState;
}

/** What became of a map when a new version took the old one's place. */
export interface MapFate {
  map: string;
  fate: 'kept' | 'resized' | 'reset' | 'new' | 'gone';
  /** Why it was not kept; "" where that is plain. */
  reason: string;
  /** Copied into the new map, when it was resized. */
  entries: number;
}

/** A redeploy on one host. */
export interface SwapReport {
  host: string;
  /** How long both versions were attached; 0 = replaced in one step. */
  overlapNanos: number;
  maps: MapFate[];
}

/** Objects of `ringside attach --json`, one a line. */
export type RunEvent =
  | ({ type: 'attached' } & AttachmentInfo)
  | ({ type: 'left-out' } & LeftOutProgram)
  | ({ type: 'note' } & RunNote)
  | {
      type: 'event';
      host: string;
      stream: string;
      record: string;
      time: string;
      cpu: number | null;
      seq: number;
      fields: Record<string, FieldValue>;
    }
  /** A new version took the old one's place. */
  | ({ type: 'swapped' } & SwapReport)
  | {
      type: 'print';
      host: string;
      program: string;
      time: string;
      text: string;
      /** Where it came from, when that is not bpf_printk: the program's BPF streams, or what an iterator wrote. */
      source?: 'stdout' | 'stderr' | 'iter';
    }
  | {
      type: 'map';
      host: string;
      map: string;
      entries: { key: FieldValue; value: FieldValue }[];
    }
  | {
      type: 'end';
      reason: EndReason;
      seconds: number;
      /** Why the host's agent ended it, when the reason is "agent". */
      error?: ErrorData;
      /** It is not detached: it goes on there without us. */
      kept?: KeptOn[];
      ledger: Ledger;
      programs: ProgramCost[];
      agent: { rssBytes: number | null; cpuPercent: number | null };
    };
