/** .BTF.ext: which function and source line each instruction belongs to, and the CO-RE relocations. */
import { Bytes, malformed } from './bytes.ts';
import type { Btf } from './btf.ts';

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const CORE_HEADER_BYTES = 32;

export interface FuncInfo {
  /** Byte offset of the function in its section. */
  offset: number;
  /** BTF id of the function (kind func). */
  type: number;
}

export interface LineInfo {
  /** Byte offset of the instruction in its section. */
  offset: number;
  file: string;
  line: number;
  column: number;
  /** Offset of the line's text in the BTF strings; Btf.name reads it. */
  textOffset: number;
}

export interface CoreRelocation {
  /** Byte offset of the instruction in its section. */
  offset: number;
  type: number;
  /** "0:1:2": which member is accessed. */
  access: string;
  /** enum bpf_core_relo_kind. */
  kind: number;
}

/** Everything by ELF section name, in the order of the file. */
export interface BtfExt {
  functions: Map<string, FuncInfo[]>;
  lines: Map<string, LineInfo[]>;
  relocations: Map<string, CoreRelocation[]>;
}

/** Reads a .BTF.ext section; strings are in the object's BTF. Error: `object-malformed`. */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  const all = new Bytes(bytes, 'BTF.ext');
  if (all.u16(0) !== MAGIC || all.u8(2) !== 1) throw malformed('its BTF.ext has an unknown magic number or version');
  const headerBytes = all.u32(4);
  if (headerBytes < HEADER_BYTES) throw malformed('its BTF.ext header is too short');
  all.check(0, headerBytes);
  const part = (at: number, what: string) => new Bytes(all.slice(headerBytes + all.u32(at), all.u32(at + 4)), what);
  return {
    functions: readTable(part(8, 'function info'), btf, 8, (data, at) => ({
      offset: data.u32(at),
      type: data.u32(at + 4),
    })),
    lines: readTable(part(16, 'line info'), btf, 16, (data, at) => {
      const place = data.u32(at + 12);
      return {
        offset: data.u32(at),
        file: btf.name(data.u32(at + 4)),
        textOffset: data.u32(at + 8),
        line: place >>> 10,
        column: place & 0x3ff,
      };
    }),
    relocations:
      headerBytes < CORE_HEADER_BYTES
        ? new Map<string, CoreRelocation[]>()
        : readTable(part(24, 'CO-RE relocations'), btf, 16, (data, at) => ({
            offset: data.u32(at),
            type: data.u32(at + 4),
            access: btf.name(data.u32(at + 8)),
            kind: data.u32(at + 12),
          })),
  };
}

/** A table is a record size, then per section its name, a count and the records. */
function readTable<T extends { offset: number }>(
  data: Bytes,
  btf: Btf,
  least: number,
  read: (data: Bytes, at: number) => T,
): Map<string, T[]> {
  const table = new Map<string, T[]>();
  if (data.length === 0) return table;
  const recordBytes = data.u32(0);
  if (recordBytes < least || recordBytes % 4 !== 0) throw malformed(`its ${data.what} has an impossible record size`);
  for (let at = 4; at < data.length;) {
    const section = btf.name(data.u32(at));
    const count = data.u32(at + 4);
    at += 8;
    data.check(at, count * recordBytes);
    const records = table.get(section) ?? [];
    for (let i = 0; i < count; i++, at += recordBytes) records.push(read(data, at));
    table.set(section, records);
  }
  for (const records of table.values()) records.sort((a, b) => a.offset - b.offset);
  return table;
}

/** The line of the instruction at `offset`: the last record at or before it. Lines are sorted, as parseBtfExt leaves them. */
export function lineAt(lines: readonly LineInfo[] | undefined, offset: number): LineInfo | null {
  let [low, high] = [0, lines?.length ?? 0];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines![middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return lines?.[low - 1] ?? null;
}
