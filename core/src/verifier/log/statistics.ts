/** The figures that the verifier prints when it has ended. */

export interface LogStats {
  processed: number | null;
  limit: number | null;
  totalStates: number | null;
  peakStates: number | null;
  /** Stack bytes of each function, in program order; empty when the log does not say. */
  stackDepths: number[];
  /** Stack bytes of the deepest chain of calls, where the kernel itself adds them up (7.3). */
  stackMax: number | null;
  verifyMicros: number | null;
}

export const noStats = (): LogStats => ({
  ...{
    processed: null,
    limit: null,
    totalStates: null,
    peakStates: null,
    stackDepths: [],
    stackMax: null,
    verifyMicros: null,
  },
});

const summary =
  /^processed (\d+) insns(?: \(limit (\d+)\))?(?: max_states_per_insn \d+ total_states (\d+) peak_states (\d+) mark_read \d+)?/;

/** Adds what a line of kind `statistics` says. */
export function readStatistics(stats: LogStats, line: string): void {
  const found = summary.exec(line);
  if (found) {
    const number = (text: string | undefined) => (text === undefined ? null : Number(text));
    stats.processed = number(found[1]);
    stats.limit = number(found[2]);
    stats.totalStates = number(found[3]);
    stats.peakStates = number(found[4]);
  }
  const micros = /^verification time (\d+) usec/.exec(line)?.[1];
  if (micros !== undefined) stats.verifyMicros = Number(micros);
  const stack = /(?:^|, )stack depth ([\d+]+)/.exec(line)?.[1];
  if (stack !== undefined) stats.stackDepths = stack.split('+').map(Number);
  // Linux 7.3: "stack depth max 608", which is 0 until all functions are verified, then a line for each function.
  const most = Number(/^stack depth max (\d+)/.exec(line)?.[1] ?? 0);
  if (most > 0) stats.stackMax = most;
  const own = /^subprog (\d+) \(.*\) .*\bstack (\d+)$/.exec(line);
  if (own && Number(own[1]) === stats.stackDepths.length) stats.stackDepths.push(Number(own[2]));
}
