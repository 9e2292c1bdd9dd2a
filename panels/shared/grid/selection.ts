/** Half-open range of row indices. */
export interface Range {
  from: number;
  to: number;
}

/**
 * Selected rows by their index in the filtered view, kept as sorted ranges: selecting three million rows costs as much
 * as selecting one. `active` is the row that the keyboard moves, `anchor` where a shift selection began.
 */
export class Selection {
  #ranges: Range[] = [];
  #active = -1;
  #anchor = -1;

  get active(): number {
    return this.#active;
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  get size(): number {
    return this.#ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  }

  has(row: number): boolean {
    return this.#ranges.some((range) => row >= range.from && row < range.to);
  }

  clear(): void {
    this.#ranges = [];
    this.#anchor = this.#active;
  }

  reset(): void {
    this.#ranges = [];
    this.#active = -1;
    this.#anchor = -1;
  }

  /** Selects one row and nothing else. */
  select(row: number): void {
    this.#active = row;
    this.#anchor = row;
    this.#ranges = [{ from: row, to: row + 1 }];
  }

  /** Selects from the anchor to the row, in place of the range that the anchor began. */
  extend(row: number): void {
    if (this.#anchor < 0) this.#anchor = row;
    this.#active = row;
    this.#ranges = [{ from: Math.min(this.#anchor, row), to: Math.max(this.#anchor, row) + 1 }];
  }

  /** Adds or removes one row; others keep their state. */
  toggle(row: number): void {
    const one = { from: row, to: row + 1 };
    this.#ranges = this.has(row) ? subtract(this.#ranges, one) : union([...this.#ranges, one]);
    this.#active = row;
    this.#anchor = row;
  }

  selectAll(rows: number): void {
    this.#ranges = rows > 0 ? [{ from: 0, to: rows }] : [];
    this.#anchor = 0;
    if (this.#active < 0 || this.#active >= rows) this.#active = rows - 1;
  }

  /** The oldest `rows` rows left the view: every index sinks, and what sank below 0 is gone. */
  evict(rows: number): void {
    if (rows <= 0) return;
    this.#ranges = this.#ranges
      .map((range) => ({ from: Math.max(0, range.from - rows), to: range.to - rows }))
      .filter((range) => range.to > range.from);
    this.#active = this.#active < rows ? -1 : this.#active - rows;
    this.#anchor = this.#anchor < 0 ? -1 : Math.max(0, this.#anchor - rows);
    if (this.#active < 0) this.#anchor = -1;
  }
}

function union(ranges: Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a.from - b.from);
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else merged.push({ ...range });
  }
  return merged;
}

function subtract(ranges: Range[], hole: Range): Range[] {
  return ranges
    .flatMap((range) => [
      { from: range.from, to: Math.min(range.to, hole.from) },
      { from: Math.max(range.from, hole.to), to: range.to },
    ])
    .filter((range) => range.to > range.from);
}
