/** Kinds of places that programs can attach to, as `ringside targets` names them. */
export type TargetKind =
  | 'kprobe'
  | 'fentry'
  | 'tracepoint'
  | 'raw_tp'
  | 'lsm'
  | 'uprobe'
  | 'usdt'
  | 'iface'
  | 'cgroup'
  | 'process'
  | 'container';

export interface TargetQuery {
  kind: TargetKind;
  /** Shell wildcards; "" = all. A plain name that does not exist is an error that names the nearest. */
  pattern: string;
  /** Of uprobe and usdt: a path, a program or a library. */
  binary?: string;
  /** Of uprobe and usdt: as this process sees files; without a binary, in everything that it has mapped. */
  pid?: number;
  /** Default 10,000. */
  limit?: number;
}

export interface TargetArgument {
  name: string;
  /** C type, "" where the host does not tell. */
  type: string;
  /** In the context of a tracepoint program, else null. */
  offset: number | null;
  /** null where the host does not tell. */
  size: number | null;
}

export interface TargetEntry {
  name: string;
  /** Kernel module, or the file of a function or probe; "" = the kernel itself. */
  module: string;
  /** null = not known; [] = there are none. */
  arguments: TargetArgument[] | null;
  /** C type, null = not known. */
  returns: string | null;
  /** By kind: offset, version, pid, user, mtu, cgroup … */
  details: Record<string, string>;
  /** Why nothing can attach there; null = it can. */
  unusable: string | null;
}

/** `ringside targets --json`. */
export interface TargetListing {
  host: string;
  kind: TargetKind;
  targets: TargetEntry[];
  /** Matches, also those beyond the limit. */
  total: number;
}
