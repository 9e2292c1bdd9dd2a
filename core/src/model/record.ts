import type { RecordInfo } from './object.ts';

/**
 * How a field is stored. `int`/`uint`/`bool`/`char` by size; `chars` is a char array shown as text; `enum` prints by
 * name; `be` marks network byte order (__be16, __be32); `ipv4`/`ipv6` are addresses; `struct`/`union`/`array` nest;
 * `bytes` is what has no better reading.
 */
export type FieldKind =
  | 'int'
  | 'uint'
  | 'bool'
  | 'char'
  | 'float'
  | 'pointer'
  | 'enum'
  | 'chars'
  | 'ipv4'
  | 'ipv6'
  | 'struct'
  | 'union'
  | 'array'
  | 'bytes';

/**
 * A hint for people: what the number means. Filters accept the unit (latency_ns > 1ms). `symbol` is an address of the
 * kernel's code or data, `stack` a number in a stack map (`map`), `dev` a device as the kernel numbers it (12 bits of
 * major, 20 of minor), `mode` that of a file, `flags` a word of bits with names (`values`).
 */
export type FieldFormat =
  | 'plain'
  | 'hex'
  | 'ns'
  | 'us'
  | 'ms'
  | 's'
  | 'bytes'
  | 'ktime'
  | 'errno'
  | 'signal'
  | 'port'
  | 'be'
  | 'symbol'
  | 'stack'
  | 'uid'
  | 'gid'
  | 'dev'
  | 'mode'
  | 'flags';

export interface RecordField {
  name: string;
  /** C spelling of the declared type, e.g. "__u32", "char[16]", "enum tcp_state". */
  type: string;
  /** Bytes from the start of the record. */
  offset: number;
  /** Width in bits for a bit field, else 0. `bitOffset` counts from `offset`. */
  bits: number;
  bitOffset?: number;
  /** Bytes; 0 for a variable tail, which reaches to the record's end. */
  size: number;
  kind: FieldKind;
  format: FieldFormat;
  /** Big endian in memory (network order). */
  bigEndian?: boolean;
  /** kind "enum" and format "flags": names by value (decimal string keys). */
  values?: Record<string, string>;
  /** kinds "struct" and "union": members, offsets relative to the record's start. */
  fields?: RecordField[];
  /** kind "array": one element (offset relative to the element) and how many. */
  element?: RecordField;
  count?: number;
  /** format "stack": the map that holds the stack, and whether it is one of user space. */
  map?: string;
  userStack?: boolean;
}

/** The schema of one stream: one record type, or several told apart by size or tag. */
export interface StreamSchema {
  /** Map name, "printk", or "map:NAME". */
  stream: string;
  records: RecordInfo[];
}

/** One value as JSON knows it: 64-bit integers beyond 2^53 are decimal strings, unions are objects of their members. */
export type FieldValue = null | boolean | number | string | FieldValue[] | { [name: string]: FieldValue };
