/** What the Hosts view says of a connected host. */
import type { HostInfo } from '@ringside/core/model';

/** Percent of one CPU: "0.4 %", "< 0.1 %"; "?" where it is not known, never 0. */
export function loadText(load: number | null): string {
  if (load === null) return '?';
  if (load > 0 && load < 0.05) return '< 0.1 %';
  return `${load < 99.95 ? Number(load.toFixed(1)) : Math.round(load)} %`;
}

const loadAndAttach = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

/** "root", "uid 1000, some capabilities", "uid 1000, unprivileged"; and whether it is only looked at. */
export function privilegeText({ uid, capabilities }: HostInfo, readOnly: boolean): string {
  const held = loadAndAttach.filter((name) => capabilities.includes(name)).length;
  const rights = held === loadAndAttach.length ? '' : held === 0 ? ', unprivileged' : ', some capabilities';
  return `${uid === 0 ? 'root' : `uid ${uid}`}${rights}${readOnly ? ', read-only' : ''}`;
}

/** "6.1.158 · x86_64 · BTF · root · load 0.4 %", in the order that matters. */
export function describeConnected(
  info: HostInfo,
  { load, readOnly }: { load: number | null; readOnly: boolean },
): string {
  const btf = info.btf ? 'BTF' : 'no BTF';
  return [info.kernel, info.arch, btf, privilegeText(info, readOnly), `load ${loadText(load)}`].join(' · ');
}
