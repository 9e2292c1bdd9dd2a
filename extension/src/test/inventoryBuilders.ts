/** Things of an inventory for tests, each with one place to say what is special about it. */
import type { HostInfo, HostState, LinkItem, MapItem, ProgramItem } from '@ringside/core/model';

export const aProgramItem = (given: Partial<ProgramItem> = {}): ProgramItem => ({
  ...{ id: 1, name: 'handle', type: 'kprobe', tag: 'ab', attachTo: null, gpl: true, uid: 0 },
  ...{
    loadedAt: '1700000000000000000',
    instructionBytes: 8,
    jitedBytes: 64,
    memoryBytes: 4096,
    mapIds: [],
    btfId: null,
  },
  ...{ runs: null, runNanos: null, nanosPerRun: null, recursionMisses: 0, verifiedInstructions: null },
  ...{ owners: [], pins: [], ringside: false },
  ...given,
});

export const aMapItem = (given: Partial<MapItem> = {}): MapItem => ({
  ...{ id: 1, name: 'counts', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 1024, flags: 0, extra: 0 },
  ...{ memoryBytes: 8192, frozen: false, btfId: null, owners: [], pins: [], ringside: false },
  ...given,
});

export const aLinkItem = (given: Partial<LinkItem> = {}): LinkItem => ({
  ...{ id: 1, kind: 'tracing', program: null, attachType: null, target: 'vfs_read', details: {}, missed: null },
  ...{ owners: [], pins: [], ringside: false },
  ...given,
});

export const aHostInfo = (given: Partial<HostInfo> = {}): HostInfo => ({
  ...{ name: 'web-1', hostname: 'web-1', kernel: '6.1.0', arch: 'x86_64', distro: 'Debian', onlineCpus: 2 },
  ...{ possibleCpus: 2, btf: true, btfSha256: '', lockdown: '', jit: '1', tracefs: '/t', bpffs: '/b' },
  ...{ unprivilegedBpf: '2', uid: 0, memAvailableBytes: 1 },
  capabilities: ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
  ...given,
});

export const aHostState = (name: string, state: HostState['state']): HostState => ({
  ...{ name, state, error: null },
  info: state === 'ready' ? aHostInfo({ name }) : null,
});
