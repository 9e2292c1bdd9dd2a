import type { HostOutcome } from '@ringside/core/model';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const states: readonly unknown[] = [
  'waiting',
  'running',
  'done',
  'failed',
  'cancelled',
] satisfies HostOutcome<unknown>['state'][];

/** Checks the shape of a host's outcome as far as a page relies on it; `isReport` checks what the host answered. */
export function isHostOutcome(value: unknown, isReport: (report: unknown) => boolean): boolean {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['step'] === 'string' &&
    states.includes(value['state']) &&
    (value['report'] === null || isReport(value['report'])) &&
    (value['error'] === null || isError(value['error'])) &&
    (value['checkedAt'] === null || Number.isFinite(value['checkedAt']))
  );
}

const isError = (value: unknown): boolean =>
  isObject(value) && ['code', 'message', 'remedy', 'detail'].every((name) => typeof value[name] === 'string');
