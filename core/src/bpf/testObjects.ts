/** For tests: the golden objects of test/fixtures/objects, and a writer of BTF. */
import { readFileSync } from 'node:fs';

export function goldenObject(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../../test/fixtures/objects/${name}.o`, import.meta.url)));
}

export const goldenNames = ['exec', 'exit', 'open', 'tcp', 'maps', 'wrappers', 'tagged', 'rings', 'ways'].flatMap(
  (n) => [`${n}.bpf`, `${n}.dwarf.bpf`],
);

/** Writes BTF types one after the other; ids count from `firstId`. */
export class BtfWriter {
  readonly #types: number[] = [];
  #strings = '\0';
  readonly #stringBase: number;

  constructor(stringBase = 0) {
    this.#stringBase = stringBase;
    if (stringBase > 0) this.#strings = '';
  }

  string(text: string): number {
    if (text === '') return 0;
    const offset = this.#stringBase + this.#strings.length;
    this.#strings += `${text}\0`;
    return offset;
  }

  type(name: string, kind: number, vlen: number, sizeOrType: number, extra: number[] = [], flag = false): void {
    this.#types.push(this.string(name), ((flag ? 1 << 31 : 0) | (kind << 24) | vlen) >>> 0, sizeOrType, ...extra);
  }

  bytes(layout: [number, number][] = []): Uint8Array {
    const header = layout.length > 0 ? 32 : 24;
    const types = new Uint8Array(Uint32Array.from(this.#types).buffer);
    const strings = new TextEncoder().encode(this.#strings);
    const out = new Uint8Array(header + types.length + strings.length + layout.length * 4);
    const view = new DataView(out.buffer);
    view.setUint16(0, 0xeb9f, true);
    out[2] = 1;
    const words = [header, 0, types.length, types.length, strings.length];
    if (layout.length > 0) words.push(types.length + strings.length, layout.length * 4);
    words.forEach((word, i) => view.setUint32(4 + i * 4, word, true));
    out.set(types, header);
    out.set(strings, header + types.length);
    layout.forEach(([info, element], i) => out.set([info, element], header + types.length + strings.length + i * 4));
    return out;
  }
}
