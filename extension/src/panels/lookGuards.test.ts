import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindAsk, RowFind, RowSort, RowsLook, SummaryQuery, TraceLayout } from '@ringside/core/model';
import type { Guard } from './guardParts.ts';
import {
  lookCaps,
  parseFind,
  parseFindAsk,
  parseGroupsQuery,
  parseLayout,
  parseLook,
  parseShown,
  parseSort,
} from './lookGuards.ts';
import { parsePanelState, parseToHost } from './panelGuards.ts';

const sort: RowSort = { by: [{ column: 'pid', descending: true }], until: 7 };
const look: RowsLook = { derived: [{ expr: 'ret * 2', title: 'twice' }], formats: { ret: 'hex', '@time': 'iso' } };
const find: RowFind = { text: 'ngin', by: 'text', columns: ['comm'] };
const ask: FindAsk = { stream: 'events', where: 'ret < 0', from: -1, evicted: 0, direction: -1, sort, look, find };
const groups: SummaryQuery = {
  ...{ runId: 'r', stream: 'events', where: '', since: 0 },
  spec: {
    ...{ kind: 'groups', by: ['comm'], measures: [{ of: 'p95', field: 'ret' }], order: 0, top: 50 },
    sort: { by: 'key', at: 0, descending: false },
  },
};
const layout: TraceLayout = {
  ...{ sort: sort.by, order: ['comm', 'pid'], pinned: ['comm'], ...look },
  groups: {
    by: ['comm'],
    measures: [{ of: 'count', field: '' }],
    sort: { by: 'measure', at: 0, descending: true },
    top: 9,
  },
};

const GUARDS: [string, Guard<object>, object][] = [
  ['sort', parseSort, sort],
  ['look', parseLook, look],
  ['find', parseFind, find],
  ['shown', parseShown, { sort, look, find }],
  ['ask', parseFindAsk, ask],
  ['groups', parseGroupsQuery, groups],
  ['layout', parseLayout, layout],
];

/** Every place in a value, as the way to it. */
function places(value: unknown, way: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...way, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const name = (length: number): string => 'x'.repeat(length);
const many = <T>(count: number, item: T): T[] => new Array<T>(count).fill(item);

describe.each(GUARDS)('the guard of %s', (_name, guard, whole) => {
  it('takes what is whole, without properties that it does not know', () => {
    expect(guard(whole)).toEqual(whole);
    expect(guard({ ...whole, more: 1 })).toEqual(whole);
  });

  it('refuses it with any one part replaced by something of another kind', () => {
    for (const way of places(whole)) {
      // A part of a question that is undefined is left out; a layout without groups is one, too.
      for (const wrong of [Symbol('none'), Number.NaN, () => 1]) expect(guard(replaced(whole, way, wrong))).toBeNull();
    }
  });

  it('gives null or what it would take again, and throws for no JSON', () => {
    const ways = fc.constantFrom(...places(whole));
    fc.assert(
      fc.property(ways, fc.jsonValue({ maxDepth: 3 }), (way, value) => {
        const parsed = guard(replaced(whole, way, value));
        if (parsed !== null) expect(guard(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
      }),
    );
    fc.assert(fc.property(fc.anything(), (value) => void guard(value)));
  });
});

describe('too much', () => {
  const order = { column: 'a', descending: false };
  const measure = { of: 'count', field: '' };
  const formats = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 'hex']));
  it.each<[string, Guard<object>, object, unknown[]]>([
    ['columns to sort by', parseLayout, layout, ['sort', many(lookCaps.orders, order), order]],
    ['columns', parseLayout, layout, ['order', many(lookCaps.columns, 'a'), 'a']],
    ['pinned columns', parseLayout, layout, ['pinned', many(lookCaps.columns, 'a'), 'a']],
    [
      'derived columns',
      parseLook,
      look,
      ['derived', many(lookCaps.derived, { expr: 'a', title: '' }), { expr: 'a', title: '' }],
    ],
    ['columns to search', parseFind, find, ['columns', many(lookCaps.columns, 'a'), 'a']],
    ['columns to group by', parseLayout, layout, ['groups.by', many(lookCaps.by, 'a'), 'a']],
    ['measures', parseLayout, layout, ['groups.measures', many(lookCaps.measures, measure), measure]],
  ])('%s', (_name, guard, whole, [path, most, one]) => {
    const way = String(path).split('.');
    expect(guard(replaced(whole, way, most))).not.toBeNull();
    expect(guard(replaced(whole, way, [...(most as unknown[]), one]))).toBeNull();
  });

  it.each<[string, Guard<object>, object, string, number]>([
    ['text to search', parseFind, find, 'text', lookCaps.find],
    ['expression', parseLook, look, 'derived.0.expr', lookCaps.expr],
    ['title', parseLook, look, 'derived.0.title', lookCaps.title],
    ['column', parseSort, sort, 'by.0.column', lookCaps.column],
    ['filter', parseFindAsk, ask, 'where', lookCaps.where],
    ['stream', parseFindAsk, ask, 'stream', lookCaps.name],
  ])('%s', (_name, guard, whole, path, most) => {
    expect(guard(replaced(whole, path.split('.'), name(most)))).not.toBeNull();
    expect(guard(replaced(whole, path.split('.'), name(most + 1)))).toBeNull();
  });

  it('formats, and columns with longer names than there are', () => {
    expect(parseLook({ ...look, formats: formats(lookCaps.columns) })).not.toBeNull();
    expect(parseLook({ ...look, formats: formats(lookCaps.columns + 1) })).toBeNull();
    expect(parseLook({ ...look, formats: { [name(lookCaps.column + 1)]: 'hex' } })).toBeNull();
    expect(parseLayout({ ...layout, groups: { ...layout.groups, top: lookCaps.top + 1 } })).toBeNull();
  });
});

