/** Checks of what the kernel takes, found by trying. */
import type { AttachFeature, Features, HostFacts } from '../agent/generated/agent_pb.ts';
import type { DoctorCheck } from '../model/index.ts';
import { check, deniedToRoot } from './doctorCheck.ts';
import { mountSecurityfs } from './doctorHost.ts';

/** A program's own stdout and stderr (bpf_stream_printk), where the kernel also writes what it says of its faults. */
function streamCheck(streams: AttachFeature | undefined): DoctorCheck {
  const title = 'BPF streams';
  if (streams === undefined) return check('prog-stream', title, 'unknown', 'the agent did not try');
  if (streams.ok) return check('prog-stream', title, 'ok', 'stdout and stderr of programs are read');
  const why = `none (6.17 or newer has them): ${streams.reason}`;
  return check('prog-stream', title, 'warn', why, 'Use bpf_printk.');
}

/** Kinds that see what goes on, and cannot deny it. */
const watching = ['fentry', 'kprobe', 'tp_btf', 'tracepoint'];

/** A security hook attaches also where bpf is no active security module, and then never runs. */
export function lsmCheck(tried: AttachFeature[], facts: HostFacts): DoctorCheck {
  const lsm = tried.find(({ kind }) => kind === 'lsm');
  const id = 'lsm';
  const title = 'Security hooks (BPF LSM)';
  if (lsm === undefined) return check(id, title, 'unknown', 'the agent did not try');
  const active = facts.lsm.split(',').includes('bpf');
  if (lsm.ok && active) return check(id, title, 'ok', `active security modules: ${facts.lsm}`);
  if (lsm.ok)
    return check(
      id,
      title,
      'unknown',
      'they attach; whether they run cannot be read, because securityfs is not mounted',
      mountSecurityfs,
    );
  if (lsm.errno === 0 && facts.lsm !== '' && !active && facts.btf) {
    const detail = `they attach and never run: bpf is not among the active security modules (${facts.lsm})`;
    return check(
      id,
      title,
      'warn',
      detail,
      `Add \`lsm=${facts.lsm},bpf\` to the kernel's command line, and boot anew.`,
    );
  }
  const others = tried.filter(({ kind, ok }) => ok && watching.includes(kind)).map(({ kind }) => kind);
  const remedy = `What only watches can be a program of another kind: ${others.join(', ')}.`;
  return check(id, title, 'warn', deniedToRoot(lsm, tried, facts), others.length === 0 ? '' : remedy);
}

/** What a user without rights is refused tells nothing of the kernel. */
export function featureChecks(features: Features, facts: HostFacts, mayTry: boolean): DoctorCheck[] {
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
    lsmCheck(features.attach, facts),
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
