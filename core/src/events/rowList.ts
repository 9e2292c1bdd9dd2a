const BLOCK_ROWS = 16384;

/** A run of ascending row numbers, kept as distances from the first one: 4 bytes a row. */
interface Block {
  base: number;
  distances: Uint32Array;
  count: number;
}

/** The rows that match a filter: ascending sequence numbers, added at the end, dropped at the front. */
export class RowList {
  #blocks: Block[] = [];
  /** Rows of the first block that have been dropped. */
  #dropped = 0;
  length = 0;

  push(seq: number): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.count === BLOCK_ROWS || seq - block.base > 0xffffffff) {
      block = { base: seq, distances: new Uint32Array(BLOCK_ROWS), count: 0 };
      this.#blocks.push(block);
    }
    block.distances[block.count++] = seq - block.base;
    this.length++;
  }

  /** Drops the rows before `seq` and returns how many. */
  dropBefore(seq: number): number {
    const before = this.length;
    while (this.length > 0) {
      const block = this.#blocks[0]!;
      if (block.base + block.distances[block.count - 1]! < seq) {
        this.length -= block.count - this.#dropped;
        this.#dropped = 0;
        this.#blocks.shift();
        continue;
      }
      while (block.base + block.distances[this.#dropped]! < seq) {
        this.#dropped++;
        this.length--;
      }
      break;
    }
    return before - this.length;
  }

  /** The rows before `seq`, as distances from the first of them. */
  copyBefore(seq: number): { base: number; distances: Uint32Array } {
    const count = this.indexOf(seq);
    const base = this.at(0) ?? seq;
    const distances = new Uint32Array(count);
    let at = 0;
    for (const [number, block] of this.#blocks.entries()) {
      for (let i = number === 0 ? this.#dropped : 0; i < block.count && at < count; i++) {
        distances[at++] = block.base - base + block.distances[i]!;
      }
    }
    return { base, distances };
  }

  /** The sequence number at an index; undefined outside. */
  at(index: number): number | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let left = index + this.#dropped;
    for (const block of this.#blocks) {
      if (left < block.count) return block.base + block.distances[left]!;
      left -= block.count;
    }
    return undefined;
  }

  /** The index of the first row whose number is at least `seq`; `length` when there is none. */
  indexOf(seq: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at(middle)! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
