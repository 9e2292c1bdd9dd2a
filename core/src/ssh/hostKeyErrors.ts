/** What is said of a host key that is not trusted, in the same words whichever transport saw it. */
import { RingsideError } from '../errors.ts';

export interface ChangedKey {
  /** As the person named the host. */
  host: string;
  /** The name under which it is reached, or stands in known_hosts. */
  where: string;
  /** Fingerprints; `known` in words where it cannot be read. */
  shown: string;
  known: string;
  /** "/home/ana/.ssh/known_hosts:12" */
  place: string;
  file: string;
  /** What `ssh-keygen -R` takes, quoted for a shell. */
  entry: string;
  detail: string;
}

/** Never to be overridden: cancelling is the only way on. */
export function changedKey({ host, where, shown, known, place, file, entry, detail }: ChangedKey): RingsideError {
  return new RingsideError(
    'host-key-mismatch',
    `The key of ${host} (${where}) has changed: it shows ${shown}, but ${place} says ${known}. ` +
      'Someone may be listening in, or the host was reinstalled. Nothing was sent to it.',
    {
      remedy:
        `Ask the host's administrator for its fingerprint by another way. Only when it is ${shown}, ` +
        `remove the old key with \`ssh-keygen -f ${file} -R ${entry}\`.`,
      detail,
      links: [place],
    },
  );
}

export const revokedRemedy = 'The host must get a new key; do not use it until its administrator has made one.';

export const unknownRemedy =
  'Compare the fingerprint with the host’s own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` there), then ' +
  'accept it when asked, connect once with ssh, or pass --accept-new-host-key.';
