/**
 * The closed list of failures. The CLI maps a code to its exit code, the extension to a message with buttons, the
 * language server to a diagnostic. A new failure gets a line here first; docs/errors.md is generated from this table.
 */

/** Exit codes of the CLI contract. */
export const Exit = {
  done: 0,
  rejected: 1,
  usage: 2,
  host: 3,
  cannot: 4,
  source: 5,
  agent: 6,
  interrupted: 130,
} as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];

/** Every error code with the exit code that it maps to. */
export const errorCodes = {
  // wrong use
  usage: Exit.usage,
  'unknown-field': Exit.usage,
  'bad-expression': Exit.usage,
  'unknown-program': Exit.usage,
  'unknown-variable': Exit.usage,
  'bad-value': Exit.usage,
  'unknown-template': Exit.usage,
  'file-exists': Exit.usage,
  'file-not-found': Exit.usage,
  'target-needed': Exit.usage,
  'target-unknown': Exit.usage,
  // host not reached, not trusted, not authenticated
  'host-unknown': Exit.host,
  'host-unreachable': Exit.host,
  'host-timeout': Exit.host,
  'host-key-unknown': Exit.host,
  'host-key-mismatch': Exit.host,
  'host-key-revoked': Exit.host,
  'auth-failed': Exit.host,
  'ssh-config': Exit.host,
  'ssh-transport': Exit.host,
  'host-lost': Exit.host,
  // the host cannot do it
  'sudo-denied': Exit.cannot,
  'sudo-password-needed': Exit.cannot,
  'sudo-password-wrong': Exit.cannot,
  'not-linux': Exit.cannot,
  'arch-unsupported': Exit.cannot,
  'no-space': Exit.cannot,
  noexec: Exit.cannot,
  'not-writable': Exit.cannot,
  'no-btf': Exit.cannot,
  'no-permission': Exit.cannot,
  lockdown: Exit.cannot,
  'unsupported-by-kernel': Exit.cannot,
  'attach-failed': Exit.cannot,
  'attach-unsupported': Exit.cannot,
  'target-not-found': Exit.cannot,
  'no-memory': Exit.cannot,
  'map-create-failed': Exit.cannot,
  'tracefs-missing': Exit.cannot,
  // the program was rejected
  'verifier-rejected': Exit.rejected,
  // the source did not build, or the object is not loadable
  'build-failed': Exit.source,
  'no-compiler': Exit.source,
  'compiler-without-bpf': Exit.source,
  'no-vmlinux': Exit.source,
  'not-elf': Exit.source,
  'not-bpf': Exit.source,
  'object-malformed': Exit.source,
  'object-without-btf': Exit.source,
  'legacy-maps': Exit.source,
  'no-programs': Exit.source,
  'core-relocation': Exit.source,
  'open-failed': Exit.source,
  'load-failed': Exit.source,
  // agent or protocol
  'agent-missing': Exit.agent,
  'agent-tampered': Exit.agent,
  'agent-start': Exit.agent,
  'agent-exited': Exit.agent,
  'agent-version': Exit.agent,
  'agent-internal': Exit.agent,
  protocol: Exit.agent,
  'lease-expired': Exit.agent,
  'too-large': Exit.agent,
  internal: Exit.agent,
  // ended by the user
  cancelled: Exit.interrupted,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** The same failure as plain data: for JSON output and for the way through a worker. */
export interface ErrorData {
  code: ErrorCode;
  /** What and why, one or two sentences. */
  message: string;
  /** What to do about it. */
  remedy: string;
  /** More for whoever wants it: a log, a command's output. May be long. */
  detail: string;
  /** Places that explain or repair it: file:line of a known_hosts entry, a documentation page. */
  links: string[];
}

export interface ErrorOptions {
  remedy?: string;
  detail?: string;
  links?: string[];
  cause?: unknown;
}

/** The one error class that reaches users: what, why and what to do, with a stable code. */
export class RingsideError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly detail: string;
  readonly links: string[];

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RingsideError';
    this.code = code;
    this.remedy = options.remedy ?? '';
    this.detail = options.detail ?? '';
    this.links = options.links ?? [];
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code];
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, remedy: this.remedy, detail: this.detail, links: this.links };
  }

  static fromData(data: ErrorData): RingsideError {
    return new RingsideError(data.code, data.message, data);
  }

  /** Any thrown value as a RingsideError; an abort becomes `cancelled`, everything unforeseen `internal`. */
  static from(error: unknown): RingsideError {
    if (error instanceof RingsideError) return error;
    if (error instanceof Error && error.name === 'AbortError') return cancelled();
    const message = error instanceof Error ? error.message : String(error);
    const detail = error instanceof Error ? (error.stack ?? '') : '';
    return new RingsideError('internal', message, {
      remedy: 'This is a fault in Ringside. Please report it with the log.',
      detail,
      cause: error,
    });
  }
}

export function cancelled(): RingsideError {
  return new RingsideError('cancelled', 'Cancelled.');
}

/** Throws `cancelled` when the signal has fired; call it between the steps of a long job. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}
