/** What the kernel holds of BPF, by bpftool: tests compare before and after. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const bpftool = ['/usr/sbin/bpftool', '/usr/bin/bpftool', '/usr/local/sbin/bpftool'].find((p) => existsSync(p));

interface BpfState {
  programs: number[];
  links: number[];
  maps: number[];
}

function ids(kind: 'prog' | 'link' | 'map'): number[] {
  if (!bpftool) throw new Error('bpftool is missing: npm run setup installs it');
  const list = JSON.parse(execFileSync(bpftool, ['-j', kind, 'list'], { encoding: 'utf8' })) as { id: number }[];
  return list.map((e) => e.id);
}

export const bpfState = (): BpfState => ({ programs: ids('prog'), links: ids('link'), maps: ids('map') });

/** Programs, links and maps that were not there before. */
export function newSince(before: BpfState): BpfState {
  const now = bpfState();
  const added = (a: number[], b: number[]): number[] => a.filter((id) => !b.includes(id));
  return {
    programs: added(now.programs, before.programs),
    links: added(now.links, before.links),
    maps: added(now.maps, before.maps),
  };
}

/** Waits until nothing is there that was not before; gives what is left when the time is over. */
export async function settled(before: BpfState, timeoutMs: number): Promise<BpfState> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const left = newSince(before);
    const clean = left.programs.length + left.links.length + left.maps.length === 0;
    if (clean || performance.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export const nothing: BpfState = { programs: [], links: [], maps: [] };
