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

/** Where statistics begin that the kernel wrote behind a message without a line break; the line's length without them. */
export function gluedStatistics(line: string): number {
  const at = line.search(/(?:verification time \d+ usec|processed \d+ insns .*)$/);
  return at < 0 ? line.length : at;
}

/** Adds what a line of kind `statistics` says. */
export function readStatistics(stats: LogStats, line: string): void {
  if (line.startsWith('processed ')) readSummary(stats, line);
  else if (line.startsWith('verification ')) {
    const micros = /^verification time (\d+) usec/.exec(line)?.[1];
    if (micros !== undefined) stats.verifyMicros = Number(micros);
  } else if (line.startsWith('subprog ')) {
    const own = /^subprog (\d+) \(.*\) .*\bstack (\d+)$/.exec(line);
    if (own && Number(own[1]) === stats.stackDepths.length) stats.stackDepths.push(Number(own[2]));
  }
  readStackDepth(stats, line);
}

function readSummary(stats: LogStats, line: string): void {
  const found = summary.exec(line);
  if (found) {
    const number = (text: string | undefined) => (text === undefined ? null : Number(text));
    stats.processed = number(found[1]);
    stats.limit = number(found[2]);
    stats.totalStates = number(found[3]);
    stats.peakStates = number(found[4]);
  }
}

/** "stack depth 8+0", also behind the time on its line. */
function readStackDepth(stats: LogStats, line: string): void {
  const at = line.startsWith('stack depth ') ? 0 : line.indexOf(', stack depth ') + 2;
  if (at === 1) return;
  const said = line.slice(at + 'stack depth '.length);
  const depths = /^[\d+]+/.exec(said)?.[0];
  if (depths !== undefined) stats.stackDepths = depths.split('+').map(Number);
  // Linux 7.3: "stack depth max 608", which is 0 until all functions are verified, then a line for each function.
  const most = Number(/^max (\d+)/.exec(said)?.[1] ?? 0);
  if (most > 0) stats.stackMax = most;
}
