/** The keys that can be offered to a host: those of the ssh-agent and of the identity files, in OpenSSH's order. */
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ParsedKey } from 'ssh2';
import type { Log } from '../log.ts';
import type { ResolvedHost } from './config.ts';
import { fingerprint, keyType, readStrings } from './fingerprint.ts';
import { certificatesOf, isSpecialKey } from './openssh/needed.ts';
import type { Ssh2Module } from './ssh2Module.ts';

/** Servers hang up after MaxAuthTries (6 by default) refusals, so not every key of a full agent can be tried. */
export const maxKeys = 5;

/** How often a passphrase is asked. */
export const passphraseAttempts = 3;

/** Asks the passphrase of a key file; undefined = none given. */
export type AskPassphrase = (file: string, attempt: number) => Promise<string | undefined>;

/** One key that can be offered. */
export interface Identity {
  /** For messages: "~/.ssh/id_ed25519", "agent key dev@laptop". */
  label: string;
  /** The public key; asks for the passphrase only where nothing but the encrypted file tells it. */
  publicKey(): Promise<Buffer>;
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

export interface Identities {
  keys: Identity[];
  /** Keys and certificates that the ssh2 transport cannot use, for the message when nothing works. */
  unsupported: string[];
}

function privateKey(ssh2: Ssh2Module, text: string, passphrase?: string): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text, passphrase) as ParsedKey | ParsedKey[] | Error;
  if (!(parsed instanceof Error)) {
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    return key?.isPrivateKey() ? key : new Error('it holds no private key');
  }
  // PKCS#8, which ssh2 does not read but OpenSSL does.
  if (!/BEGIN (ENCRYPTED )?PRIVATE KEY/.test(text)) return parsed;
  try {
    const key = createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
    const type = key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1';
    return ssh2.utils.parseKey(key.export({ format: 'pem', type }));
  } catch (error) {
    return error as Error;
  }
}

/** Whether a private key file is encrypted (OpenSSH, PEM, PKCS#8 and PuTTY formats). */
export function isEncrypted(text: string): boolean {
  const container = opensshContainer(text);
  if (container !== undefined) return container.cipher !== 'none';
  return /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED|^Encryption: (?!none)/m.test(text);
}

/** Cipher and public key of an openssh-key-v1 file; both stand there in clear. */
export function opensshContainer(text: string): { cipher: string; publicKey: Buffer } | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const bytes = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic) return undefined;
  const head = readStrings(bytes.subarray(magic.length), 3);
  const [cipher, kdf, kdfOptions] = head ?? [];
  if (cipher === undefined || kdf === undefined || kdfOptions === undefined) return undefined;
  const afterCount = magic.length + 12 + cipher.length + kdf.length + kdfOptions.length + 4;
  const publicKey = readStrings(bytes.subarray(afterCount), 1)?.[0];
  return publicKey === undefined ? undefined : { cipher: cipher.toString('latin1'), publicKey };
}

/** The key of a .pub file ("type base64 comment"). */
function publicKeyLine(text: string): Buffer | undefined {
  const [type, base64] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64 ?? '', 'base64');
  return type !== undefined && keyType(blob) === type ? blob : undefined;
}

/** A key file; an encrypted one is opened only when the server has said that it takes this key. */
class FileIdentity implements Identity {
  #opened: ParsedKey | undefined;

  constructor(
    readonly label: string,
    readonly file: string,
    private readonly ssh2: Ssh2Module,
    private readonly text: string,
    private readonly known: Buffer | undefined,
    private readonly ask: AskPassphrase,
  ) {}

  async publicKey(): Promise<Buffer> {
    return this.known ?? (await this.open()).getPublicSSH();
  }

  async sign(data: Buffer, hash: string | undefined): Promise<Buffer> {
    const signature = (await this.open()).sign(data, hash) as Buffer | Error;
    if (signature instanceof Error) throw signature;
    return signature;
  }

