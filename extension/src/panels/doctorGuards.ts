/** What the Doctor panel sends, and what it left for a reload: checked here before anything else looks at it. */
import type { DoctorPanelState, DoctorToHost } from '@ringside/core/model';

const most = { name: 256, hosts: 256, copy: 64 * 1024 };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max;

/** Every kind of message with its guard; the compiler holds it complete. */
const messages: { [K in DoctorToHost['type']]: (fields: Fields) => Extract<DoctorToHost, { type: K }> | null } = {
  ready: () => ({ type: 'ready' }),
  cancel: () => ({ type: 'cancel' }),
  'copy-all': () => ({ type: 'copy-all' }),
  run: ({ host }) => (host === null || isText(host, most.name) ? { type: 'run', host } : null),
  copy: ({ text }) => (isText(text, most.copy) ? { type: 'copy', text } : null),
};

/** A message of the Doctor panel, or null when it is not one. */
export function parseDoctorToHost(value: unknown): DoctorToHost | null {
  if (!isFields(value) || typeof value.type !== 'string' || !Object.hasOwn(messages, value.type)) return null;
  return messages[value.type as DoctorToHost['type']](value);
}

/** What a panel keeps over a window reload, or null when it is not that. */
export function parseDoctorState(value: unknown): DoctorPanelState | null {
  if (!isFields(value) || !isText(value.title, most.name) || !Array.isArray(value.hosts)) return null;
  const hosts = value.hosts as unknown[];
  if (hosts.length === 0 || hosts.length > most.hosts) return null;
  return hosts.every((host): host is string => isText(host, most.name))
    ? { title: value.title, hosts: [...hosts] }
    : null;
}
