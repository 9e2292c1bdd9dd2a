/** From the cells that a marked object has set to the lines of its source that ran. */
import { dirname, resolve } from 'node:path';
import { decodeInsns, INSN_BYTES, type BpfObject } from '../../bpf/index.ts';
import type { RanFile } from '../../model/index.ts';
import type { MarkedObject } from './markedObject.ts';
import { CELL_BYTES } from './marks.ts';

/** Adds up what the runs of several tests have set. */
export class RanLines {
  readonly #ran: Uint8Array;

  constructor(
    private readonly object: BpfObject,
    private readonly marked: MarkedObject,
    private readonly source: string,
  ) {
    this.#ran = new Uint8Array(marked.cells);
  }

  /** The map's value after a run; false when that is not what it should be. */
  add(cells: Uint8Array): boolean {
    if (cells.length !== this.#ran.length * CELL_BYTES) return false;
    for (let cell = 0; cell < this.#ran.length; cell++) if (cells[cell * CELL_BYTES] === 1) this.#ran[cell] = 1;
    return true;
  }

  files(): RanFile[] {
    const files = new Map<string, Map<number, RanFile['lines'][number]>>();
    for (const { section, offset, size } of this.object.functions) {
      for (const { index } of decodeInsns(section.data.subarray(offset, offset + size))) {
        const place = this.object.line(section, offset + index * INSN_BYTES);
        if (place === null || place.line === 0) continue;
        const file = resolve(dirname(this.source), place.file);
        const lines = files.get(file) ?? new Map<number, RanFile['lines'][number]>();
        files.set(file, lines);
        const line = lines.get(place.line) ?? { line: place.line, instructions: 0, told: 0, ran: 0 };
        lines.set(place.line, line);
        const cell = this.marked.cellOf(section.name, offset / INSN_BYTES + index);
        line.instructions++;
        if (cell !== null) line.told++;
        if (cell !== null && this.#ran[cell] === 1) line.ran++;
      }
    }
    return [...files].map(([file, lines]) => ({ file, lines: [...lines.values()].sort((a, b) => a.line - b.line) }));
  }
}
