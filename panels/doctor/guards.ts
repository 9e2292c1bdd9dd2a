import type { CheckedHost, DoctorPanelState, DoctorToPanel } from '@ringside/core/model';
import { isHostOutcome } from '../shared/hostOutcome.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string';
const statuses: readonly unknown[] = ['ok', 'warn', 'fail', 'unknown'];

/** Checks a message's shape as far as the panel relies on it; anything else that arrives in the page gives null. */
export function toDoctorPanel(data: unknown): DoctorToPanel | null {
  if (!isObject(data)) return null;
  const { type, title, hosts, host } = data;
  if (type === 'hosts' && isText(title) && Array.isArray(hosts) && hosts.every(isCheckedHost)) {
    return { type, title, hosts };
  }
  return type === 'host' && isCheckedHost(host) ? { type, host } : null;
}

const isCheckedHost = (value: unknown): value is CheckedHost => isHostOutcome(value, isReport);

function isReport(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { host, compiler, checks, features } = value;
  return (
    isObject(host) &&
    ['name', 'kernel', 'arch', 'distro'].every((name) => isText(host[name])) &&
    Number.isFinite(host['uid']) &&
    Number.isFinite(host['cpus']) &&
    Array.isArray(host['capabilities']) &&
    host['capabilities'].every(isText) &&
    (compiler === null || isObject(compiler)) &&
    Array.isArray(checks) &&
    checks.every(isCheck) &&
    isObject(features) &&
    isObject(features['attach']) &&
    Object.values(features['attach']).every((kind) => isObject(kind) && isText(kind['reason']))
  );
}

const isCheck = (value: unknown): boolean =>
  isObject(value) &&
  statuses.includes(value['status']) &&
  ['id', 'title', 'detail', 'why', 'remedy'].every((name) => isText(value[name]));

/** What this panel keeps over a window reload. */
export const doctorState = (title: string, hosts: readonly CheckedHost[]): DoctorPanelState => ({
  title,
  hosts: hosts.map(({ name }) => name),
});
