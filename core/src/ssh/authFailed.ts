/** A login that was refused, in the same words whichever transport tried it. */
import { RingsideError } from '../errors.ts';
import type { ResolvedHost } from './config.ts';

export interface FailedLogin {
  host: ResolvedHost;
  /** "ana@web.example", where it is another host on the way. */
  who?: string;
  why?: string;
  tried: readonly string[];
  /** Methods that the server takes; empty when it did not say. */
  accepted: readonly string[];
  remedy?: string;
  detail: string;
}

/** The server counts attempts, and an agent with many keys has used them up. */
export const tooManyAttempts = {
  why: 'it refused us after too many attempts',
  remedy: 'Set IdentitiesOnly yes and name the right key with IdentityFile in the ssh config.',
};

/** Names what was tried, what the server takes, and what can be done. */
export function authFailed({ host, who, why, tried, accepted, remedy, detail }: FailedLogin): RingsideError {
  const whatTried = tried.length > 0 ? `Tried: ${tried.join(', ')}.` : 'There was nothing to try.';
  const takes = accepted.length > 0 ? ` The server takes: ${accepted.join(', ')}.` : '';
  const reason = why ?? 'it refused every way to log in';
  return new RingsideError(
    'auth-failed',
    `${who ?? `${host.user}@${host.hostname}`} did not let us in: ${reason}. ${whatTried}${takes}`,
    {
      remedy:
        remedy ??
        `Check user and key with \`ssh ${host.name}\`; name a key with IdentityFile in the ssh config or --identity.`,
      detail,
    },
  );
}
