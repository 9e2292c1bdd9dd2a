/** What OpenSSH itself can do and ssh2 cannot: certificates, security keys, GSSAPI, the newest algorithms. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { RingsideError } from '../../errors.ts';
import type { ResolvedHost } from '../config.ts';
import { keyType, readStrings } from '../fingerprint.ts';

/** The way over ssh2 ends here, and OpenSSH may go on; never leaves this folder. */
export class OpenSshNeeded extends RingsideError {
  constructor(
    readonly reason: string,
    error: RingsideError,
  ) {
    super(error.code, error.message, error);
  }
}

/** ssh is there (it has resolved the host), and of a kind that asks and shares as we need it. */
export function canOpenSsh(host: Pick<ResolvedHost, 'bySsh'>, platform: NodeJS.Platform = process.platform): boolean {
  return host.bySsh && platform !== 'win32';
}

/** Certificates that the configuration names, and those that lie beside a key, where OpenSSH finds them. */
export function certificatesOf(host: Pick<ResolvedHost, 'certificateFiles' | 'identityFiles'>): string[] {
  const besides = host.identityFiles.map((file) => `${file}-cert.pub`);
  return [...new Set([...host.certificateFiles, ...besides])].filter((file) => existsSync(file));
}

export function isSpecialKey(type: string | undefined): boolean {
  return type !== undefined && (type.startsWith('sk-') || type.includes('-cert-'));
}

const identitiesRequest = Buffer.from([0, 0, 0, 1, 11]);
const identitiesAnswer = 12;
const maxAnswer = 1024 * 1024;
const agentTimeoutMs = 2000;

/** Keys of the ssh-agent that ssh2 does not list, because it cannot use them: their types. */
export function specialAgentKeys(socketPath: string): Promise<string[]> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0);
    const socket = connect(socketPath, () => socket.write(identitiesRequest));
    const done = (): void => {
      socket.destroy();
      resolve(agentKeyTypes(answer).filter(isSpecialKey));
    };
    socket.setTimeout(agentTimeoutMs, done);
    socket.on('error', done);
    socket.on('close', done);
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length > maxAnswer || (answer.length >= 4 && answer.length >= 4 + answer.readUInt32BE(0))) done();
    });
  });
}

/** The types of the keys in an SSH_AGENT_IDENTITIES_ANSWER; what is malformed is left out. */
export function agentKeyTypes(answer: Buffer): string[] {
  if (answer.length < 9 || answer[4] !== identitiesAnswer) return [];
  const count = Math.min(answer.readUInt32BE(5), 1000);
  const strings = readSome(answer.subarray(9), count * 2);
  return strings.filter((_blob, index) => index % 2 === 0).flatMap((blob) => keyType(blob) ?? []);
}

function readSome(bytes: Buffer, most: number): Buffer[] {
  const found: Buffer[] = [];
  let offset = 0;
  while (found.length < most) {
    const [next] = readStrings(bytes.subarray(offset), 1) ?? [];
    if (next === undefined) break;
    found.push(next);
    offset += 4 + next.length;
  }
  return found;
}

/** Whether there is a Kerberos ticket, without which GSSAPI has nothing to offer. */
export function hasKerberosTicket(): Promise<boolean> {
  return new Promise((resolve) => execFile('klist', ['-s'], { timeout: 2000 }, (error) => resolve(error === null)));
}
