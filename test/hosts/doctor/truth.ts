/** What a host really has, read by its shell and not by Ringside, and what the doctor has to say of it. */
import type { DoctorCheck, DoctorReport } from '../../../core/src/model/index.ts';
import type { Machine } from '../vm/machine.ts';

const script = `
mount_of() { while read -r d p k r; do [ "$k" = "$1" ] && echo "$p" && break; done < /proc/mounts; }
echo "kernel=$(uname -r)"
echo "arch=$(uname -m)"
echo "cpus=$(grep -c ^processor /proc/cpuinfo)"
echo "distro=$(sed -n 's/^PRETTY_NAME="\\(.*\\)"/\\1/p' /etc/os-release 2>/dev/null)"
echo "btf=$(wc -c < /sys/kernel/btf/vmlinux)"
echo "lockdown=$(sed 's/.*\\[\\(.*\\)\\].*/\\1/' /sys/kernel/security/lockdown 2>/dev/null)"
echo "lsm=$(cat /sys/kernel/security/lsm 2>/dev/null)"
for kind in tracefs bpf cgroup2; do echo "$kind=$(mount_of $kind)"; done
echo "kptr=$(cat /proc/sys/kernel/kptr_restrict)"
echo "paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)"
echo "jit=$(cat /proc/sys/net/core/bpf_jit_enable)"
echo "unprivileged=$(cat /proc/sys/kernel/unprivileged_bpf_disabled)"
echo "log=$([ -S /dev/log ] && echo syslog)"
echo "config=$(ls "/boot/config-$(uname -r)" /proc/config.gz 2>/dev/null)"
echo "devices=$(ls /sys/bus/event_source/devices | tr '\\n' ' ')"
`;

export type Truth = Record<string, string>;

export async function truthOf(machine: Machine): Promise<Truth> {
  const lines = (await machine.ssh(script)).trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

const since70 = ['fsession'];
const since613 = [...since70, 'uprobe.session'];
const since67 = ['kprobe.multi', 'kprobe.session', 'uprobe.multi', 'tcx', 'netkit', 'netfilter'];

/**
 * Kinds that a kernel of Debian refuses, as docs/attach-matrix.md has found by running programs of every kind. lsm on 5.10: there
 * bpf is no active security module by itself.
 */
const refusedKinds: Record<string, string[]> = {
  '5.10 amd64': [...since613, ...since67, 'lsm', 'lsm_cgroup', 'iter.task', 'syscall'],
  '6.1 amd64': [...since613, ...since67],
  '6.12 amd64': since613,
  '7.3 amd64': [],
  // No CONFIG_FPROBE.
  '6.12 arm64': [...since613, 'kprobe.multi', 'kprobe.session'],
};

/** In order of the names. Counters of the processor there are where the machine emulates some. */
export function refusedOn(kernel: string, truth: Truth): string[] {
  const counters = /\b(cpu|armv8\w*)\b/.test(truth['devices'] ?? '') ? [] : ['perf_event.hardware'];
  return [...refusedKinds[kernel]!, ...counters].sort();
}

/** "STATUS detail" of every check on a host where nothing is out of order, by what is there. */
export function expectedChecks(truth: Truth, refused: string[], streams: boolean): Record<string, string> {
  const lsm = (truth['lsm'] ?? '').split(',').includes('bpf');
  return {
    privilege: 'ok uid 0 with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN',
    btf: `ok /sys/kernel/btf/vmlinux, ${(Number(truth['btf']) / 1024 / 1024).toFixed(1)} MB`,
    lockdown: `ok ${truth['lockdown']}`,
    tracefs: `ok ${truth['tracefs']}`,
    bpffs: `ok ${truth['bpf']}`,
    cgroup2: `ok ${truth['cgroup2']}`,
    'kernel-symbols': `ok kernel.kptr_restrict = ${truth['kptr']}`,
    'perf-events': `ok kernel.perf_event_paranoid = ${truth['paranoid']}`,
    jit: `ok net.core.bpf_jit_enable = ${truth['jit']}`,
    unprivileged: `ok switched off (${truth['unprivileged']})`,
    'audit-log': truth['log'] === 'syslog' ? 'ok syslog (/dev/log), facility authpriv' : 'warn none is kept: neither journald nor a syslog daemon listens, so nobody can tell later who has loaded what', // prettier-ignore
    'allowed-objects': 'ok any: the host has no list of allowed objects',
    kconfig: truth['config'] === '' ? 'warn neither /boot/config-$(uname -r) nor /proc/config.gz is there' : `ok ${truth['config']}`, // prettier-ignore
    ringbuf: 'ok',
    'prog-stream': streams ? 'ok stdout and stderr of programs are read' : 'warn none (6.17 or newer has them)',
    lsm: lsm ? `ok active security modules: ${truth['lsm']}` : `warn they attach and never run: bpf is not among the active security modules (${truth['lsm']})`, // prettier-ignore
    attach: `warn refused: ${refused.join(', ')}`,
  };
}

function plain(id: string, detail: string): string {
  if (id === 'attach') return `refused: ${detail.replace('refused: ', '').split(', ').sort().join(', ')}`;
  return id === 'prog-stream' ? detail.split(':')[0]! : detail;
}

/** The same of a report. What the kernel's own words are is cut off, and this machine's compiler left out. */
export const saidChecks = ({ checks }: DoctorReport): Record<string, string> =>
  Object.fromEntries(
    checks
      .filter(({ id }) => id !== 'compiler')
      .map(({ id, status, detail }) => [id, `${status} ${plain(id, detail)}`.trim()]),
  );

export const checkOf = ({ checks }: DoctorReport, id: string): DoctorCheck => {
  const found = checks.find((check) => check.id === id);
  if (found === undefined) throw new Error(`the doctor has no check ${id}`);
  return found;
};
