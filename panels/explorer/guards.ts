import type { ExplorationInfo, ExplorerTarget, ExplorerToPanel } from '@ringside/core/model';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => Number.isInteger(value);
const isNumberOrNull = (value: unknown): boolean => value === null || Number.isFinite(value);

/** Checks a message's shape as far as the panel relies on it; anything else that arrives in the page gives null. */
export function toExplorerPanel(data: unknown): ExplorerToPanel | null {
  if (!isObject(data)) return null;
  const { type, id, title, info, step, target, noFix, canVerify, error } = data;
  switch (type) {
    case 'opened':
      return isText(title) && isTarget(target) && isInfo(info) && isNumber(step) && isText(noFix)
        ? { type, title, target, info, step, noFix, canVerify: canVerify === true }
        : null;
    case 'compared':
      return isText(title) && (info === null || isInfo(info)) ? { type, title, info } : null;
    case 'answer':
      return isNumber(id) ? { type, id, value: data['value'] } : null;
    case 'failed':
      return isNumber(id) && isError(error) ? { type, id, error } : null;
    case 'go':
      return isNumber(step) ? { type, step } : null;
    case 'error':
      return isError(error) ? { type, error } : null;
    default:
      return null;
  }
}

type ErrorData = Extract<ExplorerToPanel, { type: 'error' }>['error'];
const isError = (value: unknown): value is ErrorData =>
  isObject(value) && isText(value['code']) && isText(value['message']) && isText(value['remedy']);

const isTarget = (value: unknown): value is ExplorerTarget =>
  isObject(value) &&
  isText(value['log']) &&
  (value['record'] === null || isText(value['record'])) &&
  isText(value['program']);

function isInfo(value: unknown): value is ExplorationInfo {
  if (!isObject(value)) return false;
  const { id, parts, part, steps, lines, paths, end, sources, reason, host, kernel, file, processed, limit } = value;
  return (
    [id, part, steps, lines, paths, end].every(isNumber) &&
    [host, kernel, file].every(isText) &&
    [processed, limit].every(isNumberOrNull) &&
    Array.isArray(parts) &&
    parts.every((one) => isObject(one) && isText(one['program']) && isText(one['verdict'])) &&
    Array.isArray(sources) &&
    sources.every((one) => isObject(one) && isText(one['name'])) &&
    (reason === null || isReason(reason))
  );
}

const isPlace = (value: unknown): boolean =>
  isObject(value) && isText(value['file']) && isText(value['message']) && Number.isFinite(value['line']);

const isKernelReport = (value: unknown): boolean => value === undefined || (isObject(value) && isText(value['text']));

const isReason = (value: unknown): boolean =>
  isPlace(value) &&
  isObject(value) &&
  isText(value['title']) &&
  isText(value['kernelSuggestion']) &&
  isKernelReport(value['kernelReport']) &&
  Array.isArray(value['cause']) &&
  value['cause'].every(isPlace) &&
  Array.isArray(value['fixes']) &&
  value['fixes'].every((fix) => isObject(fix) && isText(fix['title']));
