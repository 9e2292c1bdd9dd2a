import type { PageRow, RowFind } from '../../model/index.ts';
import { Batch, BATCH_ROWS } from '../expr/batch.ts';
import { compileExpr, type Filter } from '../expr/compile.ts';
import type { RowLook } from '../rowLook.ts';
import { cellMatchers, type CellMatcher } from './cells.ts';

/** Rows of a batch that have what is searched for: an EXPR, or a text in the cells as they are shown. */
function findTest(find: RowFind, look: RowLook): Filter['select'] {
  if (find.text.trim() === '') return (batch, mask) => void mask.fill(0, 0, batch.count);
  if (find.by === 'expr') {
    const filter = compileExpr(find.text, look.decoder.schema);
    return (batch, mask) => filter.select(batch, mask);
  }
  const matchers = cellMatchers(look, find);
  return (batch, mask) => {
    for (let row = 0; row < batch.count; row++) mask[row] = hasText(matchers, batch, row) ? 1 : 0;
  };
}

function hasText(matchers: readonly CellMatcher[], batch: Batch, row: number): boolean {
  for (const matches of matchers) if (matches(batch, row)) return true;
  return false;
}

/** The rows that pass a filter and have what is searched for. @throws RingsideError for an EXPR that does not fit. */
export function findFilter(filter: Filter, find: RowFind, look: RowLook): Filter {
  const test = findTest(find, look);
  const found = new Uint8Array(BATCH_ROWS);
  return {
    text: find.text,
    everything: false,
    wire: null,
    select(batch, mask) {
      filter.select(batch, mask);
      let any = 0;
      for (let row = 0; row < batch.count; row++) any |= mask[row]!;
      if (any === 0) return;
      test(batch, found);
      for (let row = 0; row < batch.count; row++) mask[row] = mask[row]! & found[row]!;
    },
  };
}

/** Marks the rows of a page that have what is searched for; with an EXPR that does not fit none has. */
export function markFound(rows: PageRow[], find: RowFind, look: RowLook): void {
  let test: Filter['select'];
  try {
    test = findTest(find, look);
  } catch {
    return;
  }
  const batch = new Batch();
  const mask = new Uint8Array(1);
  for (const row of rows) {
    const place = look.decoder.stream.place(row.seq);
    if (place === null) continue;
    batch.point(place, look.decoder);
    test(batch, mask);
    if (mask[0] !== 0) row.found = true;
  }
}
