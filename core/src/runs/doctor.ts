/** What a host can do for BPF: facts and features from its agent, read as checks sorted by what stops you first. */
import { create } from '@bufbuild/protobuf';
import {
  FeaturesSchema,
  type AttachFeature,
  type Features,
  type HostFacts,
  type ObjectPolicy,
} from '../agent/generated/agent_pb.ts';
import { findCompiler } from '../build/index.ts';
import { RingsideError } from '../errors.ts';
import type { CheckStatus, DoctorCheck, DoctorReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { whyItMatters } from './doctorWhy.ts';
import type { ConnectedHost } from './hosts.ts';
import type { BuildSettings } from './prepare.ts';

const order: CheckStatus[] = ['fail', 'warn', 'unknown', 'ok'];

export async function doctorReport(
  host: ConnectedHost,
  settings: BuildSettings,
  call: CallOptions,
): Promise<DoctorReport> {
  call.progress?.({ step: `Trying what ${host.name} can attach` });
  // What works is found by loading and attaching, which a host that is only looked at does not get.
  const features = host.readOnly
    ? create(FeaturesSchema)
    : await host.agent.request({ case: 'probeFeatures', value: {} }, 'features', call);
  const compiler = await compilerOf(settings, call);
  const { facts, info } = host;
  const ofHost = hostChecks(facts);
  const mayTry = !ofHost.some(({ id, status }) => id === 'privilege' && status === 'fail');
  const checks = [
    ...ofHost,
    compilerCheck(compiler),
    ...(host.readOnly ? [readOnlyCheck] : featureChecks(features, mayTry)),
  ];
  return {
    host: {
      name: info.name,
      kernel: info.kernel,
      arch: info.arch,
      distro: info.distro,
      cpus: info.onlineCpus,
      btf: info.btf,
      lockdown: info.lockdown,
      jit: info.jit,
      tracefs: info.tracefs,
      bpffs: info.bpffs,
      unprivilegedBpf: info.unprivilegedBpf,
      uid: info.uid,
      capabilities: info.capabilities,
      readOnly: host.readOnly,
    },
    compiler: compiler instanceof RingsideError ? null : { path: compiler.path, version: compiler.version, bpf: true },
    checks: checks.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status)),
    features: {
      programTypes: features.programTypes,
      mapTypes: features.mapTypes,
      attach: outcomes(features.attach),
      other: outcomes(features.other),
    },
  };
}

const readOnlyCheck: DoctorCheck = check(
  'read-only',
  'What the kernel loads and attaches',
  'unknown',
  'The host is connected read-only, and this is found by trying only.',
  'Connect without --read-only, or take the host out of the setting ringside.readOnlyHosts.',
);

function outcomes(tried: AttachFeature[]): Record<string, { ok: boolean; reason: string }> {
  return Object.fromEntries(tried.map(({ kind, ok, reason }) => [kind, { ok, reason }]));
}

async function compilerOf(
  { compilerPath, log }: BuildSettings,
  call: CallOptions,
): Promise<{ path: string; version: string } | RingsideError> {
  try {
    return await findCompiler({
      log,
      ...(compilerPath !== '' && { path: compilerPath }),
      ...(call.signal && { signal: call.signal }),
    });
  } catch (error) {
    return RingsideError.from(error);
  }
}

function compilerCheck(compiler: { path: string; version: string } | RingsideError): DoctorCheck {
  return compiler instanceof RingsideError
    ? check('compiler', 'A compiler with the BPF target', 'fail', compiler.message, compiler.remedy)
    : check('compiler', 'A compiler with the BPF target', 'ok', `${compiler.path} ${compiler.version}`);
}

function check(id: string, title: string, status: CheckStatus, detail = '', remedy = ''): DoctorCheck {
  return { id, title, status, detail, why: whyItMatters(id), remedy };
}

/** Capabilities that loading and attaching need since 5.8; root has them all. */
const needed = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

function privilegeCheck(f: HostFacts): DoctorCheck {
  const title = 'The right to load and attach';
  if (f.userNamespace) return containerCheck(f, title);
  const missing = needed.filter((c) => !f.capabilities.includes(c));
  if (missing.length === 0) return check('privilege', title, 'ok', `uid ${f.euid} with ${needed.join(', ')}`);
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

function hostChecks(f: HostFacts): DoctorCheck[] {
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
          'Use a kernel with CONFIG_DEBUG_INFO_BTF=y; CO-RE programs cannot be built or loaded here.',
        ),
    lockdownCheck(f.lockdown),
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
    jitCheck(f.jit),
    f.unprivilegedBpfDisabled === '0'
      ? check(
          'unprivileged',
          'Unprivileged BPF',
          'warn',
          'any user may load programs',
          'sysctl kernel.unprivileged_bpf_disabled=2',
        )
      : f.unprivilegedBpfDisabled === ''
        ? check('unprivileged', 'Unprivileged BPF', 'unknown', 'the setting cannot be read')
        : check('unprivileged', 'Unprivileged BPF', 'ok', `switched off (${f.unprivilegedBpfDisabled})`),
    auditCheck(f.auditLog),
    policyCheck(f.objectPolicy),
  ];
}

function lockdownCheck(lockdown: string): DoctorCheck {
  const title = 'Kernel lockdown';
  if (lockdown === 'confidentiality') {
    return check(
      'lockdown',
      title,
      'fail',
      'confidentiality: programs may not read kernel memory',
      'Boot without lockdown=confidentiality.',
    );
  }
  return check('lockdown', title, 'ok', lockdown === '' ? 'not built in' : lockdown);
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
    'Start journald or a syslog daemon (docs/audit.md).',
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
        'sysctl net.core.bpf_jit_enable=1',
      )
    : check('jit', 'JIT compiler', 'ok', `net.core.bpf_jit_enable = ${jit}`);
}

/** A program's own stdout and stderr (bpf_stream_printk), where the kernel also writes what it says of its faults. */
function streamCheck(streams: AttachFeature | undefined): DoctorCheck {
  const title = 'BPF streams';
  if (streams === undefined) return check('prog-stream', title, 'unknown', 'the agent did not try');
  if (streams.ok) return check('prog-stream', title, 'ok', 'stdout and stderr of programs are read');
  const why = `none (6.17 or newer has them): ${streams.reason}`;
  return check('prog-stream', title, 'warn', why, 'Use bpf_printk.');
}

/** What a user without rights is refused tells nothing of the kernel. */
function featureChecks(features: Features, mayTry: boolean): DoctorCheck[] {
  if (!mayTry) {
    const why = 'The kernel lets this user try nothing.';
    return [check('attach', 'What the kernel loads and attaches', 'unknown', why)];
  }
  const ring = features.mapTypes['ringbuf'];
  const refused = features.attach.filter((a) => !a.ok);
  return [
    ring === undefined
      ? check('ringbuf', 'Ring buffers', 'unknown')
      : ring
        ? check('ringbuf', 'Ring buffers', 'ok')
        : check('ringbuf', 'Ring buffers', 'warn', 'this kernel has none (5.8 or newer does)', 'Use perf buffers.'),
    streamCheck(features.other.find((f) => f.kind === 'prog_stream')),
    refused.length === 0
      ? check('attach', 'Kinds of attachment', 'ok', `all ${features.attach.length} that were tried`)
      : check(
          'attach',
          'Kinds of attachment',
          'warn',
          `refused: ${refused.map((a) => a.kind).join(', ')}`,
          'The reason for each stands below the checks (with --json: features.attach).',
        ),
  ];
}
