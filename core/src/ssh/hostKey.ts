/** Decides whether a host's key is trusted: known_hosts first, then the user's policy, then a question. */
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Prompter } from '../prompt.ts';
import type { ResolvedHost } from './config.ts';
import { OpenSshNeeded } from './openssh/needed.ts';
import { describeKey, fingerprint, randomart } from './fingerprint.ts';
import { changedKey, revokedRemedy, unknownRemedy } from './hostKeyErrors.ts';
import { checkHostKey, knownHostsName, type KnownHostsEntry, type KnownHostsResult } from './knownHosts.ts';
import { appendKnownHost, readKnownHosts } from './knownHostsFiles.ts';
import type { SshOptions } from './options.ts';

/** Host key algorithms that we accept at all; SHA-1 signatures (ssh-rsa) and DSA are left out on purpose. */
const acceptedAlgorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** The key type that an algorithm signs with. */
function typeOfAlgorithm(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}

export interface HostKeyAccepted {
  /** Writes the key to known_hosts when it is to be remembered; called once the host has proved that it holds it. */
  remember: () => Promise<void>;
}

/** What known_hosts and the configuration say of one host; made before the connection, asked once per connection. */
export class HostKeyChecker {
  readonly #host: ResolvedHost;
  readonly #options: SshOptions;
  readonly #prompter: Prompter;
  readonly #log: Log;
  readonly #entries: KnownHostsEntry[];
  readonly #userFiles: string[];

  private constructor(
    host: ResolvedHost,
    options: SshOptions,
    prompter: Prompter,
    log: Log,
    entries: KnownHostsEntry[],
    userFiles: string[],
  ) {
    this.#host = host;
    this.#options = options;
    this.#prompter = prompter;
    this.#log = log;
    this.#entries = entries;
    this.#userFiles = userFiles;
  }

  /** Reads the known_hosts files. Error: ssh-config when one is there and unreadable. */
  static async create(host: ResolvedHost, options: SshOptions, prompter: Prompter, log: Log): Promise<HostKeyChecker> {
    const own = options.knownHostsFile;
    const userFiles = own === undefined ? host.userKnownHostsFiles : [own];
    const entries = await readKnownHosts(own === undefined ? [...userFiles, ...host.globalKnownHostsFiles] : userFiles);
    return new HostKeyChecker(host, options, prompter, log, entries, userFiles);
  }

