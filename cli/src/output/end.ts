import { timeLeft, type RunEvent } from '@ringside/core';
import { bold, dim } from '../terminal.ts';

const known = (n: number | null): string => (n === null ? 'unknown' : n.toLocaleString('en-US'));

/** The account at the end: what was produced, what arrived, what was lost and where, what it cost. */
export function endLines(end: Extract<RunEvent, { type: 'end' }>, replayed = false): string {
  const kept = end.kept ?? [];
  const head = replayed
    ? `Recording ended (${end.reason})`
    : kept.length > 0
      ? 'Left running'
      : `Detached (${end.reason})`;
  const lines = [bold(`${head} after ${end.seconds.toFixed(1)} s`)];
  for (const { host, run, expires } of kept) {
    lines.push(`  ${host}: ${timeLeft(expires)} left; ringside adopt ${host} ${run}, or ringside end ${host} ${run}`);
  }
  for (const s of end.ledger.streams) {
    const lost = `kernel ${known(s.lostKernel)} · agent ${known(s.lostAgent)} · link ${known(s.lostTransport)}`;
    const filtered = s.filtered > 0 ? ` + filtered on the host ${known(s.filtered)}` : '';
    const gap = s.notRecorded === undefined ? '' : ` + not recorded ${known(s.notRecorded)}`;
    const late = s.outOfOrder === undefined ? '' : `, ${known(s.outOfOrder)} out of order`;
    const arrived = `delivered ${known(s.delivered)}${filtered}`;
    lines.push(
      `  ${s.name}: produced ${known(s.produced)} = ${arrived} + lost (${lost})${gap}; shown ${known(s.shown)}${late}`,
    );
  }
  for (const p of end.programs) {
    const cost =
      p.nanosPerRun === null
        ? 'cost unknown'
        : `${p.nanosPerRun.toFixed(0)} ns/run, ${p.cpuPercent?.toFixed(2) ?? '?'} % CPU`;
    const counted = p.sampled ? `about ${known(p.runs)} runs (sampled)` : `${known(p.runs)} runs`;
    const runs = p.runs === null ? 'runs unknown' : counted;
    lines.push(dim(`  ${p.name}: ${runs}, ${cost}, missed ${known(p.missed)}`));
  }
  return lines.join('\n');
}
