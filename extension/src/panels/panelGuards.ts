/**
 * What a webview sends is checked here before anything else looks at it: an unknown kind, a wrong type or too much of
 * something gives null, and the message is dropped. Results are new objects with the known properties only.
 */
import type { AttachSpec, PanelState, RowsQuery, RunControl, ToHost } from '@ringside/core/model';
import { limitNames } from '@ringside/core/rpc';
import { Command, type CommandId } from '../contributions.ts';
import { parseChartSpec } from './chartsGuards.ts';
import { isRemedy, parseRowTools, parseTraceAsk, rowCaps } from './rowToolGuards.ts';
import { isCount, isFields, isText, texts, type Fields, type Guard } from './guardParts.ts';
import { lookCaps, parseFindAsk, parseGroupsQuery, parseLayout, parseShown } from './lookGuards.ts';

export const caps = {
  name: 256,
  where: 16 * 1024,
  path: 4096,
  rows: 2000,
  columns: 1000,
  copy: 32 * 1024 * 1024,
  list: 256,
};

/** Every kind of message with its guard; the compiler holds it complete. */
const messages: { [K in ToHost['type']]: (fields: Fields) => Extract<ToHost, { type: K }> | null } = {
  ready: () => ({ type: 'ready' }),
  stop: () => ({ type: 'stop' }),
  keep: () => ({ type: 'keep' }),
  record: () => ({ type: 'record' }),
  restart: () => ({ type: 'restart' }),
  control: ({ what }) => (isRunControl(what) ? { type: 'control', what } : null),
  pause: ({ paused }) => (typeof paused === 'boolean' ? { type: 'pause', paused } : null),
  copy: ({ text }) => (isText(text, caps.copy) ? { type: 'copy', text } : null),
  complete: ({ id, runId, stream, text, at }) =>
    isCount(id) && isText(runId, caps.name) && isText(stream, caps.name) && isText(text, caps.where) && isCount(at)
      ? { type: 'complete', id, runId, stream, text, at }
      : null,
  export: ({ stream, where, format, columns, sort, look }) => {
    const known = texts(columns, caps.columns, lookCaps.column);
    const shown = parseShown({ sort, look });
    if (!isText(stream, caps.name) || !isText(where, caps.where) || known === null || shown === null) return null;
    if (format !== 'csv' && format !== 'jsonl' && format !== 'markdown') return null;
    return { type: 'export', stream, where, format, columns: known, ...shown };
  },
  find: ({ id, runId, ask }) => {
    const parsed = parseFindAsk(ask);
    return isCount(id) && isText(runId, caps.name) && parsed ? { type: 'find', id, runId, ask: parsed } : null;
  },
  groups: ({ id, query }) => {
    const parsed = parseGroupsQuery(query);
    return isCount(id) && parsed ? { type: 'groups', id, query: parsed } : null;
  },
  chart: ({ chart }) => {
    const parsed = chart === null ? null : parseChartSpec(chart);
    return chart !== null && parsed === null ? null : { type: 'chart', chart: parsed };
  },
  rows: ({ id, query }) => {
    const parsed = parseQuery(query);
    return isCount(id) && parsed ? { type: 'rows', id, query: parsed } : null;
  },
  detail: ({ id, runId, stream, seq }) =>
    isCount(id) && isText(runId, caps.name) && isText(stream, caps.name) && isCount(seq)
      ? { type: 'detail', id, runId, stream, seq }
      : null,
  ask: ({ id, runId, ask }) => {
    const parsed = parseTraceAsk(ask);
    return isCount(id) && isText(runId, caps.name) && parsed ? { type: 'ask', id, runId, ask: parsed } : null;
  },
  declaration: ({ record, path }) =>
    isText(record, caps.name) && isText(path, caps.path) ? { type: 'declaration', record, path } : null,
  remedy: ({ remedy, stream }) =>
    isRemedy(remedy) && isText(stream, caps.name) ? { type: 'remedy', remedy, stream } : null,
  state: ({ state }) => {
    const parsed = parsePanelState(state);
    return parsed ? { type: 'state', state: parsed } : null;
  },
};

/** The command behind each thing that is done with a run. */
export const controlCommands = {
  suspend: Command.runSuspend,
  globals: Command.runGlobals,
  variable: Command.runVariable,
  timeLimit: Command.runTimeLimit,
  recordLast: Command.runRecordLast,
  maps: Command.mapsShow,
} as const satisfies Record<RunControl, CommandId>;

const isRunControl = (value: unknown): value is RunControl =>
  typeof value === 'string' && Object.hasOwn(controlCommands, value);

/** A message of the trace panel, or null when it is not one. */
export const parseToHost: Guard<ToHost> = (value) => {
  if (!isFields(value) || typeof value.type !== 'string' || !Object.hasOwn(messages, value.type)) return null;
  return messages[value.type as ToHost['type']](value);
};

