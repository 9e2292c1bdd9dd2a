/** Taking away what others have attached or pinned on a host. */
import type { AgentClient } from '../agent/client.ts';
import { RingsideError } from '../errors.ts';
import type { LinkItem, Takeable } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';

/** What would have to go for this attachment to be gone; null for what has neither a link nor a place that is known. */
export function takeableLink({ id, kind, program, target, details }: LinkItem): Takeable | null {
  if (id !== null) return { kind: 'link', link: id, program: program?.id ?? 0 };
  const mode = details['mode'] ?? details['direction'];
  if ((kind !== 'xdp' && kind !== 'tc') || program === null || mode === undefined) return null;
  const number = (name: string): number => Number(details[name] ?? 0);
  const place = { ifindex: number('ifindex'), handle: number('handle'), priority: number('priority') };
  return { kind: 'hook', hook: kind, mode, target, program: program.id, ...place };
}

/**
 * Takes it away, and nothing that took its place meanwhile.
 * Errors: not-there, held-by-process, bad-value (it is Ringside's own), no-permission, read-only.
 */
export async function takeAway(agent: AgentClient, what: Takeable, call: CallOptions): Promise<void> {
  await agent.request({ case: 'takeAway', value: request(what) }, 'empty', call);
}

function request(what: Takeable) {
  switch (what.kind) {
    case 'link':
      return { what: { case: 'linkId' as const, value: what.link }, id: what.program };
    case 'pin':
      return { what: { case: 'pin' as const, value: what.path }, kind: what.of, id: what.id };
    case 'hook': {
      const { hook, ifindex, mode, handle, priority, program, target } = what;
      const iface = target.split(' ')[0] ?? '';
      const value = { kind: hook, ifindex, iface, mode, handle, priority, programId: program };
      return { what: { case: 'hook' as const, value } };
    }
  }
}

/** What a person types for it: a link's number, a pin's path, or an interface, "eth0" or "eth0:tc" or "eth0:tc:ingress". */
export function namedTakeable(name: string, inventory: Inventory): { what: Takeable; words: string } {
  if (name.startsWith('/')) return pinNamed(name, inventory);
  const found = inventory.links
    .filter((link) => isNamed(link, name))
    .flatMap((link) => {
      const what = takeableLink(link);
      return what === null ? [] : [{ what, words: linkWords(link) }];
    });
  const [first, ...more] = found;
  if (first === undefined)
    throw new RingsideError('not-there', `Nothing that is attached is called ${name}.`, {
      remedy: 'Name the number of a link, a path in bpffs, or an interface: `ringside links HOST` lists what there is.',
    });
  if (more.length > 0)
    throw new RingsideError('usage', `${name} is more than one thing: ${found.map(({ words }) => words).join('; ')}.`, {
      remedy: 'Say which, as in eth0:xdp, eth0:tc:ingress, or by the number of its link.',
    });
  return first;
}

interface Inventory {
  programs: readonly { id: number; name: string; pins: string[] }[];
  maps: readonly { id: number; name: string; pins: string[] }[];
  links: readonly LinkItem[];
}

function isNamed(link: LinkItem, name: string): boolean {
  if (/^\d+$/.test(name)) return link.id === Number(name);
  const [iface, kind, mode] = name.split(':');
  const [of, where] = link.target.split(' ');
  if (link.details['ifindex'] === undefined || of !== iface) return false;
  return (kind === undefined || link.kind === kind) && (mode === undefined || where === mode);
}

function pinNamed(path: string, { programs, maps, links }: Inventory): { what: Takeable; words: string } {
  const of = (kind: 'program' | 'map' | 'link', all: readonly { id: number | null; pins: string[] }[]) =>
    all.flatMap(({ id, pins }) => (id !== null && pins.includes(path) ? [{ kind, id }] : []));
  const [found] = [...of('program', programs), ...of('map', maps), ...of('link', links)];
  if (found === undefined)
    throw new RingsideError('not-there', `Nothing is pinned at ${path}.`, {
      remedy: 'The lists of programs, maps and links have the pins of each.',
    });
  return {
    what: { kind: 'pin', path, of: found.kind, id: found.id },
    words: `pin ${path} of ${found.kind} ${found.id}`,
  };
}

/** "xdp on eth0 generic of prog (12)" */
function linkWords({ id, kind, target, program }: LinkItem): string {
  const what = id === null ? kind : `link ${id} (${kind})`;
  const where = target === '' ? '' : ` on ${target}`;
  return `${what}${where}${program === null ? '' : ` of ${program.name || 'program'} (${program.id})`}`;
}
