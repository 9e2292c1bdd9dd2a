/** What the Explorer panel sends, and what it left for a reload: checked here before anything else looks at it. */
import type { ExploreQuery, ExplorerTarget, ExplorerToHost } from '@ringside/core/model';

const most = { name: 512, path: 4096, search: 1000, copy: 4 << 20, number: 0xffffffff, page: 2_000 };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest;
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isNumber = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most.number;
const isNumberOrNone = (value: unknown): value is number => value === -1 || isNumber(value);
const isCount = (value: unknown): value is number => isNumber(value) && value <= most.page;

/** Every question with its guard; the compiler holds it complete. `other` is the host's business: it is replaced there. */
const queries: { [K in ExploreQuery['ask']]: (fields: Fields) => Extract<ExploreQuery, { ask: K }> | null } = {
  path: ({ step, leaf }) => (isNumber(step) && isNumberOrNone(leaf) ? { ask: 'path', step, leaf } : null),
  rows: ({ leaf, from, count }) =>
    isNumberOrNone(leaf) && isNumber(from) && isCount(count) ? { ask: 'rows', leaf, from, count } : null,
  state: ({ step }) => (isNumber(step) ? { ask: 'state', step } : null),
  set: ({ step, what }) =>
    isNumber(step) && isText(what, 16) && /^(?:r\d{1,2}|fp-\d{1,4})$/.test(what) ? { ask: 'set', step, what } : null,
  visit: ({ step, file, line, forward }) =>
    isNumber(step) && isNumberOrNone(file) && isNumber(line) && isBoolean(forward)
      ? { ask: 'visit', step, file, line, forward }
      : null,
  visits: ({ file, line, from, count }) =>
    isNumberOrNone(file) && isNumber(line) && isNumber(from) && isCount(count)
      ? { ask: 'visits', file, line, from, count }
      : null,
  tree: ({ from, count }) => (isNumber(from) && isCount(count) ? { ask: 'tree', from, count } : null),
  lines: ({ from, count }) => (isNumber(from) && isCount(count) ? { ask: 'lines', from, count } : null),
  source: ({ file }) => (isNumberOrNone(file) ? { ask: 'source', file } : null),
  search: ({ text, line, forward }) =>
    isText(text, most.search) && isNumberOrNone(line) && isBoolean(forward)
      ? { ask: 'search', text, line, forward }
      : null,
  compare: () => ({ ask: 'compare', other: 0 }),
  pairs: ({ from, count }) => (isNumber(from) && isCount(count) ? { ask: 'pairs', other: 0, from, count } : null),
  pairOf: ({ step }) => (isNumber(step) ? { ask: 'pairOf', other: 0, step } : null),
};

function parseQuery(value: unknown): ExploreQuery | null {
  if (!isFields(value) || typeof value.ask !== 'string' || !Object.hasOwn(queries, value.ask)) return null;
  return queries[value.ask as ExploreQuery['ask']](value);
}

const messages: { [K in ExplorerToHost['type']]: (fields: Fields) => Extract<ExplorerToHost, { type: K }> | null } = {
  ready: () => ({ type: 'ready' }),
  ask: ({ id, side, query }) => {
    const parsed = parseQuery(query);
    return isNumber(id) && (side === 0 || side === 1) && parsed !== null
      ? { type: 'ask', id, side, query: parsed }
      : null;
  },
  open: ({ program }) => (isText(program, most.name) ? { type: 'open', program } : null),
  fix: ({ fix }) => (isNumber(fix) && fix < 100 ? { type: 'fix', fix } : null),
  source: ({ file, line, column }) =>
    isNumber(file) && isNumber(line) && isNumber(column) ? { type: 'source', file, line, column } : null,
  log: () => ({ type: 'log' }),
  copy: ({ text }) => (isText(text, most.copy) ? { type: 'copy', text } : null),
  link: ({ step }) => (isNumber(step) ? { type: 'link', step } : null),
  compare: () => ({ type: 'compare' }),
  'compare-end': () => ({ type: 'compare-end' }),
  verify: () => ({ type: 'verify' }),
  whole: () => ({ type: 'whole' }),
};

/** A message of the Explorer panel, or null when it is not one. */
export function parseExplorerToHost(value: unknown): ExplorerToHost | null {
  if (!isFields(value) || typeof value.type !== 'string' || !Object.hasOwn(messages, value.type)) return null;
  return messages[value.type as ExplorerToHost['type']](value);
}

/** What a panel keeps over a window reload, or null when it is not that. */
export function parseExplorerTarget(value: unknown): ExplorerTarget | null {
  if (!isFields(value)) return null;
  const { log, record, program } = value;
  if (!isText(log, most.path) || log === '' || !isText(program, most.name)) return null;
  return record === null || isText(record, most.path) ? { log, record, program } : null;
}