const parseQuery: Guard<RowsQuery> = (value) => {
  if (!isFields(value)) return null;
  const { runId, stream, where, first, count, evicted } = value;
  const rules = value.rules === undefined ? [] : texts(value.rules, rowCaps.rules, rowCaps.where);
  if (rules === null) return null;
  const known = isText(runId, caps.name) && isText(stream, caps.name) && isText(where, caps.where);
  if (!known || !(first === -1 || isCount(first)) || !isCount(count, caps.rows)) return null;
  if (evicted !== undefined && !isCount(evicted)) return null;
  const shown = parseShown(value);
  if (shown === null) return null;
  return {
    ...{ runId, stream, where, first, count },
    ...(evicted === undefined ? {} : { evicted }),
    ...(value.rules === undefined ? {} : { rules }),
    ...shown,
  };
};

/** What a panel keeps over a window reload. */
export const parsePanelState: Guard<PanelState> = (value) => {
  if (!isFields(value)) return null;
  const { runId, stream, where } = value;
  if (!isText(runId, caps.name) || !isText(stream, caps.name) || !isText(where, caps.where)) return null;
  const hidden = texts(value.hidden, caps.columns, lookCaps.column);
  const widths = parseWidths(value.widths);
  const noSpec = value.spec === null || value.spec === undefined;
  const spec = noSpec ? null : parseSpec(value.spec);
  if (hidden === null || widths === null || (spec === null && !noSpec)) return null;
  // Of an older version, or of none: then nothing was chosen.
  const layout = parseLayout(value.layout);
  return { runId, stream, where, hidden, widths, ...(layout && { layout }), spec, ...parseRowTools(value) };
};

function parseWidths(value: unknown): Record<string, number> | null {
  if (!isFields(value)) return null;
  const entries = Object.entries(value);
  if (entries.length > caps.columns) return null;
  const valid = entries.every(
    ([name, width]) => name.length <= lookCaps.column && Number.isFinite(width) && (width as number) >= 0,
  );
  return valid ? (Object.fromEntries(entries) as Record<string, number>) : null;
}

/** The shape of a spec. Whether it may be used is not decided here: see RememberedSpecs. */
export const parseSpec: Guard<AttachSpec> = (value) => {
  if (!isFields(value)) return null;
  const { file, where } = value;
  const hosts = texts(value.hosts, caps.list, caps.name);
  const programs = texts(value.programs, caps.list, caps.name);
  const targets = parseTargets(value.targets);
  const set = parseSet(value.set);
  if (!isText(file, caps.path) || !isText(where, caps.where) || !hosts || !programs || !targets || !set) return null;
  const durationSeconds = limit(value.durationSeconds);
  const count = limit(value.count);
  const mapsSeconds = limit(value.mapsSeconds);
  const storeBytes = limit(value.storeBytes ?? null);
  if (durationSeconds === undefined || count === undefined || mapsSeconds === undefined || storeBytes === undefined)
    return null;
  const spec: AttachSpec = { file, hosts, programs, targets, set, where, durationSeconds, count, mapsSeconds };
  if (storeBytes !== null) spec.storeBytes = storeBytes;
  const limits = parseLimits(value.limits);
  if (limits === null) return null;
  if (limits !== undefined) spec.limits = limits;
  return spec;
};

/** A number, null for none, undefined for anything else. */
const limit = (value: unknown): number | null | undefined =>
  value === null ? null : typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;

function parseLimits(value: unknown): AttachSpec['limits'] | null {
  if (value === undefined) return undefined;
  if (!isFields(value)) return null;
  const known = limitNames.map((name) => [name, value[name]] as const);
  const given = known.filter(([, number]) => number !== undefined);
  return given.every(([, number]) => isCount(number)) ? Object.fromEntries(given) : null;
}

function parseTargets(value: unknown): AttachSpec['targets'] | null {
  if (!Array.isArray(value) || value.length > caps.list) return null;
  const targets: AttachSpec['targets'] = [];
  for (const item of value as unknown[]) {
    if (!isFields(item)) return null;
    const { program, key, value: target } = item;
    if (!isText(program, caps.name) || !isText(key, caps.name) || !isText(target, caps.path)) return null;
    targets.push({ program, key, value: target });
  }
  return targets;
}

function parseSet(value: unknown): Record<string, string> | null {
  if (!isFields(value)) return null;
  const entries = Object.entries(value);
  const valid =
    entries.length <= caps.list && entries.every(([name, text]) => name.length <= caps.name && isText(text, caps.path));
  return valid ? (Object.fromEntries(entries) as Record<string, string>) : null;
}