  /** The name under which the host stands in known_hosts. */
  get #name(): string {
    const { hostKeyAlias, hostname, port } = this.#host;
    return hostKeyAlias === null ? knownHostsName(hostname, port) : hostKeyAlias.toLowerCase();
  }

  #check(key: Uint8Array): KnownHostsResult {
    const result = checkHostKey(this.#entries, this.#name, key);
    if (result.verdict !== 'unknown' || this.#host.hostKeyAlias !== null || this.#host.port === 22) return result;
    // As OpenSSH does: on another port, an entry for the bare name vouches for the very same key, and for nothing else.
    const bare = checkHostKey(this.#entries, knownHostsName(this.#host.hostname, 22), key);
    return bare.verdict === 'match' || bare.verdict === 'revoked' ? bare : result;
  }

  /** Algorithms to offer: those for which we know a key come first, so that a known host is not asked for another. */
  algorithms(): string[] {
    const wanted = this.#host.hostKeyAlgorithms;
    const offered =
      wanted.length === 0 ? acceptedAlgorithms : wanted.filter((algorithm) => acceptedAlgorithms.includes(algorithm));
    const list = offered.length === 0 ? acceptedAlgorithms : offered;
    const known = checkHostKey(this.#entries, this.#name, Buffer.alloc(0)).knownTypes;
    const isKnown = (algorithm: string): boolean => known.includes(typeOfAlgorithm(algorithm));
    return [...list.filter(isKnown), ...list.filter((algorithm) => !isKnown(algorithm))];
  }

  /**
   * Resolves when the key is trusted. Errors: host-key-mismatch, host-key-revoked (never to be overridden),
   * host-key-unknown (refused by the person or by StrictHostKeyChecking yes).
   */
  async verify(key: Buffer, signal?: AbortSignal, mayUseOpenSsh = false): Promise<HostKeyAccepted> {
    const result = this.#check(key);
    this.#log.debug(`${this.#host.name}: host key ${fingerprint(key)} is ${result.verdict} in known_hosts`);
    if (result.verdict === 'match') return { remember: () => Promise.resolve() };
    if (result.verdict === 'mismatch') throw this.#mismatch(key, result);
    if (result.verdict === 'revoked') throw this.#revoked(key, result);

    if (result.verdict === 'ca-only' && mayUseOpenSsh)
      throw new OpenSshNeeded(
        'a certificate of the host',
        this.#unknown(key, 'known_hosts has only an authority for it'),
      );
    const strict = this.#host.strictHostKeyChecking;
    // A host that is known by other keys is never accepted silently: this may be someone who lacks the known one.
    const isNew = result.verdict === 'unknown';
    if (isNew && (this.#options.acceptNewHostKey || strict === 'accept-new' || strict === 'no')) {
      this.#log.info(`${this.#host.name}: new host key ${fingerprint(key)} accepted by configuration`);
      return { remember: () => this.#append(key) };
    }
    if (strict === 'yes') throw this.#unknown(key, 'StrictHostKeyChecking is "yes"');
    const note = noteFor(result);
    const answer = await this.#prompter.confirmHostKey(
      {
        host: this.#host.name,
        port: this.#host.port,
        keyType: describeKey(key)?.type ?? 'unknown',
        fingerprint: fingerprint(key),
        randomart: randomart(key),
        ...(note === undefined ? {} : { note }),
      },
      signal,
    );
    if (answer === 'no') throw this.#unknown(key, 'it was not accepted');
    return { remember: () => (answer === 'remember' ? this.#append(key) : Promise.resolve()) };
  }

  async #append(key: Buffer): Promise<void> {
    const file = this.#userFiles[0];
    if (file === undefined) return;
    try {
      await appendKnownHost(file, this.#name, key, this.#host.hashKnownHosts);
      this.#log.info(`${this.#host.name}: host key ${fingerprint(key)} added to ${file}`);
    } catch (error) {
      // The person trusts the key; a read-only home is no reason to refuse the connection.
      this.#log.warn(`${this.#host.name}: the host key could not be added to ${file}: ${(error as Error).message}`);
    }
  }

  #where(): string {
    return `${this.#host.hostname} port ${this.#host.port}`;
  }

  #mismatch(key: Buffer, result: KnownHostsResult): RingsideError {
    const place = result.entry === null ? 'known_hosts' : `${result.entry.file}:${result.entry.line}`;
    const known = result.entry === null ? '' : fingerprint(result.entry.key);
    return changedKey({
      host: this.#host.name,
      where: this.#where(),
      shown: fingerprint(key),
      ...{ known, place, file: result.entry?.file ?? 'known_hosts', entry: shellSafe(this.#name) },
      detail: `offered (${describeKey(key)?.type ?? '?'}): ${fingerprint(key)}\n${randomart(key)}\nknown (${place}): ${known}\n${
        result.entry === null ? '' : randomart(result.entry.key)
      }`,
    });
  }

  #revoked(key: Buffer, result: KnownHostsResult): RingsideError {
    const place = result.entry === null ? 'known_hosts' : `${result.entry.file}:${result.entry.line}`;
    return new RingsideError(
      'host-key-revoked',
      `The key of ${this.#host.name} (${this.#where()}), ${fingerprint(key)}, is marked as revoked at ${place}.`,
      { remedy: revokedRemedy, links: [place] },
    );
  }

  #unknown(key: Buffer, why: string): RingsideError {
    return new RingsideError(
      'host-key-unknown',
      `The key of ${this.#host.name} (${this.#where()}), ${fingerprint(key)}, is not known here, and ${why}.`,
      {
        remedy: unknownRemedy,
        detail: randomart(key),
      },
    );
  }
}

function shellSafe(name: string): string {
  return /^[\w.:-]+$/.test(name) ? name : `'${name}'`;
}

function noteFor(result: KnownHostsResult): string | undefined {
  if (result.verdict === 'other-key-type')
    return `This host is known by another kind of key (${result.knownTypes.join(', ')}), which it did not offer.`;
  if (result.verdict === 'ca-only')
    return 'This host is known by a certificate authority only, but it showed a plain key.';
  return undefined;
}
