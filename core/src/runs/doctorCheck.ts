/** What the doctor's checks are made of. */
import type { AttachFeature, HostFacts } from '../agent/generated/agent_pb.ts';
import type { CheckStatus, DoctorCheck } from '../model/index.ts';
import { whyItMatters } from './doctorWhy.ts';

export function check(id: string, title: string, status: CheckStatus, detail = '', remedy = ''): DoctorCheck {
  return { id, title, status, detail, why: whyItMatters(id), remedy };
}

/** Capabilities that loading and attaching need since 5.8; root has them all. */
export const neededCapabilities = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

/** EPERM and EACCES. */
const refusals = [1, 13];

/** The kernel refuses a kind for which this user has every capability. */
const refusedToRoot = (one: AttachFeature | undefined, f: HostFacts): boolean =>
  one?.ok === false &&
  refusals.includes(one.errno) &&
  !f.userNamespace &&
  neededCapabilities.every((c) => f.capabilities.includes(c));

/** Kinds that need a trampoline in a function of the kernel: a lockdown of tracing refuses all of them at once. */
export const tracingRefused = (tried: AttachFeature[], f: HostFacts): boolean =>
  refusedToRoot(
    tried.find(({ kind }) => kind === 'fentry'),
    f,
  );

/** E2BIG: what is asked for does not fit into what the kernel has of it. */
const tooBig = 7;

/** Why a kind does not attach, without guesses at the user's rights where those are complete. */
export function deniedToRoot(one: AttachFeature, tried: AttachFeature[], f: HostFacts): string {
  if (!one.ok && one.kind === 'freplace' && tracingRefused(tried, f))
    return deniedToRoot(
      tried.find(({ kind }) => kind === 'fentry')!,
      tried,
      f,
    );
  if (one.errno === tooBig) return one.reason.replace(/^cannot attach/, 'the kernel does not know this kind');
  if (!refusedToRoot(one, f)) return one.reason;
  return one.reason.replace(/^the kernel refuses it to this user \([^)]*\)/, 'the kernel refuses it even to root');
}

/** Refused for want of a right, as opposed to a kernel that does not have it. */
export const lacksRight = (one: AttachFeature | undefined): boolean =>
  one?.ok === false && refusals.includes(one.errno);
