/** What is read from a source: programs, maps, types, variables, with where they stand. */

/** A C type as far as members and sizes need it. */
export interface CType {
  /** "struct task_struct", "__u32", "unsigned long", "struct {…}#12" for one without a name. */
  base: string;
  pointers: number;
  /** Array dimensions, as texts that may be constants' names; "" = none given. */
  dims: string[];
  /** A pointer to a function: nothing to look into. */
  callable?: boolean;
  /** Set on __kptr, __arena and the like. */
  qualifiers?: string;
}

export interface CVariable {
  name: string;
  type: CType;
  /** Where its name stands. */
  start: number;
}

export interface CLocal extends CVariable {
  /** It is known from its name to here. */
  scopeEnd: number;
  scopeStart: number;
  isStatic: boolean;
}

export interface CStruct {
  /** "struct event", "union u", "typedef name" is in typedefs. */
  name: string;
  fields: CVariable[];
  start: number;
  end: number;
  packed: boolean;
  /** True when fields of an anonymous member stand among its own: offsets are not known then. */
  flattened: boolean;
}

export interface CSection {
  /** What stands between the quotes. */
  name: string;
  /** Of that text. */
  start: number;
  end: number;
  /** False where a macro makes part of the name: not to be judged. */
  literal: boolean;
}

export interface CCall {
  name: string;
  start: number;
  end: number;
  /** Offset of the parenthesis. */
  open: number;
}

export interface CFunction {
  name: string;
  start: number;
  end: number;
  section: CSection | null;
  /** BPF_PROG, BPF_KPROBE …; "" for a plain function. */
  macro: string;
  parameters: CVariable[];
  returns: CType;
  /** Of its braces; equal for a declaration only. */
  bodyStart: number;
  bodyEnd: number;
  isStatic: boolean;
  locals: CLocal[];
  calls: CCall[];
}

export interface CMapField {
  name: string;
  value: string;
  /** Of the whole line __uint(…). */
  start: number;
  end: number;
  valueStart: number;
  valueEnd: number;
  /** __uint, __type, __array, __ulong. */
  macro: string;
}

export interface CMap {
  name: string;
  /** Of its name. */
  start: number;
  end: number;
  fields: Map<string, CMapField>;
  /** Of the braces. */
  bodyStart: number;
  bodyEnd: number;
  /** True when macros of the project stand in it, too: what is missing may be in them. */
  opaque: boolean;
}

export interface CDefine {
  name: string;
  /** "" with parameters: not a constant. */
  value: string;
  start: number;
  end: number;
  hasParameters: boolean;
}

/** An enumerator. */
export interface CConstant {
  name: string;
  /** null where it is computed from what is not known here. */
  value: bigint | null;
  /** "enum color", "enum" for one without a name. */
  of: string;
  /** Where its name stands. */
  start: number;
}

export interface CInclude {
  path: string;
  quoted: boolean;
  start: number;
  end: number;
}

export interface CModel {
  functions: CFunction[];
  maps: CMap[];
  structs: Map<string, CStruct>;
  typedefs: Map<string, CVariable>;
  variables: Map<string, CVariable>;
  defines: Map<string, CDefine>;
  constants: Map<string, CConstant>;
  includes: CInclude[];
  license: { text: string; start: number; end: number } | null;
  /** SEC() of whatever stands there, in order. */
  sections: CSection[];
  /** False when the source was too large to be read whole. */
  whole: boolean;
}
