/** What the Verdicts panel sends, and what it left for a reload: checked here before anything else looks at it. */
import type { VerdictsPanelState, VerdictsToHost } from '@ringside/core/model';

const most = { name: 256, path: 4096, hosts: 64, causes: 10_000 };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest;
const isIndex = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < most.causes;

/** Every kind of message with its guard; the compiler holds it complete. */
const messages: { [K in VerdictsToHost['type']]: (fields: Fields) => Extract<VerdictsToHost, { type: K }> | null } = {
  ready: () => ({ type: 'ready' }),
  cancel: () => ({ type: 'cancel' }),
  'copy-all': () => ({ type: 'copy-all' }),
  run: ({ host }) => (host === null || isText(host, most.name) ? { type: 'run', host } : null),
  log: ({ host }) => (isText(host, most.name) ? { type: 'log', host } : null),
  explore: ({ host, program }) =>
    isText(host, most.name) && isText(program, most.name) ? { type: 'explore', host, program } : null,
  source: ({ host, program, cause }) =>
    isText(host, most.name) && isText(program, most.name) && (cause === null || isIndex(cause))
      ? { type: 'source', host, program, cause }
      : null,
};

/** A message of the Verdicts panel, or null when it is not one. */
export function parseVerdictsToHost(value: unknown): VerdictsToHost | null {
  if (!isFields(value) || typeof value.type !== 'string' || !Object.hasOwn(messages, value.type)) return null;
  return messages[value.type as VerdictsToHost['type']](value);
}

/** What a panel keeps over a window reload, or null when it is not that. */
export function parseVerdictsState(value: unknown): VerdictsPanelState | null {
  if (!isFields(value) || !isText(value.file, most.path) || value.file === '' || !Array.isArray(value.hosts))
    return null;
  const hosts = value.hosts as unknown[];
  if (hosts.length === 0 || hosts.length > most.hosts) return null;
  return hosts.every((host): host is string => isText(host, most.name))
    ? { file: value.file, hosts: [...hosts] }
    : null;
}
