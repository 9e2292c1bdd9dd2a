import { FOUND, type RowPool } from './rowPool.ts';

/** Name of the ranges in the style sheet. */
const NAME = 'ringside-found';
/** More ranges than this in one view help nobody. */
const MOST_RANGES = 500;

/** Marks where a text stands in the rows that have it: by ranges over the cells, which stay as they are. */
export class TextHighlight {
  #needle = '';
  #shown = false;

  set text(text: string) {
    this.#needle = text.trim().toLowerCase();
  }

  paint(pool: RowPool): void {
    if (this.#needle === '' && !this.#shown) return;
    const ranges = this.#needle === '' ? [] : pool.texts(FOUND).flatMap((text) => rangesOf(text, this.#needle));
    this.#shown = ranges.length > 0;
    if (this.#shown) CSS.highlights.set(NAME, new Highlight(...ranges.slice(0, MOST_RANGES)));
    else CSS.highlights.delete(NAME);
  }

  dispose(): void {
    if (this.#shown) CSS.highlights.delete(NAME);
  }
}

function rangesOf(text: Text, needle: string): Range[] {
  const ranges: Range[] = [];
  const searched = text.data.toLowerCase();
  // Few letters change their length with their case: then places would not fit.
  if (searched.length !== text.data.length) return ranges;
  for (let at = searched.indexOf(needle); at >= 0; at = searched.indexOf(needle, at + needle.length)) {
    const range = new Range();
    range.setStart(text, at);
    range.setEnd(text, at + needle.length);
    ranges.push(range);
  }
  return ranges;
}
