/** The account of a run: what the agents say they took from the kernel against what arrived here. */
import { streamLedger, type EventStore } from '../events/index.ts';
import type { Ledger, StreamSchema } from '../model/index.ts';
import type { HostRun } from './hostRun.ts';

export interface LedgerSource {
  readonly store: EventStore;
  readonly hostRuns: readonly HostRun[];
  /** The streams of the object; prints are counted apart. */
  readonly recordSchemas: readonly StreamSchema[];
  shown(stream: string): number;
}

/** `ended`: the run is over; a host that gave no last word was then lost. */
export function runLedger(source: LedgerSource, ended: boolean): Ledger {
  const streams = source.recordSchemas.map(({ stream: name }) => {
    const stream = source.store.stream(name);
    const hosts = source.hostRuns.map((h) => h.counters(name));
    return streamLedger({ name, hosts, delivered: stream.delivered, shown: source.shown(name), ended });
  });
  return { streams };
}
