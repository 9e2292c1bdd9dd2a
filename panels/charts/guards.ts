import type { ChartsState, ChartSpec, ChartsToPanel } from '@ringside/core/model';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Checks a message's shape as far as the panel relies on it; anything else gives null and is ignored. */
export function chartsToPanel(data: unknown): ChartsToPanel | null {
  if (!isObject(data)) return null;
  switch (data['type']) {
    case 'init':
      return (data['run'] === null || isRun(data['run'])) &&
        isObject(data['state']) &&
        Array.isArray(data['costs']) &&
        Array.isArray(data['notes'])
        ? (data as ChartsToPanel)
        : null;
    case 'run':
      return isRun(data['run']) && (data['cost'] === null || isObject(data['cost'])) ? (data as ChartsToPanel) : null;
    case 'add':
      return isChart(data['chart']) ? (data as ChartsToPanel) : null;
    case 'summary':
      return isCount(data['id']) && isPage(data['page']) ? (data as ChartsToPanel) : null;
    case 'failed':
      return isCount(data['id']) && isObject(data['error']) && isText(data['error']['message'])
        ? (data as ChartsToPanel)
        : null;
    default:
      return null;
  }
}

function isRun(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['id']) &&
    isText(value['name']) &&
    isText(value['state']) &&
    Array.isArray(value['hosts']) &&
    Array.isArray(value['schemas']) &&
    Array.isArray(value['programs'])
  );
}

function isPage(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['state']) &&
    isCount(value['counted']) &&
    isCount(value['missed']) &&
    (value['data'] === null || (isObject(value['data']) && isText(value['data']['kind'])))
  );
}

function isChart(value: unknown): value is ChartSpec {
  return (
    isObject(value) &&
    isText(value['id']) &&
    isText(value['look']) &&
    isText(value['title']) &&
    isObject(value['source'])
  );
}

/** A state that was stored, possibly by an older version: charts that are none are left out. */
export function chartsState(value: unknown): ChartsState {
  const state = isObject(value) ? value : {};
  return {
    runId: isText(state['runId']) ? state['runId'] : '',
    file: isText(state['file']) ? state['file'] : '',
    charts: Array.isArray(state['charts']) ? (state['charts'] as unknown[]).filter(isChart) : [],
  };
}
