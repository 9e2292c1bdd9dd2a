/** Groups of hosts, as the setting ringside.hostGroups says them: a name, and patterns in which `*` stands for any text. */
import { matchesHost } from '@ringside/core/rpc';

export interface HostGroup {
  name: string;
  hosts: string[];
}

/** What a person wrote may be anything: what is no list of texts is left out. */
function entriesOf(groups: unknown): [string, string[]][] {
  if (typeof groups !== 'object' || groups === null) return [];
  return Object.entries(groups).flatMap(([name, patterns]: [string, unknown]) =>
    Array.isArray(patterns)
      ? [[name, patterns.filter((one): one is string => typeof one === 'string')] as [string, string[]]]
      : [],
  );
}

/** Hosts that groups name in full: they need not stand in the ssh config. */
export const namedInGroups = (groups: unknown): string[] =>
  entriesOf(groups).flatMap(([, patterns]) => patterns.filter((pattern) => pattern !== '' && !pattern.includes('*')));

/** The groups with those of the hosts that belong to them, in the setting's order; a host may be in several. */
export function hostGroups(groups: unknown, hosts: readonly string[]): HostGroup[] {
  return entriesOf(groups).map(([name, patterns]) => ({
    name,
    hosts: hosts.filter((host) => patterns.some((pattern) => matchesHost(pattern, host))),
  }));
}
