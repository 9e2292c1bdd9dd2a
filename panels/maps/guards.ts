import type { MapLook, MapsPanelState, MapsScope, MapsToPanel, MapTarget } from '@ringside/core/model';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(isNumber);
const isError = (value: unknown): boolean =>
  isObject(value) && isText(value['message']) && isText(value['remedy']) && isText(value['detail']);

export const plainLook: MapLook = {
  where: '',
  sort: { column: '', descending: false },
  split: false,
  rateOf: '',
  paused: false,
};

/** Checks a message's shape as far as the panel relies on it; anything else that arrives in the page gives null. */
export function toMapsPanel(data: unknown): MapsToPanel | null {
  if (!isObject(data)) return null;
  switch (data['type']) {
    case 'init':
      return isText(data['title']) && mapsState(data['state']) !== null ? (data as unknown as MapsToPanel) : null;
    case 'answer':
      return isNumber(data['id']) && isAnswer(data['ask'], data['value']) ? (data as unknown as MapsToPanel) : null;
    case 'failed':
      return isNumber(data['id']) && isError(data['error']) ? (data as unknown as MapsToPanel) : null;
    default:
      return null;
  }
}

function isAnswer(ask: unknown, value: unknown): boolean {
  switch (ask) {
    case 'list':
      return isListing(value);
    case 'rows':
      return isPage(value);
    case 'entry':
      return value === null || isEntry(value);
    case 'histograms':
      return (
        isObject(value) &&
        isNumber(value['of']) &&
        Array.isArray(value['histograms']) &&
        value['histograms'].every(isHistogram)
      );
    case 'change':
      return isObject(value) && isText(value['text']) && isNumber(value['undo']);
    default:
      return false;
  }
}

function isListing(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['note']) &&
    (value['kept'] === undefined || isKept(value['kept'])) &&
    (value['restartable'] === undefined || value['restartable'] === true) &&
    Array.isArray(value['maps']) &&
    value['maps'].every(
      (map) =>
        isTarget(map) &&
        ['name', 'type', 'owner', 'access'].every((name) => isText((map as unknown as Record<string, unknown>)[name])),
    ) &&
    Array.isArray(value['away']) &&
    value['away'].every((one) => isObject(one) && isText(one['host']) && isError(one['error']))
  );
}

function isKept(value: unknown): boolean {
  return (
    isObject(value) &&
    isNumber(value['at']) &&
    Array.isArray(value['times']) &&
    value['times'].length > 0 &&
    value['times'].every(isNumber)
  );
}

function isTarget(value: unknown): value is MapTarget {
  return isObject(value) && isText(value['host']) && isNumber(value['id']);
}

function isPage(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { columns, rows, trouble, template } = value;
  return (
    isTarget(value['target']) &&
    isText(value['where']) &&
    ['first', 'matching', 'held', 'look', 'everyMs', 'perCpu', 'undo'].every((name) => isNumber(value[name])) &&
    isTexts(value['counters']) &&
    isText(value['readOnly']) &&
    isObject(template) &&
    (trouble === null || (isObject(trouble) && isText(trouble['kind']) && isError(trouble['error']))) &&
    (value['filterError'] === null || isError(value['filterError'])) &&
    Array.isArray(columns) &&
    columns.every(
      (column) => isObject(column) && isText(column['id']) && isText(column['title']) && isText(column['role']),
    ) &&
    Array.isArray(rows) &&
    rows.every((row) => isObject(row) && isNumber(row['seq']) && isTexts(row['cells']) && isNumbers(row['marks']))
  );
}

function isEntry(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['key']) &&
    isText(value['value']) &&
    isText(value['hex']) &&
    isTexts(value['perCpu']) &&
    Array.isArray(value['fields']) &&
    value['fields'].every(
      (one) => isObject(one) && isText(one['path']) && isText(one['text']) && isText(one['type']),
    ) &&
    Array.isArray(value['history']) &&
    value['history'].every((one) => isObject(one) && isNumber(one['at']) && isNumber(one['value']))
  );
}

function isHistogram(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['title']) &&
    Array.isArray(value['slots']) &&
    value['slots'].every(
      (slot) => isObject(slot) && isText(slot['from']) && isText(slot['to']) && isNumber(slot['share']),
    )
  );
}

function scopeOf(value: unknown): MapsScope | null {
  if (!isObject(value)) return null;
  if (value['kind'] === 'run' && isText(value['runId'])) return { kind: 'run', runId: value['runId'] };
  return value['kind'] === 'host' && isText(value['host']) ? { kind: 'host', host: value['host'] } : null;
}

function lookOf(value: unknown): MapLook {
  if (!isObject(value)) return plainLook;
  const sort = isObject(value['sort']) ? value['sort'] : {};
  return {
    where: isText(value['where']) ? value['where'] : '',
    sort: { column: isText(sort['column']) ? sort['column'] : '', descending: sort['descending'] === true },
    split: value['split'] === true,
    rateOf: isText(value['rateOf']) ? value['rateOf'] : '',
    paused: value['paused'] === true,
  };
}

/** A state that this panel once stored, possibly by an older version: what does not fit is left out; null = not one. */
export function mapsState(value: unknown): MapsPanelState | null {
  if (!isObject(value)) return null;
  const scope = scopeOf(value['scope']);
  if (scope === null) return null;
  const { target, view, widths, title, map } = value;
  return {
    scope,
    title: isText(title) ? title : '',
    target: isTarget(target) ? { host: target.host, id: target.id } : null,
    map: isText(map) ? map : '',
    look: lookOf(value['look']),
    widths: isObject(widths)
      ? Object.fromEntries(Object.entries(widths).filter((entry): entry is [string, number] => isNumber(entry[1])))
      : {},
    view: view === 'table' || view === 'histogram' ? view : '',
  };
}
