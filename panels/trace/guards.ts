import type { Bookmark, ColourRule, PanelState, ToPanel, TraceLayout } from '@ringside/core/model';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

/**
 * Checks a message's shape as far as the panel relies on it. Anything else that arrives in the page (other frames,
 * developer tools, a newer host) gives null and is ignored.
 */
export function toPanel(data: unknown): ToPanel | null {
  if (!isObject(data)) return null;
  switch (data['type']) {
    case 'init':
      return (data['run'] === null || isRun(data['run'])) && isObject(data['state']) ? (data as ToPanel) : null;
    case 'run':
      return isRun(data['run']) ? (data as ToPanel) : null;
    case 'rows':
      return isCount(data['id']) && isPage(data['page']) ? (data as ToPanel) : null;
    case 'detail':
      return isCount(data['id']) && (data['detail'] === null || isDetail(data['detail'])) ? (data as ToPanel) : null;
    case 'completions':
      return isCount(data['id']) && isObject(data['completions']) && Array.isArray(data['completions']['items'])
        ? (data as ToPanel)
        : null;
    case 'answer':
      return isCount(data['id']) && (data['answer'] === null || isObject(data['answer'])) ? (data as ToPanel) : null;
    case 'found':
      return isCount(data['id']) && isFound(data['found']) ? (data as ToPanel) : null;
    case 'groups':
      return isCount(data['id']) && isGroups(data['page']) ? (data as ToPanel) : null;
    case 'failed':
      return isCount(data['id']) && isError(data['error']) ? (data as ToPanel) : null;
    default:
      return null;
  }
}

function isError(value: unknown): boolean {
  return isObject(value) && isText(value['message']) && isText(value['remedy']) && isText(value['detail']);
}

function isRun(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['id']) &&
    isText(value['name']) &&
    isText(value['state']) &&
    isTexts(value['hosts']) &&
    isCount(value['rate']) &&
    Array.isArray(value['attachments']) &&
    Array.isArray(value['leftOut']) &&
    Array.isArray(value['kept']) &&
    Array.isArray(value['schemas']) &&
    Array.isArray(value['programs']) &&
    isObject(value['ledger']) &&
    Array.isArray(value['ledger']['streams'])
  );
}

function isPage(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['runId']) &&
    isText(value['stream']) &&
    isText(value['where']) &&
    isCount(value['first']) &&
    isCount(value['matching']) &&
    isCount(value['stored']) &&
    isCount(value['delivered']) &&
    Array.isArray(value['columns']) &&
    value['columns'].every((column) => isObject(column) && isText(column['id']) && isText(column['title'])) &&
    Array.isArray(value['rows']) &&
    value['rows'].every((row) => isObject(row) && isCount(row['seq']) && isTexts(row['cells'])) &&
    (value['filterError'] === null || isError(value['filterError']))
  );
}

function isFound(value: unknown): boolean {
  if (!isObject(value) || !isCount(value['matches'])) return false;
  const { row } = value;
  return row === null || (isObject(row) && isCount(row['seq']) && isCount(row['index']) && isCount(row['evicted']));
}

function isGroups(value: unknown): boolean {
  if (!isObject(value) || !isCount(value['counted']) || !isCount(value['missed'])) return false;
  if (value['error'] !== null && !isError(value['error'])) return false;
  const { data } = value;
  if (data === null) return true;
  return (
    isObject(data) &&
    Array.isArray(data['by']) &&
    Array.isArray(data['fields']) &&
    isCount(data['groups']) &&
    isCount(data['restRows']) &&
    Array.isArray(data['rows']) &&
    data['rows'].every(
      (row) => isObject(row) && isTexts(row['texts']) && Array.isArray(row['values']) && Array.isArray(row['measures']),
    )
  );
}

function isDetail(value: unknown): boolean {
  return isObject(value) && isCount(value['seq']) && Array.isArray(value['fields']) && isText(value['hex']);
}

export const EMPTY_STATE: PanelState = {
  ...{ runId: '', stream: '', where: '', hidden: [], widths: {}, spec: null },
  colours: [],
  bookmarks: [],
};

/** A state that this panel once stored, possibly by an older version: what does not fit is left out. */
export function panelState(value: unknown): PanelState {
  if (!isObject(value)) return EMPTY_STATE;
  const widths = isObject(value['widths'])
    ? Object.fromEntries(
        Object.entries(value['widths']).filter((entry): entry is [string, number] => isCount(entry[1])),
      )
    : {};
  return {
    runId: isText(value['runId']) ? value['runId'] : '',
    stream: isText(value['stream']) ? value['stream'] : '',
    where: isText(value['where']) ? value['where'] : '',
    hidden: isTexts(value['hidden']) ? value['hidden'] : [],
    widths,
    ...(isLayout(value['layout']) && { layout: value['layout'] }),
    spec: isObject(value['spec']) ? (value['spec'] as unknown as PanelState['spec']) : null,
    colours: list(value['colours'], isRule),
    bookmarks: list(value['bookmarks'], isBookmark),
  };
}

function list<T>(value: unknown, is: (item: unknown) => item is T): T[] {
  return Array.isArray(value) ? value.filter(is) : [];
}

function isRule(value: unknown): value is ColourRule {
  return isObject(value) && isText(value['where']) && isText(value['colour']) && typeof value['on'] === 'boolean';
}

function isBookmark(value: unknown): value is Bookmark {
  if (!isObject(value) || !isText(value['stream']) || !isCount(value['seq']) || !isText(value['note'])) return false;
  return isText(value['time']) && /^\d{1,20}$/.test(value['time']);
}

function isLayout(value: unknown): value is TraceLayout {
  if (!isObject(value)) return false;
  const { sort, order, pinned, derived, formats, groups } = value;
  return (
    Array.isArray(sort) &&
    sort.every((one) => isObject(one) && isText(one['column']) && typeof one['descending'] === 'boolean') &&
    isTexts(order) &&
    isTexts(pinned) &&
    Array.isArray(derived) &&
    derived.every((one) => isObject(one) && isText(one['expr']) && isText(one['title'])) &&
    isObject(formats) &&
    Object.values(formats).every(isText) &&
    (groups === null || isGroupChoice(groups))
  );
}

function isGroupChoice(value: unknown): boolean {
  if (!isObject(value) || !isTexts(value['by']) || !isCount(value['top']) || !isObject(value['sort'])) return false;
  const { measures } = value;
  return Array.isArray(measures) && measures.every((one) => isObject(one) && isText(one['of']) && isText(one['field']));
}
