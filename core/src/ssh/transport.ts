import type { Readable, Writable } from 'node:stream';
import type { CallOptions } from '../progress.ts';
import type { RingsideError } from '../errors.ts';

export interface ExitStatus {
  /** null when a signal ended it or the connection was lost. */
  code: number | null;
  signal: string | null;
}

/** A running command on the host: bytes in, bytes out. */
export interface ExecChannel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles once, when the command is over or the connection is gone; never rejects. */
  readonly exit: Promise<ExitStatus>;
  /** Closes the channel at once; the command on the host sees end of file (and its lease does the rest). */
  close(): void;
}

export interface RunResult extends ExitStatus {
  stdout: string;
  stderr: string;
}

export interface RunOptions extends CallOptions {
  /** Written to the command's stdin, which is then closed. */
  input?: string | Uint8Array;
  /** Milliseconds; 0 = none. */
  timeoutMs?: number;
  /** Most bytes of stdout and of stderr that are kept (each); default 1 MiB, more is an error `too-large`. */
  maxBytes?: number;
}

/** One connection to a host; `local` implements it with child processes. */
export interface Transport {
  /** The host as the user named it. */
  readonly host: string;
  readonly kind: 'local' | 'ssh2' | 'openssh';
  /** Starts a command through /bin/sh (`command` is a POSIX sh command line, already quoted). No pty. */
  exec(command: string, options?: CallOptions): Promise<ExecChannel>;
  /** Runs a command to its end. A non-zero exit is a result, not an error. */
  run(command: string, options?: RunOptions): Promise<RunResult>;
  /** Called once when the connection is gone; the error says why, undefined after dispose(). */
  onClose(listener: (error: RingsideError | undefined) => void): void;
  dispose(): void;
}
