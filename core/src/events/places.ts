import type { RowPlaces } from '../model/index.ts';
import type { RowsInOrder } from './view.ts';

/** Where rows of a stream are in a view, and when they were made. */
export function placesOf(view: RowsInOrder, seqs: readonly number[]): RowPlaces {
  view.update();
  const { decoder } = view;
  const timeOf = (seq: number): string | null => {
    const place = decoder.stream.place(seq);
    return place === null ? null : decoder.timeOf(place).toString();
  };
  return {
    places: seqs.map((seq) => ({ seq, index: view.indexOf(seq), time: timeOf(seq) })),
    evicted: view.evictedMatching,
    partial: view.partial,
    oldest: timeOf(decoder.stream.firstSeq),
  };
}
