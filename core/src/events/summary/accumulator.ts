import type { SummaryData, SummarySpec } from '../../model/index.ts';
import type { Batch } from '../expr/batch.ts';

/** Takes rows once, in order, and can say at any time what came of them. */
export interface Accumulator {
  /** Counts the rows of the batch whose mask is 1. */
  add(batch: Batch, mask: Uint8Array): void;
  /**
   * What has changed since the state `since` (0 = all of it); `whole` when it replaces what was told before. `spec` may ask
   * for another part or order of the same than the one it was made for.
   */
  read(since: number, spec?: SummarySpec): { data: SummaryData; whole: boolean };
  /** Rises with every row that changed something, from 1: 0 is what has been told of nothing. */
  readonly state: number;
}