  private async open(): Promise<ParsedKey> {
    if (this.#opened) return this.#opened;
    const encrypted = isEncrypted(this.text);
    for (let attempt = 1; ; attempt++) {
      const passphrase = encrypted ? await this.ask(this.file, attempt) : undefined;
      if (encrypted && passphrase === undefined) throw new Error(`no passphrase for ${this.file} was given`);
      const key = privateKey(this.ssh2, this.text, passphrase);
      if (!(key instanceof Error)) return (this.#opened = key);
      if (!encrypted || attempt === passphraseAttempts)
        throw new Error(`${this.file} cannot be opened: ${key.message}`);
    }
  }
}

async function readIdentityFile(
  ssh2: Ssh2Module,
  file: string,
  ask: AskPassphrase,
): Promise<{ blob: Buffer | undefined; identity: FileIdentity | undefined } | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const pub = await readFile(`${file}.pub`, 'utf8').catch(() => undefined);
  if (text === undefined) {
    // Only the public half is here: it picks a key of the agent.
    return pub === undefined ? undefined : { blob: publicKeyLine(pub), identity: undefined };
  }
  const asPublic = publicKeyLine(text);
  if (asPublic) return { blob: asPublic, identity: undefined };
  const opened = isEncrypted(text) ? undefined : privateKey(ssh2, text);
  const known =
    opensshContainer(text)?.publicKey ??
    (opened === undefined || opened instanceof Error ? undefined : opened.getPublicSSH()) ??
    (pub === undefined ? undefined : publicKeyLine(pub));
  return { blob: known, identity: new FileIdentity(file, file, ssh2, text, known, ask) };
}

function agentIdentities(ssh2: Ssh2Module, socket: string, log: Log): Promise<{ blob: Buffer; identity: Identity }[]> {
  return new Promise((resolve) => {
    const agent = ssh2.createAgent(socket);
    agent.getIdentities((error, keys) => {
      if (error) log.debug(`ssh-agent at ${socket} gave no keys: ${error.message}`);
      const found: { blob: Buffer; identity: Identity }[] = [];
      for (const raw of (keys ?? []) as (ParsedKey | Buffer | string)[]) {
        const key = ssh2.utils.parseKey(raw);
        if (key instanceof Error) continue;
        const blob = key.getPublicSSH();
        const identity: Identity = {
          label: `agent key ${key.comment || fingerprint(blob)}`,
          publicKey: () => Promise.resolve(blob),
          sign: (data, hash) =>
            new Promise((done, fail) => {
              const settled = (signError?: Error | null, signature?: Buffer): void => {
                if (signError || signature === undefined) fail(signError ?? new Error('the agent gave no signature'));
                else done(signature);
              };
              agent.sign(key, data, hash === undefined ? {} : { hash: hash as 'sha256' | 'sha512' }, settled);
            }),
        };
        found.push({ blob, identity });
      }
      resolve(found);
    });
  });
}

/**
 * Keys in OpenSSH's order: agent keys that an identity file names, other agent keys (not with IdentitiesOnly), then the
 * identity files themselves; at most `maxKeys`. `explicit` (--identity) comes before all.
 */
export async function findIdentities(
  ssh2: Ssh2Module,
  host: ResolvedHost,
  explicit: string | undefined,
  ask: AskPassphrase,
  log: Log,
): Promise<Identities> {
  const files = explicit === undefined ? host.identityFiles : [explicit, ...host.identityFiles];
  const unsupported = certificatesOf(host);
  const fromAgent = host.identityAgent === null ? [] : await agentIdentities(ssh2, host.identityAgent, log);
  const fromFiles: { blob: Buffer | undefined; identity: FileIdentity | undefined; file: string }[] = [];
  for (const file of new Set(files)) {
    const read = await readIdentityFile(ssh2, file, ask);
    if (read === undefined) continue;
    if (read.blob && isSpecialKey(keyType(read.blob))) unsupported.push(file);
    else fromFiles.push({ ...read, file });
  }
  const agentKeyOf = (blob: Buffer | undefined): Identity | undefined =>
    blob && fromAgent.find((key) => key.blob.equals(blob))?.identity;

  const keys = new Set<Identity>();
  const explicitKey = fromFiles.find((entry) => entry.file === explicit);
  if (explicitKey) {
    const key = agentKeyOf(explicitKey.blob) ?? explicitKey.identity;
    if (key) keys.add(key);
  }
  for (const { blob } of fromFiles) {
    const key = agentKeyOf(blob);
    if (key) keys.add(key);
  }
  if (!host.identitiesOnly) for (const { identity } of fromAgent) keys.add(identity);
  for (const { blob, identity } of fromFiles) if (identity && !agentKeyOf(blob)) keys.add(identity);
  if (keys.size > maxKeys)
    log.warn(`${host.name}: ${keys.size} keys, the first ${maxKeys} are tried (set IdentitiesOnly)`);
  return { keys: [...keys].slice(0, maxKeys), unsupported };
}
