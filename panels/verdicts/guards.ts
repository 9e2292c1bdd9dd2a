import type { ProgramVerdict, VerdictsToPanel, VerifiedHost } from '@ringside/core/model';
import { isHostOutcome } from '../shared/hostOutcome.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumberOrNull = (value: unknown): boolean => value === null || Number.isFinite(value);
const verdicts: readonly unknown[] = ['accepted', 'rejected', 'skipped'] satisfies ProgramVerdict['verdict'][];

/** Checks a message's shape as far as the panel relies on it; anything else that arrives in the page gives null. */
export function toVerdictsPanel(data: unknown): VerdictsToPanel | null {
  if (!isObject(data)) return null;
  const { type, title, file, hosts, host } = data;
  if (type === 'hosts' && isText(title) && isText(file) && Array.isArray(hosts) && hosts.every(isVerifiedHost)) {
    return { type, title, file, hosts };
  }
  return type === 'host' && isVerifiedHost(host) ? { type, host } : null;
}

const isVerifiedHost = (value: unknown): value is VerifiedHost => isHostOutcome(value, isReport);

const isReport = (value: unknown): boolean =>
  isObject(value) &&
  isText(value['kernel']) &&
  Array.isArray(value['programs']) &&
  value['programs'].every(isVerdict) &&
  Array.isArray(value['notes']) &&
  value['notes'].every(isText);

const figures = ['instructions', 'processed', 'limitPercent', 'totalStates', 'stackBytes', 'verifyMicros'] as const;

function isVerdict(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { name, section, verdict, reason, stats } = value;
  return (
    isText(name) &&
    isText(section) &&
    verdicts.includes(verdict) &&
    (reason === null || isReason(reason)) &&
    isObject(stats) &&
    figures.every((figure) => isNumberOrNull(stats[figure]))
  );
}

const isPlace = (value: unknown): boolean =>
  isObject(value) && isText(value['file']) && isText(value['message']) && Number.isFinite(value['line']);

const isKernelReport = (value: unknown): boolean => isObject(value) && isText(value['title']) && isText(value['text']);

const isReason = (value: unknown): boolean =>
  isPlace(value) &&
  isObject(value) &&
  isText(value['title']) &&
  isText(value['category']) &&
  isText(value['kernelSuggestion']) &&
  (value['kernelReport'] === undefined || isKernelReport(value['kernelReport'])) &&
  Array.isArray(value['cause']) &&
  value['cause'].every(isPlace) &&
  Array.isArray(value['fixes']) &&
  value['fixes'].every((fix) => isObject(fix) && isText(fix['title']));
