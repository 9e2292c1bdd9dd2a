/** A row of the attach matrix: one kind of attachment, the program that stands for it, and what makes it run. */

export interface Kind {
  /** Title of the row. */
  name: string;
  /** The forms of core/src/bpf/sections.ts that it proves. */
  sections: string[];
  /** NAME of host-agent/tests/objects/kinds/NAME.bpf.c. */
  object: string;
  /** The programs of the object that are attached; the record is the first one's. "" = a struct_ops map. */
  programs: string[];
  /** Choices as the CLI takes them, [PROGRAM:]KEY=VALUE, with the host's places in braces: iface={veth}. */
  targets?: string[];
  /** Command of host/trigger.c, or ./FILE beside it, with places in braces; "" when attaching alone makes it run. */
  trigger: string;
  /** The trigger works inside of this cgroup of the host. */
  cgroup?: boolean;
  /** Attached before, in a run of its own, and detached after: what this kind needs to be there. */
  before?: { object: string; programs: string[]; targets?: string[] };
  /** The value that the record must hold; by default what the trigger prints. */
  value?: number;
  /** A place that a host may not have, and then why the program has nothing to run for although it is attached. */
  idleWithout?: { place: string; reason: string };
  /** What a kernel must have, in words: what a refusal has to name. */
  feature: string;
  /** A refusal that names the feature matches this. */
  names: RegExp;
  /** Not attached on purpose, on any kernel: the agent explains what does attach it. */
  explained?: true;
  /** Runs when the agent reads the iterator, or writes to the user ring buffer. */
  by?: 'iterator' | 'user-ring';
}

/** Rows that stand together. */
export interface Family {
  title: string;
  kinds: Kind[];
}
