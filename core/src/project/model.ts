/** What a project is written from: the object's report, put in the words of its user space. */
import type { RecordField } from '../model/index.ts';

export type ProjectLanguage = 'c' | 'go' | 'rust';
export const projectLanguages: readonly ProjectLanguage[] = ['c', 'go', 'rust'];

/** A type whose values the user space reads: a record, or a key or value of a map. */
export interface Shape {
  /** C spelling: "struct event", "event_t", "__u32"; "" when it is not known. */
  type: string;
  /** A C identifier that no other shape of the project has. */
  name: string;
  /** Bytes; without a variable tail. */
  size: number;
  fields: RecordField[];
}

export interface StreamRecord {
  shape: Shape;
  /** The number that tells this record from others of the same buffer; null: its size does. */
  tag: { offset: number; size: number; value: number } | null;
}

/** A ring or perf buffer. */
export interface Stream {
  map: string;
  kind: 'ring' | 'perf';
  /** Empty: what it carries is not known, and is shown as bytes. */
  records: StreamRecord[];
}

/** A map that is shown once a second where a program has no ring. */
export interface Table {
  map: string;
  key: Shape;
  value: Shape;
  perCpu: boolean;
  /** Arrays have every entry: those that are all zero are left out. */
  isArray: boolean;
}

/** A `const volatile` variable: a flag of the command line. */
export interface Knob {
  name: string;
  flag: string;
  /** ".rodata" or ".rodata.SOMETHING". */
  section: string;
  /** Bytes from the start of the section. */
  offset: number;
  size: number;
  kind: 'bool' | 'int' | 'uint' | 'chars';
  /** C spelling of its type. */
  type: string;
  /** What it is without the flag, as text. */
  initial: string;
}

/** A flag that says what a program attaches to. */
export interface TargetOption {
  flag: string;
  key: TargetKey;
  /** null: it has to be given. */
  initial: string | null;
  help: string;
}

export type TargetKey =
  | 'iface'
  | 'direction'
  | 'cgroup'
  | 'binary'
  | 'symbol'
  | 'pid'
  | 'provider'
  | 'probe'
  | 'func'
  | 'event'
  | 'freq'
  | 'netns';

/** How a program is attached: by its section alone, or with what flags say. */
export type HookKind =
  | 'auto'
  | 'xdp'
  | 'tc'
  | 'cgroup'
  | 'uprobe'
  | 'usdt'
  | 'perf_event'
  | 'kprobe'
  | 'tracepoint'
  | 'raw_tp'
  | 'netns'
  /** The project loads it; attaching is left to its author. */
  | 'none';

export interface Hook {
  program: string;
  section: string;
  /** libbpf's word for the way it attaches. */
  attach: string;
  /** As the section has it; null if flags tell. */
  target: string | null;
  kind: HookKind;
  options: Partial<Record<TargetKey, TargetOption>>;
}

export interface ProjectModel {
  /** A C identifier: of the program, of its skeleton, of its folder. */
  name: string;
  /** Licence that the object names. */
  license: string;
  hooks: Hook[];
  streams: Stream[];
  /** Empty where there is a stream. */
  tables: Table[];
  knobs: Knob[];
  options: TargetOption[];
  /** -D and -U of the project that the source comes from. */
  defines: string[];
  usesVmlinux: boolean;
  /** The variables that a skeleton in C declares: their types must be known to it. */
  globals: RecordField[];
}

/** The shapes of a project, each once. */
export function shapesOf(model: ProjectModel): Shape[] {
  const all = [
    ...model.streams.flatMap((stream) => stream.records.map((record) => record.shape)),
    ...model.tables.flatMap((table) => [table.key, table.value]),
  ];
  return [...new Map(all.map((shape) => [shape.name, shape])).values()];
}

/** Whether values of it are a record of fields, not one scalar. */
export function isComposite(shape: Shape): boolean {
  return !(shape.fields.length === 1 && shape.fields[0]!.name === SCALAR);
}

/** The name of the one field of a shape that is no struct. */
export const SCALAR = 'value';
