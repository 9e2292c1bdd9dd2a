/** The text of a log as it came, in pieces that hold whole lines, with the place of each line: nothing is copied. */

/** Index of the last of the first `length` elements that is not above `value`; -1 when there is none. They ascend. */
export function lastNotAbove(ascending: ArrayLike<number>, value: number, length = ascending.length): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A growing array of 32-bit numbers; a log of 100 MB has millions of lines. */
export class Numbers {
  #data = new Uint32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#data.length) {
      const larger = new Uint32Array(Math.ceil(this.#data.length * 1.5));
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.length++] = value;
  }

  at(index: number): number {
    return this.#data[index]!;
  }

  set(index: number, value: number): void {
    this.#data[index] = value;
  }

  /** As `lastNotAbove`. */
  lastNotAbove(value: number): number {
    return lastNotAbove(this.#data, value, this.length);
  }
}

export class LogText {
  readonly #pieces: string[] = [];
  /** What is read of the pieces before each piece, less what is not read at its own beginning. */
  readonly #before: number[] = [];
  /** Where in the text what is read of each piece begins; they ascend. */
  readonly #begins: number[] = [];
  readonly #starts = new Numbers();
  #length = 0;
  /** The end of what came so far that has no line break yet. */
  #rest = '';

  /** Lines that are complete. */
  get lineCount(): number {
    return this.#starts.length;
  }

  /** Adds text and calls `each` for every line that it completes: the piece that holds it, and where (without line break). */
  add(chunk: string, each: (piece: string, from: number, to: number) => void): void {
    const end = chunk.lastIndexOf('\n');
    if (end < 0) {
      this.#rest += chunk;
      return;
    }
    // Only the line that the chunk before began is put together anew: the others stay where they are.
    const first = this.#rest === '' ? 0 : chunk.indexOf('\n') + 1;
    if (first > 0) this.#lines(this.#rest + chunk.slice(0, first), 0, first + this.#rest.length, each);
    this.#rest = chunk.slice(end + 1);
    if (first <= end) this.#lines(chunk, first, end + 1, each);
  }

  /** The last line, where it has no line break. */
  end(each: (piece: string, from: number, to: number) => void): void {
    const piece = this.#rest;
    this.#rest = '';
    if (piece !== '') this.#lines(piece, 0, piece.length, each);
  }

  /** Reads the lines of a piece from `begin` to `stop`, which is the end of a line. */
  #lines(piece: string, begin: number, stop: number, each: (piece: string, from: number, to: number) => void): void {
    const before = this.#length - begin;
    this.#pieces.push(piece);
    this.#before.push(before);
    this.#begins.push(this.#length);
    for (let from = begin; from < stop;) {
      const found = piece.indexOf('\n', from);
      const end = found < 0 ? stop : found;
      this.#starts.push(before + from);
      each(piece, from, withoutReturn(piece, from, end));
      from = end + 1;
    }
    this.#length += stop - begin;
  }

  /** A line without its line break; "" beyond the end. */
  line(index: number): string {
    if (!(index >= 0 && index < this.#starts.length)) return '';
    const start = this.#starts.at(index);
    const held = lastNotAbove(this.#begins, start);
    const piece = this.#pieces[held]!;
    const from = start - this.#before[held]!;
    const found = piece.indexOf('\n', from);
    return piece.slice(from, withoutReturn(piece, from, found < 0 ? piece.length : found));
  }
}

function withoutReturn(piece: string, from: number, end: number): number {
  return end > from && piece.charCodeAt(end - 1) === 13 ? end - 1 : end;
}
