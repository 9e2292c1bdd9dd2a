/** Numbers and words as every place of the extension shows them. */
import { countdown } from '../../panels/shared/format.ts';
import { isDeclined } from './declined.ts';
import type { HostState, Ledger, LeftOutProgram, MapFate, RunSummary, SwapReport } from '@ringside/core/model';

/** "48.2 k/s": three figures and a unit, so that a number that changes keeps its width. */
export function formatRate(perSecond: number): string {
  return `${formatCount(perSecond)}/s`;
}

/** "950", "48.2 k", "1.31 M". */
export function formatCount(value: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let scaled = Math.max(0, value);
  let unit = 0;
  // 999.5 would round to "1000": it is "1.00" of the next unit.
  while (unit < units.length - 1 && scaled >= 999.5) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return scaled.toFixed(digits) + units[unit]!;
}

export const withThousands = (value: number): string => value.toLocaleString('en-US');

/** Lost records over all streams; `null` while nothing is known to be lost and some stream does not count. */
export function lostTotal(ledgers: Ledger[]): number | null {
  let lost = 0;
  let unknown = false;
  for (const stream of ledgers.flatMap((ledger) => ledger.streams)) {
    lost += stream.lostAgent + stream.lostTransport + (stream.lostKernel ?? 0);
    unknown ||= stream.lostKernel === null;
  }
  return lost === 0 && unknown ? null : lost;
}

/** "lost 0", "lost 12,402", "lost ?" when it is not known: never 0 for unknown. */
export function formatLost(lost: number | null): string {
  return `lost ${lost === null ? '?' : withThousands(lost)}`;
}

export const isLive = (run: RunSummary): boolean => run.state !== 'ended' && run.state !== 'failed';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A time in ns since the epoch as this day's "14:32", or "Nov 28, 14:32"; with seconds when it is near. */
export function untilText(expires: string, now = Date.now()): string {
  const at = new Date(Number(BigInt(expires) / 1_000_000n));
  const two = (n: number): string => String(n).padStart(2, '0');
  const near = Math.abs(at.getTime() - now) < 10 * 60_000;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}${near ? `:${two(at.getSeconds())}` : ''}`;
  const today = at.toDateString() === new Date(now).toDateString();
  return today ? clock : `${months[at.getMonth()]!} ${at.getDate()}, ${clock}`;
}

/** "until 14:32" of a run that is kept, for a list that is narrow; empty for one that ends with its window. */
const keptWords = ({ kept }: RunSummary): string[] =>
  kept[0] === undefined ? [] : [`until ${untilText(kept[0].expires)}`];

/** "running on web-1 · 48.2 k/s · lost 0", in the order that matters. */
export function describeRun(run: RunSummary): string {
  const hosts = run.hosts.join(', ');
  if (run.replay) return [hosts, 'recording', ...(run.replay.damage === '' ? [] : ['damaged'])].join(' · ');
  switch (run.state) {
    case 'running':
      return [
        hosts,
        run.suspendedAt === undefined ? formatRate(run.rate) : 'detached, maps kept',
        formatLost(lostTotal([run.ledger])),
        ...endsWords(run.endsAt),
        ...keptWords(run),
      ].join(' · ');
    case 'paused':
      return [hosts, 'paused', formatLost(lostTotal([run.ledger])), ...keptWords(run)].join(' · ');
    case 'failed':
      if (run.error && isDeclined(run.error)) return `${hosts} · not confirmed`;
      return `${hosts} · failed: ${run.error?.message ?? 'unknown reason'}`;
    case 'ended':
      return `${hosts} · ended${endWords(run)}`;
    case 'building':
    case 'loading':
    case 'attaching':
    case 'detaching':
      return `${hosts} · ${run.state}`;
  }
}

function endWords(run: RunSummary): string {
  switch (run.endReason) {
    case 'host-lost':
      return ': connection lost';
    case 'agent':
      return ': agent ended';
    case 'error':
      return ': failed';
    case 'duration':
    case 'count':
      return `: ${run.endReason} reached`;
    case 'interrupt':
    case null:
      return '';
  }
}

export function describeHost(host: HostState): string {
  switch (host.state) {
    case 'ready':
      return host.info ? `${host.info.kernel} · ${host.info.arch}` : 'ready';
    case 'disconnected':
      return host.error ? host.error.message : '';
    case 'lost':
      return 'connection lost';
    case 'checking-key':
      return 'checking host key';
    case 'installing':
      return 'installing agent';
    case 'privileged':
      return 'starting agent';
    case 'connecting':
    case 'authenticating':
    case 'probing':
    case 'reconnecting':
      return host.state;
  }
}

/** Which program does not run, and why: one line. */
export function leftOutText({ program, host, error, instead }: LeftOutProgram): string {
  const then = instead === '' ? error.remedy : `${instead} runs instead.`;
  return `${program} does not run on ${host}: ${[error.message, then].filter((t) => t !== '').join(' ')}`;
}

const FATES = ['kept', 'resized', 'reset', 'new', 'gone'] as const;

/** "Replaced on web-1: kept events; reset counts (its key size was 4, it is 8)". */
export function swapText(swap: SwapReport): string {
  const groups = FATES.flatMap((fate) => {
    const maps = swap.maps.filter((map) => map.fate === fate && !isConstant(map.map));
    const name = ({ map, reason }: MapFate): string => (reason === '' ? map : `${map} (${reason})`);
    return maps.length === 0 ? [] : [`${fate} ${maps.map(name).join(', ')}`];
  });
  return `Replaced on ${swap.host}${groups.length > 0 ? `: ${groups.join('; ')}` : ''}`;
}

/** That a new version has constants of its own is no news. */
const isConstant = (map: string): boolean => /\.(rodata|kconfig)/.test(map);

/** libbpf's map of a program's variables (".bss", "prog.data", ".data.counters"): nobody has declared it as a map. */
const isOfVariables = (map: string): boolean => /\.(rodata|data|bss|kconfig)/.test(map);

/** What the status bar says after a redeploy. */
export function redeployedText(run: RunSummary): string {
  const maps = (run.swaps ?? []).flatMap((swap) => swap.maps);
  const lost = maps.filter((map) => map.fate === 'reset' && !isConstant(map.map)).map((map) => map.map);
  const kept = new Set(maps.filter((map) => map.fate === 'kept' && !isOfVariables(map.map)).map((map) => map.map)).size;
  const words =
    lost.length > 0 ? `reset ${[...new Set(lost)].join(', ')}` : `${kept} ${kept === 1 ? 'map' : 'maps'} kept`;
  return `Redeployed ${run.name} on ${run.hosts.join(', ')}: ${words}`;
}

/** "12.3 MB" */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`;
}

/** "ends in 4:32" */
export function endsWords(endsAt: number | undefined, now = Date.now()): string[] {
  if (endsAt === undefined) return [];
  return [`ends in ${countdown(endsAt, now)}`];
}
