import { RingsideError } from '../errors.ts';
import type { ErrorData, RowsPage, StreamSchema } from '../model/index.ts';
import { Batch } from './expr/batch.ts';
import { compileExpr, type Filter } from './expr/compile.ts';
import type { RowDecoder } from './rows.ts';

/** Says which of some rules a row passes first. Only the rows of a page are looked at. */
export class RowColours {
  static readonly none = new RowColours(null, []);
  readonly #decoder: RowDecoder | null;
  readonly #key: string;
  /** Null for a rule that does not fit the records of the stream: no row passes it. */
  readonly #filters: (Filter | null)[];
  readonly #batch = new Batch();
  readonly #mask = new Uint8Array(1);

  constructor(decoder: RowDecoder | null, rules: readonly string[]) {
    this.#decoder = decoder;
    this.#key = JSON.stringify(rules);
    this.#filters = decoder === null ? [] : rules.map((rule) => compiled(rule, decoder.schema));
  }

  isFor(decoder: RowDecoder, rules: readonly string[]): boolean {
    return this.#decoder === decoder && this.#key === JSON.stringify(rules);
  }

  /** Writes the index of the first rule that a row passes into each row that passes one. */
  mark(rows: RowsPage['rows']): void {
    for (const row of rows) {
      const rule = this.#ruleOf(row.seq);
      if (rule >= 0) row.rule = rule;
    }
  }

  #ruleOf(seq: number): number {
    const decoder = this.#decoder;
    const place = decoder?.stream.place(seq) ?? null;
    if (decoder === null || place === null) return -1;
    this.#batch.point(place, decoder);
    return this.#filters.findIndex((filter) => {
      if (filter === null) return false;
      filter.select(this.#batch, this.#mask);
      return this.#mask[0] !== 0;
    });
  }
}

function compiled(rule: string, schema: StreamSchema): Filter | null {
  try {
    return rule.trim() === '' ? null : compileExpr(rule, schema);
  } catch (error) {
    if (error instanceof RingsideError) return null;
    throw error;
  }
}

/** What is wrong with an expression; null when it fits the records. */
export function checkExpr(where: string, schema: StreamSchema): ErrorData | null {
  try {
    compileExpr(where, schema);
    return null;
  } catch (error) {
    if (error instanceof RingsideError) return error.toData();
    throw error;
  }
}