describe('what has no meaning', () => {
  it.each<[string, Guard<object>, unknown]>([
    ['an order of nothing', parseSort, { ...sort, by: [] }],
    ['a format that there is not', parseLook, { ...look, formats: { ret: 'toString' } }],
    ['groups by nothing', parseLayout, { ...layout, groups: { ...layout.groups, by: [] } }],
    ['groups without measures', parseLayout, { ...layout, groups: { ...layout.groups, measures: [] } }],
    ['groups of which none shows', parseLayout, { ...layout, groups: { ...layout.groups, top: 0 } }],
    ['another way to search', parseFind, { ...find, by: 'regex' }],
    ['a search for nothing', parseFindAsk, { ...ask, find: undefined }],
    ['a direction of two', parseFindAsk, { ...ask, direction: 2 }],
    ['another summary', parseGroupsQuery, { ...groups, spec: { kind: 'histogram', field: 'ret', scale: 'log2' } }],
  ])('%s is refused', (_name, guard, value) => {
    expect(guard(value)).toBeNull();
  });
});

it('the panel’s messages are held to these guards', () => {
  const query = { runId: 'r', stream: '', where: '', first: 0, count: 10 };
  expect(parseToHost({ type: 'rows', id: 1, query: { ...query, sort, look, find } })).toEqual({
    ...{ type: 'rows', id: 1, query: { ...query, sort, look, find } },
  });
  expect(parseToHost({ type: 'rows', id: 1, query: { ...query, sort: { ...sort, by: [] } } })).toBeNull();
  expect(parseToHost({ type: 'find', id: 1, runId: 'r', ask })).toEqual({ type: 'find', id: 1, runId: 'r', ask });
  expect(parseToHost({ type: 'find', id: 1, runId: 'r', ask: { ...ask, from: -2 } })).toBeNull();
  expect(parseToHost({ type: 'groups', id: 1, query: groups })).toEqual({ type: 'groups', id: 1, query: groups });
  const state = { runId: 'r', stream: '', where: '', hidden: [], widths: {}, spec: null };
  expect(parsePanelState({ ...state, layout })).toEqual({ ...state, layout });
  expect(parsePanelState({ ...state, layout: { ...layout, sort: 'pid' } })).toEqual(state);
});
