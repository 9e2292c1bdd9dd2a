import type { StreamLedger } from '../model/index.ts';

/** One host's counters of one stream, from the agent's StreamStats (bigint as the protocol has them, or number). */
export interface AgentCounters {
  recordsRead: bigint | number;
  recordsSent: bigint | number;
  recordsDropped: bigint | number;
  /** Records that did not pass the filter or the sample in the agent. */
  recordsFiltered: bigint | number;
  kernelLost: bigint | number;
  kernelLostKnown: boolean;
  /** The host's rows that reached the store. */
  delivered: number;
  /** Of a recording: rows that arrived and are not in it; null = it does not say. */
  notRecorded?: number | null;
  /** Those of them that came after newer ones of other CPUs had been handed out. */
  outOfOrder?: number;
  /**
   * The agent's last word, given after the stream was drained. Before it, records are on their way and nothing can be
   * called lost on the link; without it (the host was lost), what the kernel or the link lost is not known.
   */
  final: boolean;
}

export interface LedgerInput {
  name: string;
  hosts: readonly AgentCounters[];
  delivered: number;
  shown: number;
  /** True when the run is over: a host without final counters has then been lost. */
  ended: boolean;
}

/**
 * The account of one stream. While it runs, `produced` counts what has arrived or is known to be lost; at the end it is
 * what the agent took from the kernel plus what the kernel dropped, so that a record lost on the way shows as
 * `lostTransport`. Unknown stays null: it is never 0.
 */
export function streamLedger(input: LedgerInput): StreamLedger {
  const { hosts, ended } = input;
  const filtered = sum(hosts.map((host) => Number(host.recordsFiltered)));
  const lostAgent = sum(hosts.map((host) => Number(host.recordsDropped)));
  const incomplete = ended && hosts.some((host) => !host.final);
  const kernelKnown = hosts.length > 0 && hosts.every((host) => host.kernelLostKnown) && !incomplete;
  const lostKernel = kernelKnown ? sum(hosts.map((host) => Number(host.kernelLost))) : null;
  const lostTransport = sum(
    hosts.map((host) =>
      host.final ? Math.max(0, Number(host.recordsSent) - host.delivered - (host.notRecorded ?? 0)) : 0,
    ),
  );
  const notRecorded = missing(hosts);
  const outOfOrder = sum(hosts.map((host) => host.outOfOrder ?? 0));
  const arrived = input.delivered + filtered + lostAgent + lostTransport + (notRecorded ?? 0);
  return {
    name: input.name,
    produced: lostKernel === null || notRecorded === null ? null : producedOf(input, arrived) + lostKernel,
    delivered: input.delivered,
    filtered,
    lostKernel,
    lostAgent,
    lostTransport,
    shown: input.shown,
    ...(notRecorded !== 0 && { notRecorded }),
    ...(outOfOrder > 0 && { outOfOrder }),
  };
}

/** Null when one host's share is not known. */
function missing(hosts: readonly AgentCounters[]): number | null {
  return hosts.some((host) => host.notRecorded === null) ? null : sum(hosts.map((host) => host.notRecorded ?? 0));
}

/** What the agents read, once all have given their last word; until then what is known of it from here. */
function producedOf({ hosts }: LedgerInput, arrived: number): number {
  return hosts.every((host) => host.final) ? sum(hosts.map((host) => Number(host.recordsRead))) : arrived;
}

/** Why a ledger does not add up, in words; null when it does. A ledger with unknown figures is checked as far as known. */
export function ledgerFault(ledger: StreamLedger): string | null {
  const { produced, delivered, filtered, lostKernel, lostAgent, lostTransport, shown } = ledger;
  const notRecorded = ledger.notRecorded ?? 0;
  const unknownAsZero = { produced: produced ?? 0, lostKernel: lostKernel ?? 0, notRecorded };
  const counts = { delivered, filtered, lostAgent, lostTransport, shown, ...unknownAsZero };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isInteger(count) || count < 0) return `${name} is ${count}`;
  }
  if (shown > delivered) return `${shown} rows were shown of ${delivered} delivered`;
  if (ledger.notRecorded === null) return produced === null ? null : 'produced is known although rows are missing';
  if ((produced === null) !== (lostKernel === null)) return 'produced and lostKernel are known only together';
  if (produced === null || lostKernel === null) return null;
  const accounted = delivered + filtered + lostKernel + lostAgent + lostTransport + notRecorded;
  return produced === accounted ? null : `${produced} produced, ${accounted} accounted for`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
