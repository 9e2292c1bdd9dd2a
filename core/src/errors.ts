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
  usage: Exit.usage, // The command line or a request is wrong.
  'unknown-field': Exit.usage, // A filter names a field that the record does not have.
  'bad-expression': Exit.usage, // A filter does not parse.
  'unknown-program': Exit.usage, // The object has no program of that name.
  'unknown-variable': Exit.usage, // The object has no global variable of that name.
  'unknown-map': Exit.usage, // The object has no map of that name.
  'bad-value': Exit.usage, // A value does not fit its type.
  'map-access': Exit.usage, // Maps of this type cannot be read or written in this way.
  'unknown-template': Exit.usage, // The gallery has no program of that name.
  'file-exists': Exit.usage, // A file would be overwritten.
  'file-not-found': Exit.usage, // A file does not exist or cannot be read.
  'not-a-recording': Exit.usage, // The file is no recording of Ringside.
  'recording-newer': Exit.usage, // The recording was made by a newer version of Ringside.
  'recording-damaged': Exit.usage, // Of the recording not even the program and its hosts can be read.
  'recording-without-host': Exit.usage, // What was asked needs a host, and a recording has none.
  'not-recorded': Exit.usage, // The recording does not hold it.
  'recording-failed': Exit.usage, // The recording cannot be written (any more): the disk is full, or the file may not be written.
  'export-unavailable': Exit.usage, // This version of Ringside cannot write that format.
  'test-malformed': Exit.usage, // A test file (NAME.bpf.test.json) is wrong at the line and column that are named.
  'packet-malformed': Exit.usage, // A packet of a test is wrong at the line and column that are named.
  'capture-malformed': Exit.usage, // A capture file of a test is damaged, or has no such packet.
  'target-needed': Exit.usage, // A program needs something to attach to, and its section does not say what.
  'target-unknown': Exit.usage, // A target key is not one of those that the program takes.
  // host not reached, not trusted, not authenticated
  'host-unknown': Exit.host, // Neither the ssh config nor the network knows this host.
  'host-unreachable': Exit.host, // The host refused the connection, or no route leads to it.
  'host-timeout': Exit.host, // The host did not answer in time.
  'host-key-unknown': Exit.host, // The host key is not in known_hosts and was not accepted.
  'host-key-mismatch': Exit.host, // The host key is not the one in known_hosts: another machine may be answering.
  'host-key-revoked': Exit.host, // known_hosts marks the host key as revoked.
  'auth-failed': Exit.host, // The host accepted none of the keys and passwords.
  'ssh-config': Exit.host, // The ssh config cannot be read, or asks for what is not supported.
  'ssh-transport': Exit.host, // The ssh connection failed below authentication.
  'ssh-sessions': Exit.host, // The ssh server opens no further session (MaxSessions).
  'host-lost': Exit.host, // The connection broke while it was in use.
  // the host cannot do it
  'sudo-denied': Exit.cannot, // The user may not run the agent with sudo.
  'sudo-password-needed': Exit.cannot, // sudo asks for a password and none was given.
  'sudo-password-wrong': Exit.cannot, // sudo refused the password.
  'not-linux': Exit.cannot, // The host does not run Linux.
  'arch-unsupported': Exit.cannot, // There is no agent for the machine of this host.
  'no-space': Exit.cannot, // The disk of the host is full.
  noexec: Exit.cannot, // The folder for the agent is mounted noexec.
  'not-writable': Exit.cannot, // No folder for the agent can be written.
  'no-btf': Exit.cannot, // The kernel of the host has no BTF.
  'no-permission': Exit.cannot, // The agent lacks a right (CAP_BPF, CAP_PERFMON, …).
  'read-only': Exit.cannot, // The host is connected read-only: nothing is loaded, attached or written there.
  'object-not-allowed': Exit.cannot, // The host's list of allowed objects does not name it, or that list is not in order.
  'capability-dropped': Exit.cannot, // A run's agent has given up the right to it once it was attached.
  lockdown: Exit.cannot, // Kernel lockdown forbids it.
  'unsupported-by-kernel': Exit.cannot, // The kernel of the host lacks a program type, map type or helper.
  'attach-failed': Exit.cannot, // The kernel refused to attach a program that it had loaded.
  'journal-full': Exit.cannot, // How to undo an attachment cannot be written down on the host, so it was not made.
  'agent-denied': Exit.cannot, // What was attached denies the agent itself what it needs, so it was detached.
  'attach-unsupported': Exit.cannot, // This kind of program cannot be attached by Ringside yet.
  'target-not-found': Exit.cannot, // What the program should attach to does not exist on the host.
  'symbols-failed': Exit.cannot, // The names of a process's addresses cannot be looked up.
  'no-memory': Exit.cannot, // The kernel had no memory for a map or a program.
  'too-many-files': Exit.cannot, // The agent has no file descriptor left.
  'map-create-failed': Exit.cannot, // The kernel refused to create a map.
  'maps-too-large': Exit.cannot, // The maps would take more memory than the limit.
  'map-pin-mismatch': Exit.cannot, // A pinned map has another type or size than the object's.
  'map-pin-failed': Exit.cannot, // A map cannot be pinned where it should be.
  'target-refused': Exit.cannot, // The kernel has the target but lets no program of this kind attach there.
  'helper-missing': Exit.cannot, // The kernel has no such helper for programs of this type.
  'kfunc-missing': Exit.cannot, // The kernel offers no such function to BPF programs.
  'ksym-missing': Exit.cannot, // The kernel has no such variable or symbol.
  'kconfig-missing': Exit.cannot, // A value of the kernel's configuration is not set, or not shown by the host.
  'variant-not-used': Exit.cannot, // A better variant of the same hook is used instead of this program.
  'run-adopted': Exit.agent, // Another client has taken the kept run over.
  'run-not-kept': Exit.cannot, // No run of that name is kept on the host.
  'held-by-process': Exit.cannot, // Only the end of the process that holds it takes an attachment of this kind away.
  'map-full': Exit.cannot, // A map has no room for another entry.
  'map-frozen': Exit.cannot, // A map can no longer be written by user space.
  'guard-confirmation-needed': Exit.cannot, // What would be loaded or attached can harm the host, and nobody has confirmed it.
  'guard-rolled-back': Exit.cannot, // What may cut the connection was not confirmed over it in time, and the host detached it.
  'tracefs-missing': Exit.cannot, // tracefs is not mounted on the host.
  // the run was ended by its limits
  'cpu-limit': Exit.rejected, // A program took more of a processor than the run allows, and was detached.
  'rate-limit': Exit.rejected, // A stream carried more records than the run allows, and the run was detached.
  'time-limit': Exit.rejected, // Nobody watched the run for its time limit, and it was detached.
  // the program was rejected
  'verifier-rejected': Exit.rejected, // The verifier of the kernel rejected the program.
  'not-there': Exit.rejected, // What should be taken away is gone, or is something else by now.
  // a question about a map was answered with no
  'no-such-key': Exit.rejected, // A map has no entry with this key, or nothing for this owner.
  'key-exists': Exit.rejected, // A map has an entry with this key already.
  // the source did not build, or the object is not loadable
  'build-failed': Exit.source, // The compiler reported errors.
  'no-compiler': Exit.source, // No clang that can be used was found.
  'compiler-without-bpf': Exit.source, // The compiler has no BPF back end.
  'no-vmlinux': Exit.source, // There is no BTF to make vmlinux.h from.
  'not-elf': Exit.source, // The file is no ELF object.
  'not-bpf': Exit.source, // The file is an ELF object, but not for BPF.
  'object-malformed': Exit.source, // The object is damaged.
  'object-without-btf': Exit.source, // The object was compiled without -g and has no BTF.
  'btf-malformed': Exit.source, // Type information (of the object, or given for the kernel) is damaged.
  'static-program': Exit.source, // A program is declared static.
  'extern-without-section': Exit.source, // An extern does not say where it comes from (__ksym, __kconfig).
  'unknown-section': Exit.source, // A section names no kind of program, and none was chosen.
  'legacy-maps': Exit.source, // The object defines maps in the old way that libbpf 1.0 dropped.
  'no-programs': Exit.source, // The object has no program.
  'core-relocation': Exit.source, // A field or type that the program reads does not exist in the kernel of the host.
  'open-failed': Exit.source, // libbpf could not open the object.
  'load-failed': Exit.source, // The kernel refused the object for a reason other than the verifier.
  // agent or protocol
  'agent-missing': Exit.agent, // No agent was built for this machine.
  'agent-tampered': Exit.agent, // The agent on the host is not the one that was uploaded.
  'agent-start': Exit.agent, // The agent did not start.
  'agent-exited': Exit.agent, // The agent ended while it was in use.
  'agent-version': Exit.agent, // The agent speaks another version of the protocol.
  'agent-internal': Exit.agent, // A fault in the agent.
  protocol: Exit.agent, // A message broke the protocol.
  'lease-expired': Exit.agent, // The agent heard nothing for too long and detached everything.
  'too-large': Exit.agent, // A message or file is larger than its limit.
  internal: Exit.agent, // A fault in Ringside.
  // ended by the user
  cancelled: Exit.interrupted, // The user cancelled it, or it was interrupted.
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** Why something needs a confirmation before it is loaded or attached. */
export interface GuardFinding {
  /** Stable name of the rule (docs/guards.md). */
  rule: string;
  /** Or the map that it is about; "" = the whole object. */
  program: string;
  /** In words; "" = none. */
  target: string;
  reason: string;
  /** It may cut the connection to the host. */
  cutting: boolean;
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
  /** With guard-confirmation-needed: all that has to be confirmed. */
  findings?: GuardFinding[];
}

export interface ErrorOptions {
  remedy?: string;
  detail?: string;
  links?: string[];
  findings?: GuardFinding[];
  cause?: unknown;
}

/** The one error class that reaches users: what, why and what to do, with a stable code. */
export class RingsideError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly detail: string;
  readonly links: string[];
  readonly findings: GuardFinding[];

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RingsideError';
    this.code = code;
    this.remedy = options.remedy ?? '';
    this.detail = options.detail ?? '';
    this.links = options.links ?? [];
    this.findings = options.findings ?? [];
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code];
  }

  toData(): ErrorData {
    const { code, message, remedy, detail, links, findings } = this;
    return { code, message, remedy, detail, links, ...(findings.length > 0 && { findings }) };
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
