/** Checks of the host itself, by the facts that its agent has read. */
import type { AttachFeature, HostFacts, ObjectPolicy } from '../agent/generated/agent_pb.ts';
import type { DoctorCheck } from '../model/index.ts';
import { check, lacksRight, neededCapabilities, tracingRefused } from './doctorCheck.ts';

function privilegeCheck(f: HostFacts): DoctorCheck {
  const title = 'The right to load and attach';
  if (f.userNamespace) return containerCheck(f, title);
  const missing = neededCapabilities.filter((c) => !f.capabilities.includes(c));
  if (missing.length === 0)
    return check('privilege', title, 'ok', `uid ${f.euid} with ${neededCapabilities.join(', ')}`);
  const has = (c: string): boolean => f.capabilities.includes(c);
  const some = has('CAP_SYS_ADMIN') || (has('CAP_BPF') && (has('CAP_PERFMON') || has('CAP_NET_ADMIN')));
  const detail = `the agent runs as uid ${f.euid} without ${missing.join(', ')}`;
  const remedy = privilegeRemedy(f.setcapCommand);
  if (!some) return check('privilege', title, 'fail', detail, remedy);
  return check('privilege', title, 'warn', detail, `\`ringside inspect\` tells what an object needs. ${remedy}`);
}

/** In a user namespace capabilities count for BPF only as far as a token delegates it (Linux 6.9). */
function containerCheck(f: HostFacts, title: string): DoctorCheck {
  const where = `uid ${f.euid} in a user namespace, as in a container`;
  if (f.bpfToken === '') {
    const delegate =
      'delegate BPF to the container: a bpffs mounted in it with delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any';
    const detail = `${where}, where capabilities do not count for BPF`;
    return check('privilege', title, 'fail', detail, `Connect to the host itself, or ${delegate} (Linux 6.9).`);
  }
  const noToken = 'What needs perf events (tracepoint, kprobe, uprobe, perf_event) no token gives.';
  return check('privilege', title, 'warn', `${where}, by the BPF token of ${f.bpfToken}`, noToken);
}

function privilegeRemedy(setcapCommand: string): string {
  const asRoot = 'Connect as root, or as a user who may run the agent with sudo';
  if (setcapCommand === '') return `${asRoot}.`;
  return `${asRoot}; or let an administrator give this user's agent the capabilities: \`${setcapCommand}\`.`;
}

/** What the host is, apart from the kinds of program that its kernel takes. */
export function hostChecks(f: HostFacts, tried: AttachFeature[]): DoctorCheck[] {
  return [
    privilegeCheck(f),
    f.btf
      ? check(
          'btf',
          'Kernel types (BTF)',
          'ok',
          `/sys/kernel/btf/vmlinux, ${(Number(f.btfBytes) / 1024 / 1024).toFixed(1)} MB`,
        )
      : check(
          'btf',
          'Kernel types (BTF)',
          'fail',
          '/sys/kernel/btf/vmlinux is missing',
          'Build with the types of just this kernel (from BTFHub, or made by pahole of its vmlinux): `ringside build FILE --btf BTF -o OBJECT`, and give them again with the object: `ringside attach OBJECT --btf BTF`. Or boot a kernel with CONFIG_DEBUG_INFO_BTF=y.',
        ),
    lockdownCheck(f, tracingRefused(tried, f)),
    f.tracefs === ''
      ? check(
          'tracefs',
          'tracefs',
          'fail',
          'not mounted: tracepoints cannot be found',
          'mount -t tracefs tracefs /sys/kernel/tracing',
        )
      : check('tracefs', 'tracefs', 'ok', f.tracefs),
    f.bpffs === ''
      ? check(
          'bpffs',
          'bpffs',
          'warn',
          'not mounted: nothing can be pinned (Ringside pins nothing by itself)',
          'mount -t bpf bpf /sys/fs/bpf',
        )
      : check('bpffs', 'bpffs', 'ok', f.bpffs),
    cgroupCheck(f.cgroup2),
    symbolsCheck(f),
    perfEventsCheck(f, tried),
    jitCheck(f.jit),
    f.unprivilegedBpfDisabled === '0'
      ? check(
          'unprivileged',
          'Unprivileged BPF',
          'warn',
          'any user may load programs',
          'sysctl -w kernel.unprivileged_bpf_disabled=2',
        )
      : f.unprivilegedBpfDisabled === ''
        ? check('unprivileged', 'Unprivileged BPF', 'unknown', 'the setting cannot be read')
        : check('unprivileged', 'Unprivileged BPF', 'ok', `switched off (${f.unprivilegedBpfDisabled})`),
    auditCheck(f.auditLog),
    policyCheck(f.objectPolicy),
  ];
}

/** The file system in which the kernel shows its security modules; minimal hosts do without. */
export const mountSecurityfs = 'mount -t securityfs securityfs /sys/kernel/security';

/** `tracingRefused`: the kernel keeps even root from tracing its functions, whatever it says of itself. */
export function lockdownCheck(
  { lockdown, lsm }: Pick<HostFacts, 'lockdown' | 'lsm'>,
  tracingRefused: boolean,
): DoctorCheck {
  const id = 'lockdown';
  const title = 'Kernel lockdown';
  if (lockdown === 'confidentiality') {
    return check(
      id,
      title,
      'fail',
      'confidentiality: programs may not read kernel memory',
      'Boot without lockdown=confidentiality.',
    );
  }
  const unseen = lockdown === '' && lsm === '';
  const level = unseen ? 'its level cannot be read, because securityfs is not mounted' : lockdown || 'not active';
  if (tracingRefused) {
    const detail = `${level}; the kernel keeps even root from tracing its functions (kprobe, fentry, lsm, freplace)`;
    const other = 'Boot without lockdown=, or use tracepoint, raw_tracepoint, tp_btf and iter programs.';
    return check(id, title, 'warn', detail, unseen ? `\`${mountSecurityfs}\` shows its level. ${other}` : other);
  }
  if (unseen) return check(id, title, 'unknown', level, mountSecurityfs);
  const integrity = 'integrity: programs may not write to the memory of processes (bpf_probe_write_user)';
  return check(id, title, 'ok', lockdown === 'integrity' ? integrity : level);
}

