/** What the Maps panel sends, and what it left for a reload: checked here before anything else looks at it. */
import type {
  MapChange,
  MapLook,
  MapsPanelState,
  MapsQuery,
  MapsScope,
  MapsToHost,
  MapTarget,
} from '@ringside/core/model';
import { parseChartSpec } from './chartsGuards.ts';

const most = {
  name: 256,
  title: 1024,
  where: 16 * 1024,
  text: 256 * 1024,
  rows: 1000,
  histograms: 100,
  deleted: 10_000,
  widths: 1000,
  copy: 32 * 1024 * 1024,
};

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max;
const isCount = (value: unknown, max = Number.MAX_SAFE_INTEGER): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';

function parseTarget(value: unknown): MapTarget | null {
  if (!isFields(value) || !isText(value.host, most.name) || !isCount(value.id, 0xffff_ffff)) return null;
  return { host: value.host, id: value.id };
}

function parseScope(value: unknown): MapsScope | null {
  if (!isFields(value)) return null;
  if (value.kind === 'run') return isText(value.runId, most.name) ? { kind: 'run', runId: value.runId } : null;
  return value.kind === 'host' && isText(value.host, most.name) ? { kind: 'host', host: value.host } : null;
}

function parseLook(value: unknown): MapLook | null {
  if (!isFields(value) || !isFields(value.sort)) return null;
  const { where, split, rateOf, paused } = value;
  const { column, descending } = value.sort;
  if (!isText(where, most.where) || !isText(rateOf, most.name) || !isText(column, most.name)) return null;
  if (!isFlag(split) || !isFlag(paused) || !isFlag(descending)) return null;
  return { where, sort: { column, descending }, split, rateOf, paused };
}

function parseChange(value: unknown): MapChange | null {
  if (!isFields(value)) return null;
  switch (value.do) {
    case 'undo':
    case 'pop':
      return { do: value.do };
    case 'edit': {
      const { seq, column, text } = value;
      const valid = isCount(seq) && isText(column, most.name) && isText(text, most.text);
      return valid ? { do: 'edit', seq, column, text } : null;
    }
    case 'add': {
      const { key, value: text } = value;
      return isText(key, most.text) && isText(text, most.text) ? { do: 'add', key, value: text } : null;
    }
    case 'delete': {
      const { seqs } = value;
      if (!Array.isArray(seqs) || seqs.length > most.deleted) return null;
      return seqs.every((seq): seq is number => isCount(seq)) ? { do: 'delete', seqs: [...seqs] } : null;
    }
    default:
      return null;
  }
}

function parseQuery(value: unknown): MapsQuery | null {
  if (!isFields(value)) return null;
  if (value.ask === 'list') return isCount(value.at) ? { ask: 'list', at: value.at } : { ask: 'list' };
  const target = parseTarget(value.target);
  if (target === null) return null;
  const { first, count, scale, seq } = value;
  switch (value.ask) {
    case 'rows': {
      const look = parseLook(value.look);
      if (look === null || !isCount(first) || !isCount(count, most.rows)) return null;
      return { ask: 'rows', target, look, first, count };
    }
    case 'entry':
      return isCount(seq) ? { ask: 'entry', target, seq } : null;
    case 'histograms': {
      const known = scale === '' || scale === 'log2' || scale === 'linear';
      if (!known || !isCount(first) || !isCount(count, most.histograms)) return null;
      return { ask: 'histograms', target, scale, first, count };
    }
    case 'change': {
      const change = parseChange(value.change);
      return change === null ? null : { ask: 'change', target, change };
    }
    default:
      return null;
  }
}

/** Every kind of message with its guard; the compiler holds it complete. */
const messages: { [K in MapsToHost['type']]: (fields: Fields) => Extract<MapsToHost, { type: K }> | null } = {
  ready: () => ({ type: 'ready' }),
  reconnect: () => ({ type: 'reconnect' }),
  chart: ({ chart: asked }) => {
    const chart = parseChartSpec(asked);
    return chart === null ? null : { type: 'chart', chart };
  },
  copy: ({ text }) => (isText(text, most.copy) ? { type: 'copy', text } : null),
  state: (fields) => {
    const state = parseMapsState(fields.state);
    return state === null ? null : { type: 'state', state };
  },
  // Writes have numbers below zero.
  ask: ({ id, query: asked }) => {
    const query = parseQuery(asked);
    return query === null || !Number.isSafeInteger(id) ? null : { type: 'ask', id: id as number, query };
  },
};

/** A message of the Maps panel, or null when it is not one. */
export function parseMapsToHost(value: unknown): MapsToHost | null {
  if (!isFields(value) || typeof value.type !== 'string' || !Object.hasOwn(messages, value.type)) return null;
  return messages[value.type as MapsToHost['type']](value);
}

/** What a panel keeps over a window reload, or null when it is not that. */
export function parseMapsState(value: unknown): MapsPanelState | null {
  if (!isFields(value)) return null;
  const { title, map, view, widths } = value;
  const scope = parseScope(value.scope);
  const look = parseLook(value.look);
  if (scope === null || look === null || !isText(title, most.title) || !isText(map, most.name)) return null;
  if (view !== 'table' && view !== 'histogram' && view !== '') return null;
  if (!isFields(widths)) return null;
  const kept = Object.entries(widths).filter(
    (entry): entry is [string, number] => entry[0].length <= most.name && isCount(entry[1], 10_000),
  );
  return {
    scope,
    title,
    target: parseTarget(value.target),
    map,
    look,
    widths: Object.fromEntries(kept.slice(0, most.widths)),
    view,
  };
}
