/** The inventory as rows of a tree: whose each thing is, and what it costs. Pure: no vscode. */
import type {
  Count,
  KeptRunInfo,
  LinkItem,
  MapItem,
  ObjectOwner,
  ProgramItem,
  RunSummary,
  Takeable,
} from '@ringside/core/model';
import { takeableLink } from '@ringside/core/rpc';
import { formatCount, withThousands } from '../format.ts';
import type { Inventory } from './inventories.ts';

export const inventoryKinds = ['programs', 'maps', 'links', 'pins'] as const;
export type InventoryKind = (typeof inventoryKinds)[number];

/** Whose a thing is. A Ringside run that is no run of this window, and no kept one, is another session's. */
export type Whose =
  | { kind: 'run'; runId: string; name: string }
  | { kind: 'kept'; kept: KeptRunInfo }
  | { kind: 'session' }
  | { kind: 'others'; words: string }
  | { kind: 'unknown' };

export interface InventoryRow {
  /** Stable as long as the thing is there. */
  id: string;
  label: string;
  /** What it is, whose, and what it costs; what matters first. */
  description: string;
  /** Everything that is known, a line each. */
  details: string[];
  whose: Whose;
  /** How it can be taken away; null for what is ours, and for what goes only with its holder. */
  takeable: Takeable | null;
  /** Order within its kind, after whose it is: more comes first. */
  weight: number;
}

type Owned = Pick<ProgramItem, 'owners' | 'pins' | 'ringside'>;

/** Who goes on with what on the host: runs of this window by the links that they hold, kept ones by their agent. */
export interface OwnersKnown {
  host: string;
  runs: readonly RunSummary[];
  kept: readonly KeptRunInfo[];
}

export const isOurs = ({ kind }: Whose): boolean => kind === 'run' || kind === 'kept' || kind === 'session';

/** All rows of one kind: ours first, then those that cost most. */
export function inventoryRows(inventory: Inventory, kind: InventoryKind, known: OwnersKnown): InventoryRow[] {
  const whose = ownerOf(inventory, known);
  const rows = rowsOf(inventory, kind, whose);
  return rows.sort((a, b) => Number(isOurs(b.whose)) - Number(isOurs(a.whose)) || b.weight - a.weight);
}

function rowsOf(inventory: Inventory, kind: InventoryKind, whose: (item: Owned) => Whose): InventoryRow[] {
  const { programs, maps, links } = inventory;
  switch (kind) {
    case 'programs':
      return programs.map((program) => programRow(program, whose(program)));
    case 'maps':
      return maps.map((map) => mapRow(map, whose(map)));
    case 'links':
      return links.map((link, i) => linkRow(link, i, whose(link)));
    case 'pins':
      return pinRows(inventory, whose);
  }
}

/** "12 programs, 3 of Ringside · 1.2 MB": null of the bytes where some are not known. */
export function totalWords(rows: readonly InventoryRow[]): string {
  const ours = rows.filter((row) => isOurs(row.whose)).length;
  return ours === 0 ? withThousands(rows.length) : `${withThousands(rows.length)}, ${withThousands(ours)} of Ringside`;
}

/** What all programs and maps hold; null while some of it is not known. */
export function memoryOf({ programs, maps }: Inventory): number | null {
  const all = [...programs, ...maps].map(({ memoryBytes }) => memoryBytes);
  return all.some((bytes) => bytes === null) ? null : all.reduce<number>((sum, bytes) => sum + Number(bytes), 0);
}

