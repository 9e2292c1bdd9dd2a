/** What a host can do for BPF: facts and features from its agent, read as checks sorted by what stops you first. */
import { create } from '@bufbuild/protobuf';
import { FeaturesSchema, type AttachFeature, type HostFacts } from '../agent/generated/agent_pb.ts';
import { findCompiler } from '../build/index.ts';
import { RingsideError } from '../errors.ts';
import type { CheckStatus, DoctorCheck, DoctorReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { neutralize } from '../ssh/shell.ts';
import { check, deniedToRoot } from './doctorCheck.ts';
import { featureChecks } from './doctorFeatures.ts';
import { hostChecks } from './doctorHost.ts';
import { hostInfo } from './hostConnection.ts';
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
  // As the host is now: somebody may have followed a remedy since it was connected.
  const facts = await host.agent.request({ case: 'getHostFacts', value: {} }, 'hostFacts', call);
  const info = hostInfo(host.name, facts);
  const ofHost = [...hostChecks(facts, features.attach), await kconfigCheck(host, call)];
  const mayTry = !ofHost.some(({ id, status }) => id === 'privilege' && status === 'fail');
  const checks = [
    ...ofHost,
    compilerCheck(compiler),
    ...(host.readOnly ? [readOnlyCheck] : featureChecks(features, facts, mayTry)),
  ];
  const structOps = features.attach.some(({ kind, ok }) => kind === 'struct_ops' && ok);
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
      // Kernels before 6.12 make such a map only of types that were loaded with a program.
      mapTypes: { ...features.mapTypes, ...(structOps && { struct_ops: true }) },
      attach: outcomes(features.attach, facts),
      other: outcomes(features.other, facts),
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

function outcomes(tried: AttachFeature[], facts: HostFacts): Record<string, { ok: boolean; reason: string }> {
  return Object.fromEntries(tried.map((one) => [one.kind, { ok: one.ok, reason: deniedToRoot(one, tried, facts) }]));
}

/** Where libbpf looks for it. */
const kconfigScript = 'for f in "/boot/config-$(uname -r)" /proc/config.gz; do [ -r "$f" ] && echo "$f" && break; done';

async function kconfigCheck(host: ConnectedHost, call: CallOptions): Promise<DoctorCheck> {
  const title = 'Configuration of the kernel';
  const { stdout } = await host.transport.run(kconfigScript, call);
  const file = /^\/(?:boot\/config-|proc\/config\.gz$).*$/m.exec(stdout)?.[0];
  if (file !== undefined) return check('kconfig', title, 'ok', neutralize(file));
  const path = '/boot/config-$(uname -r)';
  return check(
    'kconfig',
    title,
    'warn',
    `neither ${path} nor /proc/config.gz is there`,
    `Name what an object asks for (--kconfig CONFIG_HZ=250), load it with \`modprobe configs\` where that module is built, or put the file at ${path}.`,
  );
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
