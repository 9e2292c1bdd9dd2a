/** What the trace panel sends about rows beyond pages of them: questions, colour rules, bookmarks. */
import type { Bookmark, ColourRule, PanelState, Remedy, RowColour, RowsView, TraceAsk } from '@ringside/core/model';
import { parseSummarySpec } from './chartsGuards.ts';
import { isCount, isFields, isText, type Guard } from './guardParts.ts';
import { parseSort } from './lookGuards.ts';

export const rowCaps = {
  name: 256,
  where: 4096,
  view: 16 * 1024,
  rules: 50,
  bookmarks: 500,
  note: 1000,
  ranges: 10_000,
};
const colours: readonly string[] = ['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'grey'];
const remedies: readonly string[] = ['ring', 'store', 'recording', 'globals', 'log'];

export const isRemedy = (value: unknown): value is Remedy => typeof value === 'string' && remedies.includes(value);

export const parseTraceAsk: Guard<TraceAsk> = (value) => {
  if (!isFields(value)) return null;
  const { ask, stream, where } = value;
  switch (ask) {
    case 'places': {
      const view = parseView(value.view);
      const seqs = value.seqs;
      if (view === null || !Array.isArray(seqs) || seqs.length > rowCaps.bookmarks) return null;
      return seqs.every((seq): seq is number => isCount(seq)) ? { ask, view, seqs } : null;
    }
    case 'measure': {
      const view = parseView(value.view);
      const ranges = list(value.ranges, rowCaps.ranges, parseRange);
      const { evicted, from } = value;
      return view === null || ranges === null || !isCount(evicted) || !isCount(from)
        ? null
        : { ask, view, evicted, ranges, from };
    }
    case 'check':
      return isText(stream, rowCaps.name) && isText(where, rowCaps.view) ? { ask, stream, where } : null;
    case 'summary': {
      const spec = parseSummarySpec(value.spec);
      if (spec === null || !isText(stream, rowCaps.name) || !isText(where, rowCaps.view)) return null;
      return isCount(value.since) ? { ask, stream, where, spec, since: value.since } : null;
    }
    default:
      return null;
  }
};

const parseView: Guard<RowsView> = (value) => {
  if (!isFields(value) || !isText(value.stream, rowCaps.name) || !isText(value.where, rowCaps.view)) return null;
  const sort = value.sort === undefined ? undefined : parseSort(value.sort);
  return sort === null ? null : { stream: value.stream, where: value.where, ...(sort && { sort }) };
};

const parseRange: Guard<{ from: number; to: number }> = (value) =>
  isFields(value) && isCount(value.from) && isCount(value.to) && value.from <= value.to
    ? { from: value.from, to: value.to }
    : null;

export const parseColourRule: Guard<ColourRule> = (value) => {
  if (!isFields(value) || !isText(value.where, rowCaps.where) || typeof value.on !== 'boolean') return null;
  if (typeof value.colour !== 'string' || !colours.includes(value.colour)) return null;
  return { where: value.where, colour: value.colour as RowColour, on: value.on };
};

export const parseBookmark: Guard<Bookmark> = (value) => {
  if (!isFields(value)) return null;
  const { stream, seq, time, note } = value;
  if (!isText(stream, rowCaps.name) || !isCount(seq) || !isText(note, rowCaps.note)) return null;
  return isText(time, 24) && /^\d+$/.test(time) ? { stream, seq, time, note } : null;
};

/** Colour rules and bookmarks of a panel's state; those that are none are left out, as they may be of an older version. */
export function parseRowTools({
  colours: rules,
  bookmarks,
}: Partial<Record<keyof PanelState, unknown>>): Pick<PanelState, 'colours' | 'bookmarks'> {
  return {
    ...(Array.isArray(rules) && { colours: known(rules, rowCaps.rules, parseColourRule) }),
    ...(Array.isArray(bookmarks) && { bookmarks: known(bookmarks, rowCaps.bookmarks, parseBookmark) }),
  };
}

export function known<T>(values: readonly unknown[], most: number, parse: Guard<T>): T[] {
  return values.slice(0, most).flatMap((value) => parse(value) ?? []);
}

function list<T>(value: unknown, most: number, parse: Guard<T>): T[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const parsed = value.map(parse);
  return parsed.every((item) => item !== null) ? parsed : null;
}