/** Whose things are, by the processes that hold them. */
export function ownerOf({ links }: Inventory, { host, runs, kept }: OwnersKnown): (item: Owned) => Whose {
  const keptBy = new Map(kept.map((one) => [one.pid, one]));
  const runBy = new Map<number, RunSummary>();
  const holding = new Map(links.flatMap((link) => (link.id === null ? [] : [[link.id, link.owners ?? []] as const])));
  for (const run of runs) {
    for (const { host: on, link } of run.attachments) {
      if (on !== host || link.id === 0) continue;
      for (const { pid, ringside } of holding.get(link.id) ?? []) if (ringside) runBy.set(pid, run);
    }
  }
  return ({ owners, ringside, pins }) => {
    const agents = (owners ?? []).filter((owner) => owner.ringside);
    for (const { pid } of agents) {
      const run = runBy.get(pid);
      if (run !== undefined) return { kind: 'run', runId: run.id, name: run.name };
      const one = keptBy.get(pid);
      if (one !== undefined) return { kind: 'kept', kept: one };
    }
    if (ringside === true) return { kind: 'session' };
    if (owners === null) return { kind: 'unknown' };
    return { kind: 'others', words: othersWords(owners, pins) };
  };
}

/** "systemd", "systemd and 2 more"; what no process holds is held by the kernel: a pin, an interface, a link. */
function othersWords(owners: readonly ObjectOwner[], pins: readonly string[]): string {
  const commands = [...new Set(owners.map(({ command }) => command))];
  const [first] = commands;
  if (first === undefined) return pins.length > 0 ? 'pinned, no process' : 'no process';
  return commands.length === 1 ? first : `${first} and ${commands.length - 1} more`;
}

export function whoseWords(whose: Whose): string {
  switch (whose.kind) {
    case 'run':
      return `Ringside: ${whose.name}`;
    case 'kept':
      return `Ringside: ${whose.kept.name}, kept`;
    case 'session':
      return 'Ringside: another session';
    case 'others':
      return whose.words;
    case 'unknown':
      return 'owner unknown';
  }
}

/** "4.0 KB", "1.5 MB"; what is unknown says so. */
export function bytesText(bytes: Count | null): string {
  if (bytes === null) return 'memory unknown';
  let value = Number(bytes);
  if (value < 1024) return `${value} B`;
  for (const unit of ['KB', 'MB', 'GB']) {
    value /= 1024;
    if (value < 999.5 || unit === 'GB') return `${value.toFixed(value < 9.95 ? 1 : 0)} ${unit}`;
  }
  return '';
}

/** What one run costs: "61 ns/run"; while nobody counts, that. */
export function costText({ runs, nanosPerRun }: Pick<ProgramItem, 'runs' | 'nanosPerRun'>): string {
  if (runs === null) return 'cost unknown';
  if (nanosPerRun === null) return 'never ran';
  const nanos =
    nanosPerRun < 1e6 ? `${withThousands(Math.round(nanosPerRun))} ns` : `${(nanosPerRun / 1e6).toFixed(1)} ms`;
  return `${nanos}/run`;
}

const join = (...parts: string[]): string => parts.filter((part) => part !== '').join(' · ');

function programRow(program: ProgramItem, whose: Whose): InventoryRow {
  const { id, name, type, tag, attachTo, memoryBytes, runs, uid, mapIds } = program;
  return {
    id: `program:${id}`,
    label: name === '' ? `program ${id}` : name,
    description: join(whoseWords(whose), type, costText(program), bytesText(memoryBytes)),
    details: [
      `program ${id}, ${type}, tag ${tag}`,
      attachTo === null ? '' : `made for ${attachTo}`,
      ...ownerLines(program, whose),
      `loaded ${timeText(program.loadedAt)} by uid ${uid}, ${program.gpl ? 'GPL' : 'not GPL'}`,
      runs === null ? 'runs unknown: nobody counts them' : `${countText(runs)} runs, ${costText(program)}`,
      `${bytesText(memoryBytes)}${program.jitedBytes === null ? '' : `, ${bytesText(program.jitedBytes)} of machine code`}`,
      mapIds.length === 0 ? '' : `maps ${mapIds.join(', ')}`,
      Number(program.recursionMisses) === 0 ? '' : `missed ${countText(program.recursionMisses)} runs`,
    ].filter((line) => line !== ''),
    whose,
    takeable: null,
    weight: Number(program.runNanos ?? 0),
  };
}

