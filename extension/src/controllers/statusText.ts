import type { HostState, RunSummary } from '@ringside/core/model';
import { endsWords, formatLost, formatRate, isLive, lostTotal } from '../format.ts';

export interface StatusInput {
  runs: RunSummary[];
  hosts: HostState[];
  /** Of the source in the editor. */
  chosenHost: string | undefined;
  sourceOpen: boolean;
}

export interface Status {
  text: string;
  tooltip: string;
  /** Loss or a lost host: nothing else gets a colour. */
  warn: boolean;
}

/** What the status bar says; null when there is nothing to say. */
export function statusOf({ runs, hosts, chosenHost, sourceOpen }: StatusInput): Status | null {
  const live = runs.filter((run) => isLive(run) && run.replay === undefined);
  const lostHosts = hosts.filter((host) => host.state === 'lost' || host.state === 'reconnecting');
  const connected = hosts.filter((host) => host.state === 'ready').map((host) => host.name);
  const names =
    live.length > 0 ? [...new Set(live.flatMap((run) => run.hosts))] : chosenHost ? [chosenHost] : connected;
  if (live.length === 0 && lostHosts.length === 0 && names.length === 0 && !sourceOpen) return null;

  const host = names.length === 0 ? 'no host' : names.length === 1 ? names[0]! : `${names.length} hosts`;
  const parts = [`$(record) ${host}`];
  let lost: number | null = 0;
  if (live.length > 0) {
    const rate = live.reduce((sum, run) => sum + run.rate, 0);
    lost = lostTotal(live.map((run) => run.ledger));
    parts.push(live.length === 1 ? '1 run' : `${live.length} runs`, formatRate(rate), formatLost(lost));
    const ends = live.flatMap((run) => run.endsAt ?? []);
    if (ends.length > 0) parts.push(...endsWords(Math.min(...ends)));
  }
  if (lostHosts.length > 0) parts.push(`$(warning) ${lostHosts.map((each) => each.name).join(', ')} lost`);
  const text = parts.join(' · ');
  return { text, tooltip: tooltip(text, live), warn: lostHosts.length > 0 || (lost ?? 0) > 0 };
}

function tooltip(text: string, live: RunSummary[]): string {
  const runs = live.map(
    (run) => `${run.name} on ${run.hosts.join(', ')}: ${formatRate(run.rate)}, ${formatLost(lostTotal([run.ledger]))}`,
  );
  return [text.replace(/\$\([\w-]+\) ?/g, ''), ...runs, 'Click for hosts and runs.'].join('\n');
}
