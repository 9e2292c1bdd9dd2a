/** The kernel's records about the code of a loaded program: bpf_func_info and bpf_line_info. */
import { Bytes, type Btf } from '../bpf/index.ts';

export interface FunctionStart {
  /** In instructions of the translated program. */
  start: number;
  name: string;
}

export interface LineStart {
  start: number;
  file: string;
  line: number;
  column: number;
  text: string;
}

/** Whole records only; a record size that is too small holds none. */
function* records(bytes: Uint8Array, size: number, least: number): Generator<{ data: Bytes; at: number }> {
  if (size < least) return;
  const data = new Bytes(bytes, 'the code of a program');
  for (let at = 0; at + size <= bytes.length; at += size) yield { data, at };
}

export function functionStarts(bytes: Uint8Array, size: number, btf: Btf | null): FunctionStart[] {
  return [...records(bytes, size, 8)].map(({ data, at }) => {
    const id = data.u32(at + 4);
    const named = btf !== null && id < btf.typeCount ? btf.type(id).name : '';
    return { start: data.u32(at), name: named };
  });
}

export function lineStarts(bytes: Uint8Array, size: number, btf: Btf | null): LineStart[] {
  if (btf === null) return [];
  return [...records(bytes, size, 16)].map(({ data, at }) => {
    const place = data.u32(at + 12);
    return {
      start: data.u32(at),
      file: btf.name(data.u32(at + 4)),
      line: place >>> 10,
      column: place & 0x3ff,
      text: btf.name(data.u32(at + 8)).trim(),
    };
  });
}