function mapRow(map: MapItem, whose: Whose): InventoryRow {
  const { id, name, type, memoryBytes, keySize, valueSize, maxEntries } = map;
  return {
    id: `map:${id}`,
    label: name === '' ? `map ${id}` : name,
    description: join(whoseWords(whose), type, bytesText(memoryBytes)),
    details: [
      `map ${id}, ${type}${map.frozen ? ', frozen' : ''}`,
      ...ownerLines(map, whose),
      `key ${keySize} B, value ${valueSize} B, at most ${withThousands(maxEntries)} entries`,
      bytesText(memoryBytes),
    ],
    whose,
    takeable: null,
    weight: Number(memoryBytes ?? 0),
  };
}

function linkRow(link: LinkItem, at: number, whose: Whose): InventoryRow {
  const { id, kind, program, target, missed } = link;
  const name = program === null ? '' : program.name || `program ${program.id}`;
  return {
    // What has no link has no number either: it is told apart by what it is and where.
    id: id === null ? `attached:${kind}:${target}:${program?.id ?? ''}:${at}` : `link:${id}`,
    label: name === '' ? target || `link ${id ?? ''}` : name,
    description: join(whoseWords(whose), kind, name === '' ? '' : target),
    details: [
      id === null ? `${kind}, attached without a link` : `link ${id}, ${kind}`,
      link.attachType === null ? '' : `attached as ${link.attachType}`,
      target === '' ? '' : `to ${target}`,
      program === null ? '' : `program ${program.id}${program.name === '' ? '' : `, ${program.name}`}`,
      ...ownerLines(link, whose),
      missed === null ? '' : `missed ${countText(missed)} runs`,
      ...Object.entries(link.details).map(([what, value]) => `${what} ${value}`),
    ].filter((line) => line !== ''),
    whose,
    takeable: isOurs(whose) ? null : takeableLink(link),
    weight: 0,
  };
}

function pinRows({ programs, maps, links }: Inventory, whose: (item: Owned) => Whose): InventoryRow[] {
  type Pinned = Extract<Takeable, { kind: 'pin' }>['of'];
  const of = (what: Pinned, item: Owned & { id: number | null }, name: string): InventoryRow[] =>
    item.pins.map((path) => ({
      id: `pin:${path}:${what}`,
      label: path,
      description: join(whoseWords(whose(item)), `${what} ${name === '' ? (item.id ?? '') : name}`),
      details: [path, `${what} ${item.id ?? ''}${name === '' ? '' : `, ${name}`}`, ...ownerLines(item, whose(item))],
      whose: whose(item),
      takeable: item.id === null || isOurs(whose(item)) ? null : { kind: 'pin', path, of: what, id: item.id },
      weight: 0,
    }));
  return [
    ...programs.flatMap((program) => of('program', program, program.name)),
    ...maps.flatMap((map) => of('map', map, map.name)),
    ...links.flatMap((link) => of('link', link, link.program?.name ?? '')),
  ].sort((a, b) => (a.label < b.label ? -1 : 1));
}

/** Most processes that are named one by one. */
const mostOwners = 8;

function ownerLines({ owners, pins }: Owned, whose: Whose): string[] {
  const processes = (owners ?? []).slice(0, mostOwners).map(({ pid, command }) => `${command} (${pid})`);
  const more = (owners?.length ?? 0) - processes.length;
  return [
    isOurs(whose) ? whoseWords(whose) : '',
    owners === null
      ? 'held by: unknown, the agent may not look at other processes'
      : `held by: ${processes.length === 0 ? 'no process' : processes.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    ...pins.slice(0, mostOwners).map((path) => `pinned at ${path}`),
  ].filter((line) => line !== '');
}

const countText = (count: Count): string =>
  typeof count === 'number' ? withThousands(count) : formatCount(Number(count));

const timeText = (ns: string): string =>
  new Date(Number(BigInt(ns) / 1_000_000n)).toISOString().replace('T', ' ').slice(0, 19);
