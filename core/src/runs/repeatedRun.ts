/**
 * A program that is run many times, by several requests: one request cannot be stopped on the host, and while it lasts the
 * agent answers nobody. What the program has made of its packet and context is what the next request begins with, as in
 * the kernel's own loop.
 */
import { throwIfAborted } from '../errors.ts';

export interface RunInput {
  dataIn: Uint8Array;
  contextIn: Uint8Array;
  /** 0 = once, for kinds that take no number. */
  repeat: number;
}

export interface RunOutcome {
  returnValue: number;
  dataOut: Uint8Array;
  contextOut: Uint8Array;
  /** Of one run, on average; 0 where the kernel does not measure it. */
  nanos: bigint;
}

/** The first request tells how long a run takes. */
const FIRST = 16;
/** What one request may take: after so long a cancelled test has ended. */
const REQUEST_NANOS = 200_000_000;
/** An Ethernet header: the kernel takes no shorter packet. */
const SHORTEST_PACKET = 14;

/** Kinds whose output is no packet that they could be given again. */
const otherOutput = new Set(['flow_dissector', 'sk_lookup', 'netfilter', 'syscall', 'raw_tracepoint']);

/** Runs it `input.repeat` times; `run` is one request. Errors: what `run` throws, `cancelled`. */
export async function runRepeatedly(
  type: string,
  input: RunInput,
  run: (input: RunInput) => Promise<RunOutcome>,
  signal: AbortSignal | undefined,
): Promise<RunOutcome> {
  if (input.repeat <= FIRST) return run(input);
  let { dataIn, contextIn } = input;
  let left = input.repeat;
  let nanos = 0n;
  for (let count = FIRST; ;) {
    const begin = performance.now();
    const outcome = await run({ dataIn, contextIn, repeat: count });
    const each = Math.max(1, Number(outcome.nanos) || ((performance.now() - begin) * 1e6) / count);
    nanos += outcome.nanos * BigInt(count);
    left -= count;
    if (left === 0) return { ...outcome, nanos: nanos / BigInt(input.repeat) };
    throwIfAborted(signal);
    if (!otherOutput.has(type) && outcome.dataOut.length >= SHORTEST_PACKET) dataIn = outcome.dataOut;
    if (contextIn.length > 0 && outcome.contextOut.length === contextIn.length) contextIn = outcome.contextOut;
    count = Math.min(left, Math.max(1, Math.floor(REQUEST_NANOS / each)));
  }
}
