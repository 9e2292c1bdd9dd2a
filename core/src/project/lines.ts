/** Text of a source file, line by line, at a depth. */
export class Lines {
  readonly #lines: string[] = [];
  readonly #step: string;
  #depth = 0;

  constructor(step = '\t') {
    this.#step = step;
  }

  /** Each text is a line, or several; "" is an empty one. */
  add(...texts: string[]): this {
    for (const text of texts)
      for (const line of text.split('\n')) this.#lines.push(line === '' ? '' : this.#step.repeat(this.#depth) + line);
    return this;
  }

  /** Lines between `open` and `close`, one step deeper. */
  block(open: string, close: string, body: () => void): this {
    this.add(open);
    this.#depth++;
    body();
    this.#depth--;
    return this.add(close);
  }

  /** The text, with one line end at its end and no two empty lines in a row. */
  toString(): string {
    return `${this.#lines
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/^\n+|\n+$/g, '')}\n`;
  }
}
