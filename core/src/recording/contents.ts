/** What the chunks of a recording hold. It comes from a file, so every head is checked before it is used. */
import { isErrorCode, type ErrorData } from '../errors.ts';
import type { AttachSpec, EndReason, HostInfo, LeftOutProgram, RunNote } from '../model/index.ts';

/** The part of a spec that says what the run was. */
export type RecordedSpec = Pick<AttachSpec, 'file' | 'programs' | 'targets' | 'set' | 'where'>;

export interface RunHead {
  /** Version of the Ringside that recorded. */
  ringside: string;
  name: string;
  spec: RecordedSpec;
  /** When the run began, ms since the Unix epoch. */
  startedAt: number;
  /** Rows had come before the recording began. */
  later: boolean;
  /** The source, with its `ringside:` comments; null when an object was attached, or it could not be read. */
  source: string | null;
}

export interface HostHead {
  info: HostInfo;
}

export interface AttachedHead {
  leftOut: LeftOutProgram[];
  notes: RunNote[];
}

/** Rows by stream. */
export type Counts = Record<string, number>;

export interface FiguresHead {
  /** What had arrived from this host since the run began. */
  delivered: Counts;
  /** The agent's last word: its streams are drained. */
  final: boolean;
  /** Names that recorded rows of this host need and that are not in the recording; absent = none (since 1.3). */
  missingNames?: number;
}

export interface MapHead {
  map: string;
  entries: number;
  valueBytes: number;
  truncated: boolean;
}

export interface IteratorHead {
  program: string;
  truncated: boolean;
  time: string;
}

export interface SwapHead {
  programs: string[];
  targets: AttachSpec['targets'];
  set: Record<string, string>;
  /** Bytes of the agent's answer; the program follows it. */
  answerBytes: number;
}

export interface DroppedHead {
  /** Records by number of the stream. */
  records: Counts;
  frames: number;
}

export interface EndHead {
  reason: EndReason;
  /** The recording was ended, the run went on. */
  runGoesOn: boolean;
  seconds: number;
  error: ErrorData | null;
}

/** Where chunks other than frames are: type, host, offset. */
export interface IndexHead {
  places: [number, number, number][];
  frames: FrameTotals;
}

export interface FrameTotals {
  chunks: number;
  bytes: number;
  /** Records in them, as their spans say. */
  records: number;
  /** ns since the Unix epoch; null without any. */
  first: string | null;
  last: string | null;
}

type Checked = Record<string, unknown>;

const isObject = (value: unknown): value is Checked =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const isListOf = <T>(value: unknown, is: (one: unknown) => one is T): value is T[] =>
  Array.isArray(value) && value.every(is);
const isTexts = (value: unknown): value is string[] => isListOf(value, isText);
const isNameOf = <T>(value: unknown, is: (one: unknown) => one is T): value is Record<string, T> =>
  isObject(value) && Object.values(value).every(is);
const isCounts = (value: unknown): value is Counts => isNameOf(value, isCount);
const isTarget = (value: unknown): value is AttachSpec['targets'][number] =>
  isObject(value) && isText(value['program']) && isText(value['key']) && isText(value['value']);
const isErrorData = (value: unknown): value is ErrorData =>
  isObject(value) &&
  isText(value['code']) &&
  isErrorCode(value['code']) &&
  isText(value['message']) &&
  isText(value['remedy']) &&
  isText(value['detail']) &&
  isTexts(value['links']);
const isNote = (value: unknown): value is RunNote =>
  isObject(value) && isText(value['host']) && isText(value['about']) && isText(value['text']);
const isLeftOut = (value: unknown): value is LeftOutProgram =>
  isObject(value) &&
  isText(value['host']) &&
  isText(value['program']) &&
  isText(value['section']) &&
  isText(value['instead']) &&
  isErrorData(value['error']);

const infoTexts = ['name', 'hostname', 'kernel', 'arch', 'distro', 'btfSha256', 'lockdown', 'jit', 'tracefs', 'bpffs'];
const infoCounts = ['onlineCpus', 'possibleCpus', 'uid', 'memAvailableBytes'];
/** More CPUs than any kernel has would only make the reader of per-CPU values allocate. */
const MOST_CPUS = 1 << 14;

function isInfo(value: unknown): value is HostInfo {
  return (
    isObject(value) &&
    infoTexts.every((name) => isText(value[name])) &&
    isText(value['unprivilegedBpf']) &&
    infoCounts.every((name) => isCount(value[name])) &&
    (value['possibleCpus'] as number) <= MOST_CPUS &&
    isFlag(value['btf']) &&
    isTexts(value['capabilities'])
  );
}

function isSpec(value: unknown): value is RecordedSpec {
  return (
    isObject(value) &&
    isText(value['file']) &&
    isText(value['where']) &&
    isTexts(value['programs']) &&
    isListOf(value['targets'], isTarget) &&
    isNameOf(value['set'], isText)
  );
}

const reasons: Record<EndReason, true> = {
  duration: true,
  count: true,
  interrupt: true,
  'host-lost': true,
  agent: true,
  error: true,
};

/** What a head must be, by the type of its chunk; the reader calls a chunk damaged whose head is not that. */
export const headIs = {
  run: (head: unknown): head is RunHead =>
    isObject(head) &&
    isText(head['ringside']) &&
    isText(head['name']) &&
    isSpec(head['spec']) &&
    isCount(head['startedAt']) &&
    isFlag(head['later']) &&
    (head['source'] === null || isText(head['source'])),
  host: (head: unknown): head is HostHead => isObject(head) && isInfo(head['info']),
  attached: (head: unknown): head is AttachedHead =>
    isObject(head) && isListOf(head['leftOut'], isLeftOut) && isListOf(head['notes'], isNote),
  figures: (head: unknown): head is FiguresHead =>
    isObject(head) &&
    isCounts(head['delivered']) &&
    isFlag(head['final']) &&
    (head['missingNames'] === undefined || isCount(head['missingNames'])),
  map: (head: unknown): head is MapHead =>
    isObject(head) &&
    isText(head['map']) &&
    isCount(head['entries']) &&
    isCount(head['valueBytes']) &&
    isFlag(head['truncated']),
  iterator: (head: unknown): head is IteratorHead =>
    isObject(head) && isText(head['program']) && isFlag(head['truncated']) && isNanos(head['time']),
  swap: (head: unknown): head is SwapHead =>
    isObject(head) &&
    isTexts(head['programs']) &&
    isListOf(head['targets'], isTarget) &&
    isNameOf(head['set'], isText) &&
    isCount(head['answerBytes']),
  dropped: (head: unknown): head is DroppedHead =>
    isObject(head) && isCounts(head['records']) && isCount(head['frames']),
  end: (head: unknown): head is EndHead =>
    isObject(head) &&
    isText(head['reason']) &&
    Object.hasOwn(reasons, head['reason']) &&
    isFlag(head['runGoesOn']) &&
    isCount(head['seconds']) &&
    (head['error'] === null || isErrorData(head['error'])),
  index: (head: unknown): head is IndexHead =>
    isObject(head) && isListOf(head['places'], isPlace) && isTotals(head['frames']),
} as const;

const isNanos = (value: unknown): value is string => isText(value) && /^\d{1,20}$/.test(value);

const isPlace = (value: unknown): value is [number, number, number] => isListOf(value, isCount) && value.length === 3;

const isTotals = (value: unknown): value is FrameTotals =>
  isObject(value) &&
  isCount(value['chunks']) &&
  isCount(value['bytes']) &&
  isCount(value['records']) &&
  (value['first'] === null || isNanos(value['first'])) &&
  (value['last'] === null || isNanos(value['last']));
