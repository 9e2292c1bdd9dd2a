/** What an attached program and its maps are told as, beside the source. */
import type { MapFill, ProgramCost, ProgramRate, RunSummary } from '@ringside/core/model';
import { nanos, percent, rate } from '../../panels/shared/format.ts';
import { formatCount, isLive, withThousands } from './format.ts';

/** "48.2 k/s · 61 ns each · 0.3 % CPU"; before there is a rate, what the run has counted so far, if it has. */
export function liveWords(run: RunSummary, program: string): string {
  const cost = run.programs.find(({ name }) => name === program);
  if (cost === undefined || !isLive(run)) return 'attached';
  const now = rateOf(run, program);
  const words =
    now === undefined || now.perSecond === null ? totalWords(cost, isCounted(cost, now)) : nowWords(now, cost);
  if (run.state === 'paused') words.unshift('view paused');
  if (cost.missed !== null && cost.missed > 0) words.push(`${formatCount(cost.missed)} missed`);
  return words.join(' · ');
}

function nowWords({ perSecond, nanosPerRun, cpuPercent }: ProgramRate, cost: ProgramCost): string[] {
  const about = cost.sampled ? '≈ ' : '';
  // A program that did not run in this second still has the average of those before.
  const each = nanosPerRun ?? cost.nanosPerRun;
  return [
    `${about}${rate(perSecond!)}`,
    ...(each === null ? [] : [`${nanos(each)} each`]),
    ...(cpuPercent === null ? [] : [`${about}${percent(cpuPercent)} CPU`]),
  ];
}

const rateOf = (run: RunSummary, program: string): ProgramRate | undefined =>
  run.rates?.find(({ name }) => name === program);

/** The first figures come with the attachment itself: what they do not count yet is not known to be 0. */
const isCounted = ({ runs }: ProgramCost, now: ProgramRate | undefined): boolean =>
  now !== undefined || (runs !== null && runs > 0);

function totalWords({ runs, sampled, nanosPerRun }: ProgramCost, counted: boolean): string[] {
  if (!counted) return ['attached'];
  const total = runs === null ? 'runs unknown' : `${sampled ? '≈ ' : ''}${formatCount(runs)} runs`;
  return ['attached', total, ...(nanosPerRun === null ? [] : [`${nanos(nanosPerRun)} each`])];
}

/** The whole account, for whoever points at the figures. */
export function liveTooltip(run: RunSummary, program: string): string {
  const cost = run.programs.find(({ name }) => name === program);
  const where = `${program} on ${run.hosts.join(', ')}`;
  if (cost === undefined) return where;
  if (isLive(run) && !isCounted(cost, rateOf(run, program))) return `${where}\nIts runs are not counted yet.`;
  const lines = [
    where,
    cost.runs === null
      ? 'Runs: not counted by this kernel.'
      : `Runs since it was attached: ${cost.sampled ? 'about ' : ''}${withThousands(cost.runs)}`,
    cost.nanosPerRun === null ? '' : `Average since then: ${nanos(cost.nanosPerRun)} a run`,
    cost.cpuPercent === null ? '' : `Of one processor since then: ${percent(cost.cpuPercent)}`,
    cost.missed === null ? 'Missed runs: not counted by this kernel.' : `Missed runs: ${withThousands(cost.missed)}`,
    cost.sampled ? 'It runs often: its cost is concluded from a tenth of the time.' : '',
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** "1,204 of 10,240", "3 of 256 set", "12 KiB of 256 KiB waiting"; of several hosts each with its name. */
export function fillWords(fills: readonly MapFill[]): string {
  if (fills.length === 1) return fillOf(fills[0]!);
  return fills.map((fill) => `${fill.host}: ${fillOf(fill)}`).join(' · ');
}

function fillOf({ unit, count, more, of }: MapFill): string {
  if (unit === 'waiting') return `${bytes(count)} of ${bytes(of)} waiting`;
  const number = `${withThousands(count)}${more ? '+' : ''} of ${withThousands(of)}`;
  return unit === 'set' ? `${number} set` : number;
}

/** True when a map is so full that entries may soon find no room: from nine tenths on. */
export function isNearlyFull({ unit, count, of, map }: MapFill): boolean {
  return map !== '' && unit !== 'set' && of > 0 && count >= 0.9 * of;
}

export function fillTooltip(fills: readonly MapFill[]): string {
  const what = {
    entries: 'entries, of as many as it can hold',
    set: 'elements that are not zero, of all',
    waiting: 'bytes that nobody has read yet, of the ring’s size',
  };
  const lines = fills.map((fill) => `${fill.host}: ${fillOf(fill)}`);
  const more = fills.some((fill) => fill.more) ? ['+: only the first part of a large map is counted.'] : [];
  const full = fills.filter(isNearlyFull).map((fill) => `${fill.host}: nearly full.`);
  return [`Of \`${fills[0]?.map ?? ''}\`: ${what[fills[0]?.unit ?? 'entries']}`, ...lines, ...more, ...full].join(
    '\n\n',
  );
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${short(count / 1024)} KiB`;
  return `${short(count / 1024 / 1024)} MiB`;
}

const short = (value: number): string =>
  value >= 9.95 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
