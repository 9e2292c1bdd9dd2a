/** The figures of a verdict against those that the kernel wrote at the end of its log, read here without the product's parser. */
import type { VerdictStats } from '../../core/src/model/index.ts';

export interface LogFigures {
  processed: number;
  limit: number;
  totalStates: number;
  peakStates: number;
  /** Of each function, as the log puts them; empty where it does not say. */
  stack: number[];
  /** Of the deepest chain of calls, where the kernel adds it up. */
  stackMax: number | null;
  micros: number | null;
}

const SUMMARY =
  /^processed (\d+) insns \(limit (\d+)\) max_states_per_insn \d+ total_states (\d+) peak_states (\d+) mark_read \d+$/gm;
const numbers = (text: string): number[] => text.split('+').map(Number);

/** Null for a log without its last lines: nothing was verified. */
export function logFigures(log: string): LogFigures | null {
  const summary = [...log.matchAll(SUMMARY)].at(-1);
  if (summary === undefined) return null;
  const last = (pattern: RegExp): string | undefined => [...log.matchAll(pattern)].at(-1)?.[1];
  const [processed, limit, totalStates, peakStates] = summary.slice(1).map(Number);
  const stack = last(/\bstack depth (\d+(?:\+\d+)*)/g);
  const max = last(/^stack depth max (\d+)/gm);
  const micros = last(/^verification time (\d+) usec/gm);
  return {
    ...{ processed: processed!, limit: limit!, totalStates: totalStates!, peakStates: peakStates! },
    stack: stack === undefined ? [] : numbers(stack),
    stackMax: max === undefined || max === '0' ? null : Number(max),
    micros: micros === undefined ? null : Number(micros),
  };
}

/** What of a verdict's figures is not what the log says, each in a few words; empty when all is. */
export function differences(ours: VerdictStats, log: LogFigures): string[] {
  const found: string[] = [];
  const compare = (what: string, mine: number | null, theirs: number): void => {
    if (mine !== theirs) found.push(`${what} ${mine ?? 'unknown'}, in the log ${theirs}`);
  };
  compare('processed', ours.processed, log.processed);
  compare('share of the limit', ours.limitPercent, Math.round((1000 * log.processed) / log.limit) / 10);
  compare('states', ours.totalStates, log.totalStates);
  compare('peak states', ours.peakStates, log.peakStates);
  if (log.micros !== null) compare('microseconds', ours.verifyMicros, log.micros);
  if (log.stackMax !== null) compare('stack', ours.stackBytes, log.stackMax);
  else if (log.stack.length === 1) compare('stack', ours.stackBytes, log.stack[0]!);
  else if (log.stack.length > 1 && ours.stackBytes !== null) {
    // A chain of calls: no less than the deepest function, no more than all of them.
    const [least, most] = [Math.max(...log.stack), log.stack.reduce((a, b) => a + b, 0)];
    if (ours.stackBytes < least || ours.stackBytes > most)
      found.push(`stack ${ours.stackBytes}, in the log ${log.stack.join('+')}`);
  }
  return found;
}

/** The logs of a file that `fullLog` wrote: by program, in the order of the attempts. */
export function logsByProgram(text: string): Map<string, string[]> {
  const logs = new Map<string, string[]>();
  const heads = [...text.matchAll(/^==== \S+ (\S+) \(.*\): \w+$/gm)];
  heads.forEach((head, i) => {
    const log = text.slice(head.index + head[0].length + 1, heads[i + 1]?.index ?? text.length);
    logs.set(head[1]!, [...(logs.get(head[1]!) ?? []), log]);
  });
  return logs;
}

/** "1068 insns, 55 states (peak 55), stack 496, 17691 µs"; "" where nothing was verified. */
export function figureWords({ processed, totalStates, peakStates, stackBytes, verifyMicros }: VerdictStats): string {
  if (processed === null) return '';
  const parts = [
    `${processed} insns`,
    totalStates === null ? '' : `${totalStates} states (peak ${peakStates ?? '?'})`,
    stackBytes === null ? '' : `stack ${stackBytes}`,
    verifyMicros === null ? '' : `${verifyMicros} µs`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
