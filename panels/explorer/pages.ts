/** Rows of a list that is never held whole: pages are asked for when they come into view. */
import { signal } from '@preact/signals';

const PAGE = 200;
/** Pages that are kept; the oldest go. */
const MOST = 64;

export class Pages<Row> {
  /** Changes when rows have come: whoever reads a row is drawn again. */
  readonly #version = signal(0);
  readonly #load: (from: number, count: number) => Promise<readonly Row[]>;
  readonly #pages = new Map<number, readonly Row[] | null>();

  constructor(load: (from: number, count: number) => Promise<readonly Row[]>) {
    this.#load = load;
  }

  /** Undefined until it is there. */
  row(index: number): Row | undefined {
    const page = this.#version.value < 0 ? null : this.#pages.get(Math.floor(index / PAGE));
    return page?.[index % PAGE];
  }

  /** Asks for what is missing of a range. */
  want(from: number, to: number): void {
    for (let page = Math.floor(Math.max(0, from) / PAGE); page * PAGE < to; page++) {
      if (this.#pages.has(page)) continue;
      this.#pages.set(page, null);
      this.#load(page * PAGE, PAGE).then(
        (rows) => {
          this.#pages.set(page, rows);
          for (const oldest of this.#pages.keys()) {
            if (this.#pages.size <= MOST) break;
            if (oldest !== page) this.#pages.delete(oldest);
          }
          this.#version.value++;
        },
        // Asked again when it is next in view.
        () => this.#pages.delete(page),
      );
    }
  }
}
