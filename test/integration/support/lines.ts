/** The JSON lines of the CLI contract, as tests look at them. */
import type { StreamLedger } from '../../../core/src/model/index.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the shapes are is what the tests are about
export type Line = any;

/** True when a stream's account is known and adds up. */
export function addsUp(s: StreamLedger): boolean {
  return (
    s.lostKernel !== null && s.produced === s.delivered + s.filtered + s.lostKernel + s.lostAgent + s.lostTransport
  );
}

/** When the event was, in milliseconds since the epoch. */
export const eventMs = (event: { time: string }): number => Number(BigInt(event.time) / 1_000_000n);
