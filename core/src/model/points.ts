/** What programs can attach to, as the explorer of attach points asks the language server for it. */

/** Kinds of places to attach to that the kernel's types and the host's lists tell. */
export type PointKind = 'tracepoint' | 'function' | 'raw_tp' | 'lsm' | 'iter' | 'struct_ops';

export interface PointsParams {
  /** null: the kinds themselves. */
  kind: PointKind | null;
  /** null: the groups, or the names of a kind without groups. */
  group: string | null;
  /** Only names that hold it. */
  text: string;
  first: number;
  limit: number;
}

export interface PointsAnswer {
  /** Whose kernel; null = this machine's. */
  host: string | null;
  kernel: string | null;
  cached: boolean;
  groups: { name: string; count: number }[];
  names: string[];
  /** Of groups or names, also those beyond the limit. */
  total: number;
}

export interface FoundPoint {
  kind: PointKind;
  name: string;
}

export interface SearchAnswer {
  found: FoundPoint[];
  more: boolean;
}

export interface PointArgument {
  name: string;
  type: string;
  offset: number | null;
  size: number | null;
}

export interface PointDetails extends FoundPoint {
  /** null = not known. */
  arguments: PointArgument[] | null;
  returns: string | null;
  starts: PointStart[];
}

/** A program as it is begun. */
export interface PointStart {
  section: string;
  /** Of the function. */
  name: string;
  text: string;
}
