/** The other instruction set, for a program that the verifier refuses in the one that the host's kernel should take. */
import { plainCpu } from '../build/index.ts';
import type { ErrorCode } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';
import { isSource, type PreparedObject } from './prepare.ts';

type Prepare = (
  file: string,
  host: ConnectedHost,
  ahead: undefined,
  call: CallOptions,
  cpu: string,
) => Promise<PreparedObject>;

/** True when it is worth a second build: the verifier's own reason, a source, and not the plain set already. */
export function mayHelp(code: ErrorCode, file: string, object: PreparedObject): boolean {
  return code === 'verifier-rejected' && isSource(file) && !['v1', plainCpu].includes(object.cpu);
}

/** null when there is nothing to try: no source, another reason, the plain set already, or it does not compile with it. */
export async function otherCpu(
  code: ErrorCode,
  file: string,
  { host, object }: { host: ConnectedHost; object: PreparedObject },
  prepare: Prepare,
  call: CallOptions,
): Promise<{ object: PreparedObject; text: string } | null> {
  if (!mayHelp(code, file, object)) return null;
  const other = await prepare(file, host, undefined, call, plainCpu).catch(() => null);
  // An object that was built before says no set of its own: the same bytes would be refused again.
  if (other === null || Buffer.from(other.stripped).equals(object.stripped)) return null;
  const refused = object.cpu === '' ? 'as it was built' : `built with -mcpu=${object.cpu}`;
  const text = `The verifier of ${host.name} (kernel ${host.info.kernel}) refuses it ${refused} and takes it built with -mcpu=${plainCpu}, which is used.`;
  return { object: other, text };
}
