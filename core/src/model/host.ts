import type { ErrorData } from '../errors.ts';

/** A host of the ssh config, as `ringside hosts` prints it. */
export interface HostEntry {
  alias: string;
  hostname: string;
  port: number;
  user: string;
  proxyJump: string | null;
  /** "file:line" of the Host line. */
  source: string;
}

/** A Host block that is to be added to the ssh config: shown first, written then. */
export interface NewHost {
  file: string;
  /** Line before which it goes, from 1. */
  line: number;
  alias: string;
  /** The lines, each with its end. */
  text: string;
  /** SHA-256 of the file as it was when this was planned. */
  before: string;
}

export type ConnectionState =
  | 'disconnected'
  | 'connecting'
  | 'checking-key'
  | 'authenticating'
  | 'probing'
  | 'installing'
  | 'privileged'
  | 'ready'
  | 'lost'
  | 'reconnecting';

/** What is known of a connected host (from the agent's facts). */
export interface HostInfo {
  /** As the user named it: an alias, user@host:port, or "local". */
  name: string;
  hostname: string;
  kernel: string;
  arch: string;
  distro: string;
  onlineCpus: number;
  possibleCpus: number;
  btf: boolean;
  btfSha256: string;
  lockdown: string;
  jit: string;
  tracefs: string;
  bpffs: string;
  unprivilegedBpf: string;
  uid: number;
  capabilities: string[];
  memAvailableBytes: number;
}

export interface HostState {
  name: string;
  state: ConnectionState;
  info: HostInfo | null;
  error: ErrorData | null;
}

/** What the language server is told of the kernel that a program is for. Paths are in the cache. */
export interface AuthoringTarget {
  host: string;
  /** `uname -r` */
  kernel: string;
  arch: string;
  /** null where the host's kernel has no BTF, or the file is gone. */
  vmlinuxHeader: string | null;
  /** Raw BTF. */
  btf: string | null;
  /** The list of attach points: {tracepoints: [{name, fields}], kprobes: [name]}. */
  targets: string | null;
  /** True when the host is not connected: all of this is from before. */
  cached: boolean;
}

export type CheckStatus = 'ok' | 'warn' | 'fail' | 'unknown';
export interface DoctorCheck {
  id: string;
  title: string;
  status: CheckStatus;
  detail: string;
  /** Why it matters: what does not work, or is not safe, where the check fails. */
  why: string;
  remedy: string;
}
/** `ringside doctor --json`. */
export interface DoctorReport {
  host: {
    name: string;
    kernel: string;
    arch: string;
    distro: string;
    cpus: number;
    btf: boolean;
    lockdown: string;
    jit: string;
    tracefs: string;
    bpffs: string;
    unprivilegedBpf: string;
    uid: number;
    capabilities: string[];
    /** Connected to be looked at only: nothing is loaded, attached or written. */
    readOnly: boolean;
  };
  compiler: { path: string; version: string; bpf: boolean } | null;
  checks: DoctorCheck[];
  features: {
    programTypes: Record<string, boolean>;
    mapTypes: Record<string, boolean>;
    attach: Record<string, { ok: boolean; reason: string }>;
    /** What is no kind of attachment: "prog_stream". */
    other: Record<string, { ok: boolean; reason: string }>;
  };
}

/** `ringside agent status --json`. */
export interface AgentStatus {
  host: string;
  installed: { path: string; sha256: string; bytes: number; current: boolean }[];
  running: { pid: number; user: string; startedSeconds: number }[];
  /** Runs that go on without a client; `expires` in ns since the Unix epoch. */
  kept: { run: string; name: string; pid: number; expires: string }[];
}
export interface AgentRemoval {
  host: string;
  removed: string[];
}
