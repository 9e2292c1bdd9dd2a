import type { CheckedHost, CheckStatus, DoctorReport } from '@ringside/core/model';

export type Counts = Record<CheckStatus, number>;

export const countsOf = ({ checks }: DoctorReport): Counts => {
  const counts: Counts = { fail: 0, warn: 0, unknown: 0, ok: 0 };
  for (const { status } of checks) counts[status] += 1;
  return counts;
};

export const icons: Record<CheckStatus, string> = { ok: 'pass', warn: 'warning', fail: 'error', unknown: 'question' };
export const words: Record<CheckStatus, string> = { ok: 'OK', warn: 'Warning', fail: 'Failed', unknown: 'Unknown' };

/** The worst that a host has; null before it was checked. */
export function worst({ report, error }: CheckedHost): CheckStatus | null {
  if (error !== null) return 'fail';
  if (report === null) return null;
  const counts = countsOf(report);
  return counts.fail > 0 ? 'fail' : counts.warn > 0 ? 'warn' : counts.unknown > 0 ? 'unknown' : 'ok';
}

/** "14 checks: 1 failed, 2 warnings" */
export function countWords(counts: Counts): string {
  const all = counts.fail + counts.warn + counts.unknown + counts.ok;
  const bad = [
    counts.fail > 0 ? `${counts.fail} failed` : '',
    counts.warn > 0 ? `${counts.warn} ${counts.warn === 1 ? 'warning' : 'warnings'}` : '',
    counts.unknown > 0 ? `${counts.unknown} unknown` : '',
  ].filter((text) => text !== '');
  return `${all} checks: ${bad.length === 0 ? 'all fine' : bad.join(', ')}`;
}

/** What the whole panel says: of the one host, or how many hosts are how. */
export function summaryWords(hosts: readonly CheckedHost[]): string {
  const busy = hosts.filter(({ state }) => state === 'running' || state === 'waiting');
  if (busy.length === 1 && busy[0] !== undefined) return busy[0].step === '' ? 'checking' : busy[0].step;
  if (busy.length > 1) return `checking ${busy.length} of ${hosts.length} hosts`;
  const [only] = hosts;
  if (hosts.length === 1 && only !== undefined) return hostWords(only);
  const of = (status: CheckStatus | null): number => hosts.filter((host) => worst(host) === status).length;
  const parts = [
    [of('fail'), 'with failures'],
    [of('warn'), 'with warnings'],
    [of('unknown'), 'with unknowns'],
    [of('ok'), 'fine'],
    [of(null), 'not checked'],
  ] as const;
  return `${hosts.length} hosts: ${parts
    .filter(([count]) => count > 0)
    .map(([count, text]) => `${count} ${text}`)
    .join(', ')}`;
}

/** A host's outcome in a line. */
export function hostWords({ state, report, error }: CheckedHost): string {
  if (error !== null) return 'could not be checked';
  if (report !== null) return countWords(countsOf(report));
  return state === 'cancelled' ? 'not checked' : '';
}

/** Capabilities by which programs are loaded and attached. */
const needed = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

/** "root", or what a user may do: "uid 1000 with CAP_BPF, CAP_PERFMON". */
export function privilegeWords({ uid, capabilities }: DoctorReport['host']): string {
  const held = needed.filter((name) => capabilities.includes(name));
  if (held.length === needed.length) return uid === 0 ? 'root' : `uid ${uid}, all capabilities`;
  return held.length === 0 ? `uid ${uid}, unprivileged` : `uid ${uid} with ${held.join(', ')}`;
}
