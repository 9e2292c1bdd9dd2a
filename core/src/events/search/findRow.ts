import type { FoundRows, RowsAsk } from '../../model/index.ts';
import type { RowsInOrder, View } from '../view.ts';

export interface SearchedRows {
  /** The rows that the filter lets through, as they came. */
  view: View;
  /** The same rows in the order in which they are shown. */
  rows: RowsInOrder;
  /** Those of them that have what is searched for. */
  found: View;
}

type Place = Pick<RowsAsk & { ask: 'find' }, 'from' | 'evicted' | 'direction'>;

/** The match nearest to a place, onwards or backwards, beyond the end from the other one. */
export function findRow({ view, rows, found }: SearchedRows, { from, evicted, direction }: Place): FoundRows {
  found.update();
  rows.update();
  const at = from - (rows.evictedMatching - evicted);
  const common = { matches: found.matching, partial: found.partial || rows.partial };
  const none: FoundRows = { ...common, row: null, ordinal: null, wrapped: false };
  if (found.matching === 0 || rows.matching === 0) return none;
  const hit = rows === view ? inArrival(view, found, at, direction) : inOrder(rows, found, at, direction);
  if (hit === null) return none;
  const { seq, index, ordinal, wrapped, sure } = hit;
  // Among rows that have not been looked at there may be a nearer one.
  if (!sure) return none;
  return { ...common, row: { seq, index, evicted: rows.evictedMatching }, ordinal, wrapped };
}

interface Hit {
  seq: number;
  index: number;
  ordinal: number | null;
  wrapped: boolean;
  /** No row that has not been looked at yet can be nearer. */
  sure: boolean;
}

function inArrival(view: View, found: View, at: number, direction: -1 | 0 | 1): Hit | null {
  const here = view.seqAt(Math.max(0, Math.min(at, view.matching - 1))) ?? 0;
  // The place may lie before or behind all rows.
  const seq = at < 0 ? here - 1 : at >= view.matching ? here + 1 : here;
  const wanted = direction < 0 ? found.countBefore(seq) - 1 : found.countBefore(direction > 0 ? seq + 1 : seq);
  const matches = found.matching;
  const number = (wanted + matches) % matches;
  const hit = found.seqAt(number);
  if (hit === null) return null;
  const wrapped = number !== wanted;
  const sure = !found.partial || (!wrapped && (direction >= 0 || found.next >= seq));
  return { seq: hit, index: view.countBefore(hit), ordinal: number + 1, wrapped, sure };
}

/** Rows in another order are looked at one by one: which ones are matches is known. */
function inOrder(rows: RowsInOrder, found: View, at: number, direction: -1 | 0 | 1): Hit | null {
  const count = rows.matching;
  const isMatch = matchTest(found);
  const step = direction < 0 ? -1 : 1;
  // The place may lie before or behind all rows.
  const place = Math.max(-1, Math.min(at, count));
  const start = direction === 0 ? Math.max(0, place) : Math.max(-1, Math.min(place + step, count));
  for (let looked = 0; looked < count; looked++) {
    const raw = start + looked * step;
    const index = ((raw % count) + count) % count;
    const seq = rows.seqAt(index)!;
    if (!isMatch(seq)) continue;
    let ordinal = 1;
    for (let i = 0; i < index; i++) if (isMatch(rows.seqAt(i)!)) ordinal++;
    return { seq, index, ordinal, wrapped: raw < 0 || raw >= count, sure: !found.partial };
  }
  return null;
}

/** A bit a row, so that the whole order can be gone through at a press of a key. */
function matchTest(found: View): (seq: number) => boolean {
  const { base, distances } = found.rowsBefore(Number.POSITIVE_INFINITY);
  const last = distances?.at(-1) ?? 0;
  const bits = new Uint8Array((last >> 3) + 1);
  for (const distance of distances ?? []) bits[distance >> 3]! |= 1 << (distance & 7);
  return (seq) => {
    const distance = seq - base;
    return distance >= 0 && distance <= last && (bits[distance >> 3]! & (1 << (distance & 7))) !== 0;
  };
}
