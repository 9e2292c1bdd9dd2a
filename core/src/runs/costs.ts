/** What a run costs its hosts, from the agents' figures: per program over all hosts, and the agents themselves. */
import type { Stats } from '../agent/generated/agent_pb.ts';
import type { ProgramCost, ProgramRate, RunSummary } from '../model/index.ts';

/** First and newest figures of one host. */
export interface StatsSpan {
  first: Stats | undefined;
  last: Stats | undefined;
}

/** Costs per program, in the object's order. A program that never ran, or is not counted, has null figures, not 0. */
export function programCosts(names: string[], spans: StatsSpan[]): ProgramCost[] {
  return names.map((name) => {
    let runs = 0n;
    let nanos = 0n;
    let elapsed = 0n;
    let missed: bigint | null = 0n;
    let counted = false;
    let sampled = false;
    for (const { first, last } of spans) {
      const program = last?.programs.find((p) => p.name === name);
      if (!last || !program) continue;
      runs += program.runCount;
      nanos += program.runNanos;
      missed = program.missedKnown && missed !== null ? missed + program.missed : null;
      counted ||= program.statsEnabled;
      sampled ||= program.sampled;
      if (first) elapsed += last.atMonotonicNs - first.atMonotonicNs;
    }
    return {
      name,
      runs: counted || runs > 0n ? Number(runs) : null,
      sampled,
      nanosPerRun: counted && runs > 0n ? Number(nanos) / Number(runs) : null,
      cpuPercent: counted && elapsed > 0n ? (100 * Number(nanos)) / Number(elapsed) : null,
      missed: spans.length === 0 || missed === null ? null : Number(missed),
    };
  });
}

/** What programs did between the last two figures of each host, added up; empty before there are two. */
export function programRates(names: string[], spans: StatsSpan[]): ProgramRate[] {
  const known = spans.filter((s): s is { first: Stats; last: Stats } => s.first !== undefined && s.last !== undefined);
  const timed = known.filter((s) => s.last.atMonotonicNs > s.first.atMonotonicNs);
  return timed.length === 0 ? [] : names.map((name) => rateOf(name, timed));
}

function rateOf(name: string, spans: { first: Stats; last: Stats }[]): ProgramRate {
  let [perSecond, cpu, runs, nanos]: [number | null, number | null, number, number] = [null, null, 0, 0];
  for (const { first, last } of spans) {
    const [before, now] = [first, last].map((stats) => stats.programs.find((p) => p.name === name));
    // Fewer than before: the program was replaced meanwhile.
    if (!now || !before || now.runCount < before.runCount || now.runNanos < before.runNanos) continue;
    if (!now.statsEnabled && now.runCount === 0n) continue;
    const elapsed = Number(last.atMonotonicNs - first.atMonotonicNs);
    const ran = Number(now.runCount - before.runCount);
    perSecond = (perSecond ?? 0) + (1e9 * ran) / elapsed;
    if (!now.statsEnabled) continue;
    const took = Number(now.runNanos - before.runNanos);
    cpu = (cpu ?? 0) + (100 * took) / elapsed;
    runs += ran;
    nanos += took;
  }
  return { name, perSecond, nanosPerRun: runs > 0 ? nanos / runs : null, cpuPercent: cpu };
}

/** Memory and CPU share of the agents, added up; null before the first figures. */
export function agentCost(spans: StatsSpan[]): RunSummary['agent'] {
  const known = spans.filter((s): s is { first: Stats; last: Stats } => s.first !== undefined && s.last !== undefined);
  if (known.length === 0) return { rssBytes: null, cpuPercent: null };
  const rss = known.reduce((sum, s) => sum + Number(s.last.agentRssBytes), 0);
  const cpu = known.reduce((sum, s) => sum + Number(s.last.agentCpuNs - s.first.agentCpuNs), 0);
  const elapsed = known.reduce((sum, s) => sum + Number(s.last.atMonotonicNs - s.first.atMonotonicNs), 0);
  return { rssBytes: rss > 0 ? rss : null, cpuPercent: elapsed > 0 ? (100 * cpu) / elapsed : null };
}
