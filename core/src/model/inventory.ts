/** Everything of BPF on a host, whoever made it. `null` is unknown; counters beyond 2^53 are decimal strings. */
import type { FieldValue, RecordField } from './record.ts';

export type Count = number | string;

export interface ObjectOwner {
  pid: number;
  command: string;
  /** A Ringside agent, of this session or another. */
  ringside: boolean;
}

interface Owned {
  /** Processes that hold a descriptor; null where the agent may not look. */
  owners: ObjectOwner[] | null;
  /** Paths in bpffs. */
  pins: string[];
  /** Held by a Ringside agent; null where owners are not known. */
  ringside: boolean | null;
}

export interface ProgramItem extends Owned {
  id: number;
  name: string;
  type: string;
  tag: string;
  /** Kernel function, tracepoint or program that it was made for; null when it names none. */
  attachTo: string | null;
  gpl: boolean;
  uid: number;
  /** Nanoseconds since the epoch. */
  loadedAt: string;
  instructionBytes: number | null;
  jitedBytes: number | null;
  memoryBytes: Count | null;
  mapIds: number[];
  btfId: number | null;
  /** null while nobody counts runs on the host. */
  runs: Count | null;
  runNanos: Count | null;
  nanosPerRun: number | null;
  recursionMisses: Count;
  verifiedInstructions: number | null;
}

export interface MapItem extends Owned {
  id: number;
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: Count;
  extra: Count;
  memoryBytes: Count | null;
  frozen: boolean;
  btfId: number | null;
}

export interface LinkItem extends Owned {
  /** null for what is attached without a link: XDP by netlink, tc filters, programs put on tcx or netkit directly. */
  id: number | null;
  kind: string;
  program: { id: number; name: string } | null;
  attachType: string | null;
  /** In words: "lo ingress", "vfs_read", "/sys/fs/cgroup". */
  target: string;
  details: Record<string, string>;
  missed: Count | null;
}

/**
 * Something of others that a person wants to be gone from a host. The numbers say which was meant: what has taken its place
 * meanwhile stays.
 */
export type Takeable =
  | { kind: 'link'; link: number; program: number }
  | {
      kind: 'hook';
      hook: 'xdp' | 'tc';
      ifindex: number;
      /** "generic", "driver" or "offload" of xdp; "ingress" or "egress" of tc. */
      mode: string;
      /** "eth0 ingress" */
      target: string;
      handle: number;
      priority: number;
      program: number;
    }
  | { kind: 'pin'; path: string; of: 'program' | 'map' | 'link'; id: number };

/** Which map of a host: its id, its name, or its path in bpffs. */
export type MapName = string;

/** A map with the types by which its entries read; null where nothing says. */
export interface TypedMap {
  map: MapItem;
  key: RecordField | null;
  value: RecordField | null;
  /** Possible CPUs for per-CPU maps, else 0. */
  perCpu: number;
}

/** Whose a value of a storage map is. */
export interface StorageOwner {
  pid?: number;
  command?: string;
  fd?: number;
  path?: string;
}

/** Queues, bloom filters and rings have no keys; storage maps have owners in their place. */
export interface MapEntryItem {
  key?: FieldValue;
  owner?: StorageOwner;
  value: FieldValue;
}

export interface MapEntriesPage {
  entries: MapEntryItem[];
  /** Goes back as it came for the next page; null after the last one. */
  next: string | null;
  /** The map changed so much that the walk had to begin anew: entries may come twice. */
  restarted: boolean;
}

/** Entries as JSON, one a line: UTF-8 that needs no parsing to be passed on. */
export interface MapLines {
  lines: Uint8Array;
  entries: number;
  restarted: boolean;
}

export type MapSetMode = 'any' | 'new' | 'existing';

/** What is different since the last poll. */
export interface MapChanges {
  changed: MapEntryItem[];
  deleted: FieldValue[];
  entries: Count;
  /** There are more entries than are followed. */
  truncated: boolean;
  /** Nanoseconds since the epoch. */
  time: string;
}
