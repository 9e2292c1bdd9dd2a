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
  /** EXPR of the CLI contract; "" = all. */
  where: string;
  durationSeconds: number | null;
  count: number | null;
  /** Seconds between map dumps; null = none. */
  mapsSeconds: number | null;
  /** Bytes of records kept for the panel; default 256 MB. */
  storeBytes?: number;
  /** Emit every record that passes `where` as a RunEvent (the CLI); panels pull rows instead. */
  emitEvents?: boolean;
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

/** Exact counts of one stream; null means unknown, never 0. produced = delivered + lostKernel + lostAgent + lostTransport. */
export interface StreamLedger {
  name: string;
  produced: number | null;
  delivered: number;
  lostKernel: number | null;
  lostAgent: number;
  lostTransport: number;
  /** Rows that passed the filter and were printed or stand in the view. */
  shown: number;
}
export interface Ledger {
  streams: StreamLedger[];
}

export interface ProgramCost {
  name: string;
  runs: number;
  /** null while the program has not run, or the kernel keeps no statistics. */
  nanosPerRun: number | null;
  cpuPercent: number | null;
  /** null where the kernel does not count missed runs. */
  missed: number | null;
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
  schemas: StreamSchema[];
  ledger: Ledger;
  programs: ProgramCost[];
  /** Records per second over the last second, all streams. */
  rate: number;
  agent: { rssBytes: number | null; cpuPercent: number | null };
}

/** Objects of `ringside attach --json`, one a line. */
export type RunEvent =
  | ({ type: 'attached' } & AttachmentInfo)
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
  | { type: 'print'; host: string; program: string; time: string; text: string }
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
      ledger: Ledger;
      programs: ProgramCost[];
      agent: { rssBytes: number | null; cpuPercent: number | null };
    };
