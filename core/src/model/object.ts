import type { RecordField } from './record.ts';

export interface SourcePlace {
  file: string;
  line: number;
}

export interface ProgramInfo {
  name: string;
  section: string;
  /** bpftool's name of the program type: "tracepoint", "kprobe", "xdp" …; "unspec" when the section is not known. */
  type: string;
  /** libbpf's word for the way it attaches: "tracepoint", "raw_tp", "fentry", "xdp", "perf_event" … */
  attach: string;
  /** What it attaches to, in words ("syscalls:sys_enter_execve"); null if that is still to be chosen. */
  target: string | null;
  /** Names of target keys that must still be chosen, e.g. ["iface"]. */
  needsTarget: string[];
  /** Target keys that the section gives in a way of its author's: { iface: "lo" } of SEC("xdp/lo"). */
  given: Record<string, string>;
  /** In a sentence, what the section leaves to the author's user space and Ringside inferred; "" where it says all. */
  inferred: string;
  /** What the agent needs to load and attach it, from Linux 5.8 on: "CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN" … */
  capabilities: string[];
  /** Kernel features that it rests on, with the version that brought them: "fentry (Linux 5.5)". */
  features: string[];
  /** Other programs of the object for the same hook: of these, the best that the kernel has is attached, the others not. */
  variants: string[];
  /** Rules of guards that it may meet, as far as its code tells (docs/guards.md); those of ssh if it is attached on that way. */
  guards: string[];
  instructions: number;
  autoload: boolean;
  /** Where the program's function begins; null without BTF.ext line info. */
  source: SourcePlace | null;
}

/** A BTF type, written out for people and with enough structure to render values. */
export interface TypeInfo {
  /** C spelling: "struct event", "__u32", "char[16]". */
  name: string;
  size: number;
}

export interface MapInfo {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  key: TypeInfo | null;
  value: TypeInfo | null;
  /** Estimated kernel memory on a host with one possible CPU per per-CPU slot; null when it cannot be told offline. */
  bytes: number | null;
}

export interface GlobalInfo {
  name: string;
  section: string;
  type: string;
  size: number;
  /** The initial value, rendered; null for .bss arrays and structs too large to print. */
  value: string | number | boolean | null;
  constVolatile: boolean;
}

/** A global of a run. */
export interface RunGlobal extends GlobalInfo {
  /** What the source says of it; "" = nothing. */
  comment: string;
  /** What it was set to when the run was attached, as it was typed; null = as the object says. */
  set: string | null;
  /** Of .data and .bss: what it holds now, host by host. A host that cannot be read is not here. */
  now: { host: string; value: GlobalInfo['value'] }[];
}

export type Confidence = 'declared' | 'source' | 'dwarf' | 'size' | 'guess' | 'none';

/** The type of the records of one ring or perf buffer. */
export interface RecordInfo {
  map: string;
  /** "struct event"; "" when unknown (bytes). */
  type: string;
  size: number;
  confidence: Confidence;
  /** The value of a leading field that tells this record from others in the same buffer, if there are several. */
  tag: { field: string; value: number } | null;
  fields: RecordField[];
}

/** `ringside inspect --json`. */
export interface InspectReport {
  license: string;
  /**
   * Of the whole object, as a host's list of allowed objects names it: of the file, but where a ring or perf buffer declares the
   * type of its records, which no kernel takes, of what is sent in its place.
   */
  sha256: string;
  /**
   * What an agent keeps while a run of this object goes on, from Linux 5.8 on; before, CAP_SYS_ADMIN stands for CAP_BPF and
   * CAP_PERFMON. Programs that load only when they are asked for by name may need more.
   */
  capabilities: string[];
  programs: ProgramInfo[];
  maps: MapInfo[];
  globals: GlobalInfo[];
  records: RecordInfo[];
}