function cgroupCheck(cgroup2: string): DoctorCheck {
  const title = 'Control groups (cgroup2)';
  if (cgroup2 !== '') return check('cgroup2', title, 'ok', cgroup2);
  const detail = 'not mounted: programs on control groups cannot be attached';
  return check('cgroup2', title, 'warn', detail, '`mkdir -p /run/cgroup2 && mount -t cgroup2 cgroup2 /run/cgroup2`');
}

/** As the kernel decides it (kallsyms_show_value). */
export function symbolsCheck(f: Pick<HostFacts, 'kptrRestrict' | 'perfEventParanoid' | 'capabilities'>): DoctorCheck {
  const id = 'kernel-symbols';
  const title = 'Addresses of kernel symbols';
  if (f.kptrRestrict === '') return check(id, title, 'unknown', 'kernel.kptr_restrict cannot be read');
  const level = `kernel.kptr_restrict = ${f.kptrRestrict}`;
  const stacks = 'stacks of the kernel have no function names';
  if (Number(f.kptrRestrict) > 1)
    return check(
      id,
      title,
      'warn',
      `${level} hides them even from root: ${stacks}`,
      'sysctl -w kernel.kptr_restrict=1',
    );
  const forAll = f.kptrRestrict === '0' && f.perfEventParanoid !== '' && Number(f.perfEventParanoid) <= 1;
  if (forAll || f.capabilities.includes('CAP_SYSLOG')) return check(id, title, 'ok', level);
  const detail = `hidden from a user without CAP_SYSLOG: ${stacks}`;
  return check(id, title, 'warn', detail, 'Connect as root, or as a user who may run the agent with sudo.');
}

/** What goes by perf events: kprobe, uprobe, tracepoint, perf_event. */
export function perfEventsCheck(f: HostFacts, tried: AttachFeature[]): DoctorCheck {
  const id = 'perf-events';
  const title = 'Perf events';
  if (f.perfEventParanoid === '')
    return check(
      id,
      title,
      'warn',
      'the kernel has none: no kprobe, uprobe, tracepoint, perf_event',
      'Boot a kernel with CONFIG_PERF_EVENTS=y, or use raw_tracepoint, tp_btf and fentry programs.',
    );
  const level = `kernel.perf_event_paranoid = ${f.perfEventParanoid}`;
  const has = (c: string): boolean => f.capabilities.includes(c);
  const tracepoint = tried.find(({ kind }) => kind === 'tracepoint');
  // Above 2 (patches of Debian, Ubuntu, Android) CAP_PERFMON is not enough.
  const strict = Number(f.perfEventParanoid) > 2 && !has('CAP_SYS_ADMIN');
  if (strict && has('CAP_PERFMON') && (tracepoint === undefined || lacksRight(tracepoint)))
    return check(id, title, 'warn', `${level} keeps them for CAP_SYS_ADMIN`, 'sysctl -w kernel.perf_event_paranoid=2');
  if (!has('CAP_SYS_ADMIN') && !has('CAP_PERFMON'))
    return check(
      id,
      title,
      'warn',
      `${level}, and the user has no CAP_PERFMON`,
      'Connect as root, or as a user who may run the agent with sudo.',
    );
  return check(id, title, 'ok', level);
}

/** Who loads and attaches what is written down where the host keeps such a log. */
export function auditCheck(log: string): DoctorCheck {
  const title = 'Audit log';
  if (log === 'journald') return check('audit-log', title, 'ok', 'journald: journalctl -t ringside-agent');
  if (log === 'syslog') return check('audit-log', title, 'ok', 'syslog (/dev/log), facility authpriv');
  return check(
    'audit-log',
    title,
    'warn',
    'none is kept: neither journald nor a syslog daemon listens, so nobody can tell later who has loaded what',
    'Start journald or a syslog daemon, such as `syslogd` (docs/audit.md).',
  );
}

/** Which objects the host's root lets run. */
export function policyCheck(policy: ObjectPolicy | undefined): DoctorCheck {
  const id = 'allowed-objects';
  const title = 'Objects that may run';
  const count = policy?.objects === 1 ? '1 object' : `${policy?.objects ?? 0} objects`;
  switch (policy?.state) {
    case 'none':
      return check(id, title, 'ok', 'any: the host has no list of allowed objects');
    case 'signed':
      return check(id, title, 'ok', `${count}, on a list signed by ${policy.signer}`);
    case 'unsigned':
      return check(id, title, 'ok', `${count}, on a list that is unsigned`);
    case 'broken':
      return check(
        id,
        title,
        'fail',
        `none, because the host's list is not in order: ${policy.fault}`,
        'Root of the host puts the files in order or removes them (docs/allow-list.md).',
      );
    default:
      return check(id, title, 'unknown', 'the agent did not tell');
  }
}

function jitCheck(jit: string): DoctorCheck {
  if (jit === '') return check('jit', 'JIT compiler', 'unknown', 'net.core.bpf_jit_enable cannot be read');
  return jit === '0'
    ? check(
        'jit',
        'JIT compiler',
        'warn',
        'off: programs run interpreted and cost more',
        'sysctl -w net.core.bpf_jit_enable=1',
      )
    : check('jit', 'JIT compiler', 'ok', `net.core.bpf_jit_enable = ${jit}`);
}
