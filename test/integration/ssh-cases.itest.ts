/**
 * Hosts as people have them: one line a case, over ssh2 and over OpenSSH. The table that is printed at the end has the code
 * and the remedy of each.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server as Ssh2Server, type ServerChannel } from 'ssh2';
import type { RingsideError } from '../../core/src/errors.ts';
import { deployAgent } from '../../core/src/deploy/index.ts';
import { silentLog } from '../../core/src/log.ts';
import { defaultSshOptions, openTransport, type SshOptions } from '../../core/src/ssh/index.ts';
import { freePort, startSshd, type TestSshd } from '../hosts/sshd.ts';
import { root } from './support/cli.ts';
import { answering, failure, type RecordingPrompter } from './ssh-fixtures.ts';
import { secondFactor, type SecondFactor } from './support/pamSecondFactor.ts';

type Way = 'ssh2' | 'openssh' | 'auto';
const both: Way[] = ['ssh2', 'openssh'];

const outcomes: string[] = [];
let longest = 0;
function note(name: string, way: Way, error?: RingsideError): void {
  longest = Math.max(longest, name.length);
  outcomes.push([name, way, error?.code ?? 'ok', error?.remedy ?? ''].join('\u0000'));
}
afterAll(() => {
  const rows = outcomes.map((line) => {
    const [name = '', way = '', code = '', remedy = ''] = line.split('\u0000');
    return `${name.padEnd(longest)}  ${way.padEnd(7)}  ${code.padEnd(20)}  ${remedy.slice(0, 120)}`;
  });
  console.log(`${rows.length} cases\n${rows.join('\n')}`);
});

// Of this file alone: others, which run beside it, make such folders too. Test users go through it to their keys.
const temporary = mkdtempSync(join(tmpdir(), 'ringside-cases-'));
chmodSync(temporary, 0o755);
const temporaryBefore = process.env.TMPDIR;
process.env.TMPDIR = temporary;
afterAll(() => {
  if (temporaryBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporaryBefore;
  expect(readdirSync(temporary)).toEqual([]);
  rmdirSync(temporary);
});

const ownFolders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('ringside-ssh-'));

/** Logs in and asks who we are. */
async function login(host: string, options: SshOptions, prompter: RecordingPrompter): Promise<string> {
  const before = ownFolders();
  const transport = await openTransport(host, options, prompter, silentLog);
  try {
    return `${(await transport.run('id -un')).stdout.trim()} over ${transport.kind}`;
  } finally {
    transport.dispose();
    // At once, because a command exits then.
    expect(ownFolders().filter((name) => !before.includes(name))).toEqual([]);
  }
}

interface Case {
  /** Lines of an ssh_config that come before the sshd's own. */
  config?: (sshd: TestSshd) => string[];
  host?: (sshd: TestSshd) => string;
  options?: (sshd: TestSshd) => Partial<SshOptions>;
  before?: (sshd: TestSshd) => void;
  answers?: Parameters<typeof answering>[0];
  ways?: Way[];
}

let files = 0;

/** Runs a case; gives who was logged in, or the failure, with what was asked. */
async function tried(
  name: string,
  way: Way,
  sshd: TestSshd,
  { config, host, options, before, answers }: Case,
): Promise<{ who: string; error: RingsideError | undefined; prompter: RecordingPrompter }> {
  before?.(sshd);
  const configFile = join(sshd.folder, `case_${files++}`);
  writeFileSync(configFile, `${(config?.(sshd) ?? []).join('\n')}\nHost *\nInclude ${sshd.configFile}\n`);
  const prompter = answering(answers ?? {});
  const ssh = { ...defaultSshOptions, transport: way, configFile, ...options?.(sshd) };
  const attempt = login(host?.(sshd) ?? sshd.alias, ssh, prompter);
  let who = '';
  let error: RingsideError | undefined;
  try {
    who = await attempt;
  } catch {
    error = await failure(attempt);
  }
  note(name, way, error);
  return { who, error, prompter };
}

const key = (sshd: TestSshd, name: string): string => join(sshd.folder, name);
const noKey = ['Host *', 'IdentityFile none'];

describe('keys and passwords', () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd({
      auth: ['publickey', 'password'],
      config: ['MaxAuthTries 4'],
      users: [{ name: 'rs-case', password: 'tr0ub4dor' }],
    });
    for (const [name, passphrase] of [
      ['locked', 'sesame'],
      ['foreign', ''],
    ] as const)
      // prettier-ignore
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', key(sshd, name)]);
    const authorized = ['id.pub', 'locked.pub'].map((name) => readFileSync(key(sshd, name), 'utf8')).join('');
    writeFileSync(key(sshd, 'authorized/root'), authorized);
    writeFileSync(key(sshd, 'authorized/rs-case'), '');
  });
  afterAll(() => sshd.stop());

  it.each(both)('a key (%s)', async (way) => {
    expect((await tried('a key', way, sshd, {})).who).toBe(`root over ${way}`);
  });

  it.each(both)('a key with a passphrase, mistyped once (%s)', async (way) => {
    const { who, prompter } = await tried('a locked key', way, sshd, {
      config: () => ['Host *', `IdentityFile ${key(sshd, 'locked')}`, 'IdentityFile none'],
      answers: { secrets: ['wrong', 'sesame'] },
    });
    expect(who).toBe(`root over ${way}`);
    expect(prompter.secrets).toMatchObject([
      { kind: 'passphrase', attempt: 1, prompt: `Passphrase for key ${key(sshd, 'locked')}` },
      { kind: 'passphrase', attempt: 2 },
    ]);
  });

  it.each(both)('a wrong passphrase, and nothing else (%s)', async (way) => {
    const { error, prompter } = await tried('a wrong passphrase', way, sshd, {
      config: () => ['Host *', `IdentityFile ${key(sshd, 'locked')}`, 'PasswordAuthentication no'],
      host: () => sshd.aliasOf('rs-case'),
      before: () => writeFileSync(key(sshd, 'authorized/rs-case'), readFileSync(key(sshd, 'locked.pub'))),
      answers: { secrets: ['wrong a', 'wrong b', 'wrong c'] },
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain(key(sshd, 'locked'));
    expect(error?.remedy).toContain(`ssh-keygen -y -f '${key(sshd, 'locked')}'`);
    expect(prompter.secrets).toHaveLength(3);
    expect(JSON.stringify(error?.toData())).not.toContain('wrong a');
    writeFileSync(key(sshd, 'authorized/rs-case'), '');
  });

  it.each(both)('a key that the host does not know (%s)', async (way) => {
    const { error } = await tried('a foreign key', way, sshd, {
      config: () => ['Host *', `IdentityFile ${key(sshd, 'foreign')}`, 'PasswordAuthentication no'],
      host: () => sshd.aliasOf('rs-case'),
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain(key(sshd, 'foreign'));
    expect(error?.message).toContain('The server takes: publickey, password');
    expect(error?.remedy).toContain(`ssh-copy-id -i ${key(sshd, 'foreign')}.pub`);
    expect(error?.remedy).not.toContain('IdentitiesOnly');
  });

  it.each(both)('more keys than the host lets anybody try (%s)', async (way) => {
    const extra = [1, 2, 3, 4].map((n) => key(sshd, `extra${n}`));
    const { error } = await tried('too many keys', way, sshd, {
      config: () => ['Host *', ...extra.map((file) => `IdentityFile ${file}`)],
      host: () => sshd.aliasOf('rs-case'),
      before: () => {
        for (const file of extra)
          if (!existsSync(file)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
      },
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('after too many attempts');
    expect(error?.remedy).toContain('IdentitiesOnly');
  });

  it.each(both)('a password (%s)', async (way) => {
    const { who, prompter } = await tried('a password', way, sshd, {
      config: () => noKey,
      host: () => sshd.aliasOf('rs-case'),
      answers: { secrets: ['tr0ub4dor'] },
    });
    expect(who).toBe(`rs-case over ${way}`);
    expect(prompter.secrets).toMatchObject([{ kind: 'password', echo: false, attempt: 1 }]);
  });

  it.each(both)('a wrong password, again and again (%s)', async (way) => {
    const { error, prompter } = await tried('a wrong password', way, sshd, {
      config: () => noKey,
      host: () => sshd.aliasOf('rs-case'),
      answers: { secrets: ['wrong1', 'wrong2', 'wrong3', 'wrong4'] },
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('Tried: ');
    expect(error?.message).toContain('password');
    // The key that was tried before is one of the server's four attempts.
    expect([2, 3]).toContain(prompter.secrets.length);
    expect(error?.remedy).toContain(`The password was refused ${prompter.secrets.length} times`);
    expect(JSON.stringify(error?.toData())).not.toContain('wrong1');
  });

  it.each(both)('what the server takes is switched off here (%s)', async (way) => {
    const { error, prompter } = await tried('all switched off', way, sshd, {
      config: () => ['Host *', 'PasswordAuthentication no', 'PubkeyAuthentication no'],
      host: () => sshd.aliasOf('rs-case'),
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.remedy).toContain('PasswordAuthentication yes, PubkeyAuthentication yes');
    expect(prompter.secrets).toEqual([]);
  });

  it.each(both)('a hop that refuses the login (%s)', async (way) => {
    const hop = ['Host hop', 'HostName 127.0.0.1', `Port ${sshd.port}`, 'User rs-case', 'PasswordAuthentication no'];
    const { error } = await tried('a hop that refuses', way, sshd, {
      config: () => [
        ...[...hop, `IdentityFile ${key(sshd, 'foreign')}`, `UserKnownHostsFile ${sshd.knownHostsFile}`],
        ...['Host behind', 'HostName 127.0.0.1', `Port ${sshd.port}`, 'User root', 'ProxyJump hop'],
        ...[`IdentityFile ${sshd.identityFile}`, `UserKnownHostsFile ${sshd.knownHostsFile}`],
      ],
      host: () => 'behind',
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toMatch(/^The jump host \S+ on the way to behind refused the login: rs-case@127.0.0.1/);
    expect(error?.message).toContain(key(sshd, 'foreign'));
    expect(error?.remedy).toContain('ssh-copy-id -i ');
  });

  it.each(both)('nobody who types the password (%s)', async (way) => {
    const { error, prompter } = await tried('no password given', way, sshd, {
      config: () => noKey,
      host: () => sshd.aliasOf('rs-case'),
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('none was given');
    expect(prompter.secrets).toHaveLength(1);
  });
});

describe('a second factor', () => {
  let sshd: TestSshd;
  let factor: SecondFactor;
  const typed = ['first factor', '314159', 'token pin'];
  beforeAll(async () => {
    factor = secondFactor('314159', 'token pin'.replace(' ', '_'));
    typed[2] = 'token_pin';
    sshd = await startSshd({
      auth: ['publickey', 'keyboard-interactive'],
      config: ['Match User rs-both', 'AuthenticationMethods publickey,keyboard-interactive', 'Match all'],
      users: [
        { name: 'rs-otp', password: 'first factor' },
        { name: 'rs-both', password: 'first factor' },
      ],
      pam: factor.pam,
    });
  });
  afterAll(async () => {
    await sshd.stop();
    factor.remove();
  });

  it.each(both)('password, code and PIN, one after the other (%s)', async (way) => {
    const { who, prompter } = await tried('three prompts', way, sshd, {
      config: () => noKey,
      host: () => sshd.aliasOf('rs-otp'),
      before: () => writeFileSync(key(sshd, 'authorized/rs-otp'), ''),
      answers: { secrets: typed },
    });
    expect(who).toBe(`rs-otp over ${way}`);
    expect(prompter.secrets.map(({ kind }) => kind)).toEqual(Array(3).fill('keyboard-interactive'));
    const prompts = prompter.secrets.map(({ prompt }) => prompt);
    expect(prompts[0]).toMatch(/Password:$/);
    expect(prompts[1]).toMatch(/Verification code:$/);
    expect(prompts[2]).toMatch(/PIN of the token:$/);
    // OpenSSH does not tell its askpass program what may be seen.
    expect(prompter.secrets.map(({ echo }) => echo)).toEqual([false, way === 'ssh2', false]);
  });

  it.each(both)('a key, then the rest (%s)', async (way) => {
    const { who, prompter } = await tried('a key and three prompts', way, sshd, {
      host: () => sshd.aliasOf('rs-both'),
      answers: { secrets: typed },
    });
    expect(who).toBe(`rs-both over ${way}`);
    expect(prompter.secrets).toHaveLength(3);
  });

  it.each(both)('a code that is refused (%s)', async (way) => {
    const { error, prompter } = await tried('a refused code', way, sshd, {
      config: () => ['Host *', 'NumberOfPasswordPrompts 1'],
      host: () => sshd.aliasOf('rs-both'),
      answers: { secrets: ['first factor', '000000', 'token_pin'] },
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('keyboard-interactive');
    expect(prompter.secrets).toHaveLength(3);
    expect(JSON.stringify(error?.toData())).not.toMatch(/000000|token_pin|first factor/);
  });

  it.each(both)('nobody who knows the code (%s)', async (way) => {
    const { error } = await tried('no code given', way, sshd, {
      host: () => sshd.aliasOf('rs-both'),
      answers: { secrets: ['first factor'] },
    });
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('none was given');
  });
});

describe('what ssh2 cannot do', () => {
  let folder: string;
  let sshd: TestSshd;
  const file = (name: string): string => join(folder, name);
  const authority = (): string => `@cert-authority [127.0.0.1]:${sshd.port} ${readFileSync(file('ca.pub'), 'utf8')}`;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringside-ca-'));
    const keygen = (...args: string[]): unknown => execFileSync('ssh-keygen', ['-q', ...args], { stdio: 'pipe' });
    for (const name of ['ca', 'user', 'host']) keygen('-t', 'ed25519', '-N', '', '-C', name, '-f', file(name));
    keygen('-s', file('ca'), '-I', 'test user', '-n', 'rs-cert', file('user.pub'));
    keygen('-s', file('ca'), '-I', 'test host', '-h', '-n', '127.0.0.1', file('host.pub'));
    sshd = await startSshd({
      auth: ['publickey', 'password'],
      config: [
        `TrustedUserCAKeys ${file('ca.pub')}`,
        `HostKey ${file('host')}`,
        `HostCertificate ${file('host-cert.pub')}`,
        'KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256',
      ],
      hostKeyTypes: ['rsa'],
      users: [{ name: 'rs-cert', password: 'never asked for' }],
    });
    writeFileSync(key(sshd, 'authorized/rs-cert'), '');
    appendFileSync(sshd.knownHostsFile, `[127.0.0.1]:${sshd.port} ${readFileSync(file('host.pub'), 'utf8')}`);
  });
  afterAll(async () => {
    await sshd.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const certified = (more: Case = {}): Case => ({
    config: () => ['Host *', `IdentityFile ${file('user')}`, 'IdentityFile none'],
    host: () => sshd.aliasOf('rs-cert'),
    ...more,
  });

  it.each(['auto', 'openssh'] as const)('a certificate beside the key (%s)', async (way) => {
    const { who, prompter } = await tried('a certificate', way, sshd, certified());
    expect(who).toBe('rs-cert over openssh');
    expect(prompter.secrets).toEqual([]);
  });

  it('a certificate, and ssh2 by setting: the message names it', async () => {
    const { error } = await tried('a certificate by ssh2', 'ssh2', sshd, certified());
    expect(error?.code).toBe('auth-failed');
    expect(error?.remedy).toContain('user-cert.pub');
    expect(error?.remedy).toContain('--transport openssh');
  });

  it('a host with a certificate of a known authority', async () => {
    const known = file('known_ca');
    writeFileSync(known, authority());
    const { who, prompter } = await tried('a host certificate', 'auto', sshd, {
      options: () => ({ knownHostsFile: known }),
    });
    expect(who).toBe('root over openssh');
    expect(prompter.hostKeys).toEqual([]);
    expect(readFileSync(known, 'utf8')).toBe(authority());
  });

  it('a host with a certificate of another authority is not trusted', async () => {
    const known = file('known_other_ca');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('other')]);
    writeFileSync(known, `@cert-authority [127.0.0.1]:${sshd.port} ${readFileSync(file('other.pub'), 'utf8')}`);
    const { error } = await tried('a foreign authority', 'auto', sshd, { options: () => ({ knownHostsFile: known }) });
    expect(error?.code).toBe('host-key-unknown');
  });

  it('a security key in the agent is offered to OpenSSH before anybody is asked for a password', async () => {
    const socket = file('agent');
    const agent = agentWithSecurityKey(socket);
    await new Promise((resolve) => agent.once('listening', resolve));
    const { error, prompter } = await tried('a security key', 'auto', sshd, {
      config: () => [
        'Host *',
        `IdentityAgent ${socket}`,
        'IdentitiesOnly no',
        'IdentityFile none',
        'PasswordAuthentication no',
      ],
      host: () => sshd.aliasOf('rs-cert'),
    });
    agent.close();
    // This agent cannot sign, and the host does not know the key: that OpenSSH offered it is what is looked at.
    expect(error?.code).toBe('auth-failed');
    expect(error?.message).toContain('ED25519-SK');
    expect(prompter.secrets).toEqual([]);
  });

  it('algorithms of tomorrow', async () => {
    const quantum = await startSshd({ config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] });
    try {
      expect((await tried('post-quantum only', 'auto', quantum, {})).who).toBe('root over openssh');
      const { error } = await tried('post-quantum only', 'ssh2', quantum, {});
      expect(error?.code).toBe('ssh-transport');
      expect(error?.remedy).toContain('--transport openssh');
      const { error: none } = await tried('no common algorithm', 'openssh', quantum, {
        config: () => ['Host *', 'KexAlgorithms curve25519-sha256'],
      });
      expect(none?.code).toBe('ssh-transport');
    } finally {
      await quantum.stop();
    }
  });
});

/** An ssh-agent that lists one sk-ssh-ed25519 key and refuses everything else. */
function agentWithSecurityKey(path: string): Server {
  const string = (bytes: Buffer | string): Buffer => {
    const body = Buffer.from(bytes as string);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  };
  const blob = Buffer.concat(['sk-ssh-ed25519@openssh.com', Buffer.alloc(32, 7), 'ssh:'].map(string));
  const list = Buffer.concat([Buffer.from([12, 0, 0, 0, 1]), string(blob), string('key of a test')]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // ssh writes the length of a request and the request one after the other.
    let requests = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      requests = Buffer.concat([requests, chunk]);
      while (requests.length >= 4 && requests.length >= 4 + requests.readUInt32BE(0)) {
        socket.write(string(requests[4] === 11 ? list : Buffer.from([5])));
        requests = requests.subarray(4 + requests.readUInt32BE(0));
      }
    });
  });
  server.listen(path);
  return server;
}

describe('trust', () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd({ known: false });
  });
  afterAll(() => sshd.stop());
  const line = (name = `[127.0.0.1]:${sshd.port}`, file = 'host_ed25519.pub'): string =>
    `${name} ${readFileSync(key(sshd, file), 'utf8').split(' ').slice(0, 2).join(' ')}\n`;
  const known = (text: string) => (): void => writeFileSync(sshd.knownHostsFile, text);
  const logins = (): number => sshd.log().split('userauth-request').length - 1;

  it.each(both)('an unknown host, refused (%s)', async (way) => {
    const before = logins();
    const { error, prompter } = await tried('an unknown host', way, sshd, { before: known('') });
    expect(error?.code).toBe('host-key-unknown');
    const [question] = prompter.hostKeys;
    expect(question).toMatchObject({ fingerprint: sshd.fingerprint(), port: sshd.port, host: sshd.alias });
    const art = execFileSync('ssh-keygen', ['-lvf', key(sshd, 'host_ed25519.pub')], { encoding: 'utf8' });
    expect(art).toContain(question?.randomart);
    expect(question?.randomart).toContain('SHA256');
    expect(logins()).toBe(before);
  });

  it.each(both)('an unknown host, trusted once and for good (%s)', async (way) => {
    const once = await tried('trusted once', way, sshd, { before: known(''), answers: { hostKey: 'once' } });
    expect(once.who).toBe(`root over ${way}`);
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe('');
    const remember = { answers: { hostKey: 'remember' as const } };
    expect((await tried('remembered', way, sshd, remember)).who).toBe(`root over ${way}`);
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe(line());
    const again = await tried('known by now', way, sshd, {});
    expect([again.who, again.prompter.hostKeys]).toEqual([`root over ${way}`, []]);
  });

  it.each(both)('accept-new (%s)', async (way) => {
    const { who } = await tried('accept-new', way, sshd, {
      before: known(''),
      options: () => ({ acceptNewHostKey: true }),
    });
    expect(who).toBe(`root over ${way}`);
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe(line());
  });

  it.each(both)('StrictHostKeyChecking yes (%s)', async (way) => {
    const { error, prompter } = await tried('strict checking', way, sshd, {
      before: known(''),
      config: () => ['Host *', 'StrictHostKeyChecking yes'],
    });
    expect(error?.code).toBe('host-key-unknown');
    expect(prompter.hostKeys).toEqual([]);
  });

  it.each(both)('a hashed name (%s)', async (way) => {
    const { who } = await tried('hashed known_hosts', way, sshd, {
      before: () => {
        known(line())();
        execFileSync('ssh-keygen', ['-q', '-H', '-f', sshd.knownHostsFile], { stdio: 'pipe' });
        expect(readFileSync(sshd.knownHostsFile, 'utf8')).toMatch(/^\|1\|/);
      },
    });
    expect(who).toBe(`root over ${way}`);
  });

  it.each(both)('a changed key, even where everything new is accepted and nothing is checked (%s)', async (way) => {
    const before = logins();
    if (!existsSync(key(sshd, 'other')))
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key(sshd, 'other')]);
    for (const checking of ['ask', 'no']) {
      const { error, prompter } = await tried(`a changed key (${checking})`, way, sshd, {
        before: known(`# first\n${line(undefined, 'other.pub')}`),
        config: () => ['Host *', `StrictHostKeyChecking ${checking}`],
        options: () => ({ acceptNewHostKey: true }),
        answers: { hostKey: 'remember' },
      });
      expect(error?.code).toBe('host-key-mismatch');
      expect(error?.links).toEqual([`${sshd.knownHostsFile}:2`]);
      expect(error?.message).toContain(sshd.fingerprint());
      const other = execFileSync('ssh-keygen', ['-lf', key(sshd, 'other.pub')], { encoding: 'utf8' }).split(' ')[1];
      expect(error?.message).toContain(other);
      expect(error?.remedy).toContain('ssh-keygen -f');
      expect(prompter.hostKeys).toEqual([]);
    }
    expect(logins()).toBe(before);
  });

  it.each(both)('a revoked key (%s)', async (way) => {
    const { error } = await tried('a revoked key', way, sshd, { before: known(`${line()}@revoked ${line('*')}`) });
    expect(error?.code).toBe('host-key-revoked');
  });

  it.each(both)('two hops and a ProxyCommand, every key checked (%s)', async (way) => {
    const hop = (name: string, more: string[] = []): string[] => [
      `Host ${name}`,
      ...[
        'HostName 127.0.0.1',
        `Port ${sshd.port}`,
        'User root',
        `HostKeyAlias ${name}`,
        `IdentityFile ${sshd.identityFile}`,
      ],
      ...[`UserKnownHostsFile ${sshd.knownHostsFile}`, 'GlobalKnownHostsFile /dev/null', ...more],
    ];
    const config = (): string[] => [
      ...hop('first'),
      ...hop('second'),
      ...hop('behind', ['ProxyJump first,second']),
      ...hop('chain', ['ProxyJump behind']),
      ...hop('commanded', [`ProxyCommand ssh -F ${sshd.configFile} -W %h:%p ${sshd.alias}`]),
      ...hop('circle', ['ProxyJump circle']),
    ];
    const all = [line(), ...['first', 'second', 'behind', 'chain', 'commanded'].map((name) => line(name))].join('');
    const jump = (name: string, host: string, text: string, answers?: Case['answers']) =>
      tried(name, way, sshd, { config, host: () => host, before: known(text), ...(answers && { answers }) });
    expect((await jump('two hops', 'behind', all)).who).toBe(`root over ${way}`);
    expect((await jump('three hops', 'chain', all)).who).toBe(`root over ${way}`);
    expect((await jump('ProxyCommand', 'commanded', all)).who).toBe(`root over ${way}`);
    const without = all.replace(/^second .*\n/m, '');
    const refused = await jump('an unknown hop', 'behind', without);
    expect(refused.error?.code).toBe('host-key-unknown');
    expect(refused.prompter.hostKeys).toMatchObject([{ host: 'second', fingerprint: sshd.fingerprint() }]);
    expect((await jump('a hop, trusted', 'behind', without, { hostKey: 'remember' })).who).toBe(`root over ${way}`);
    expect(readFileSync(sshd.knownHostsFile, 'utf8')).toBe(without + line('second'));
    expect((await jump('a circle of hops', 'circle', all)).error?.code).toBe('ssh-config');
  });
});

describe('servers that are none, or bad ones', () => {
  let sshd: TestSshd;
  const servers: { close(): unknown }[] = [];
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await sshd.stop();
  });
  /** A port where this is what a client gets. */
  async function serving(serve: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  }
  /** A server that asks three questions in one request, for what sshd cannot be made to do. */
  async function askingServer(right: string[], run = runInShell): Promise<number> {
    const questions = ['Password: ', 'Code: ', 'PIN: '].map((prompt) => ({ prompt, echo: false }));
    const hostKeys = [readFileSync(key(sshd, 'host_ed25519'), 'utf8')];
    const server = new Ssh2Server({ hostKeys }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        if (context.method !== 'keyboard-interactive') {
          context.reject(['keyboard-interactive']);
          return;
        }
        context.prompt(questions, 'Login', 'Three things', (answers) => {
          if (answers.join() === right.join()) context.accept();
          else context.reject(['keyboard-interactive']);
        });
      });
      client.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, { command }) => run(acceptExec(), command));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    return (server.address() as { port: number }).port;
  }
  const runInShell = (channel: ServerChannel, command: string): void => {
    execFile('/bin/sh', ['-c', command], (error, stdout, stderr) => {
      channel.stderr.write(stderr);
      channel.write(stdout);
      channel.exit(error ? 1 : 0);
      channel.end();
    });
  };
  const at = (port: number): Case => ({
    host: () => `root@127.0.0.1:${port}`,
    config: () => ['Host *', 'ConnectTimeout 2'],
  });

  it.each(both)('nobody listens, no such name (%s)', async (way) => {
    expect((await tried('nobody listens', way, sshd, at(await freePort()))).error?.code).toBe('host-unreachable');
    const nowhere = await tried('no such name', way, sshd, { host: () => 'no-such-host.invalid' });
    expect(nowhere.error?.code).toBe('host-unknown');
  });

  it.each(both)('another protocol, a hang-up, silence, a flood (%s)', async (way) => {
    const http = await serving((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect((await tried('not ssh', way, sshd, at(http))).error?.code).toBe('host-unreachable');
    const hangUp = await serving((socket) => {
      socket.write('SSH-2.0-Test\r\n');
      socket.once('data', () => setTimeout(() => socket.destroy(), 20));
    });
    expect((await tried('dies in the key exchange', way, sshd, at(hangUp))).error?.code).toBe('host-unreachable');
    const silent = await serving(() => undefined);
    const begin = performance.now();
    expect((await tried('never answers', way, sshd, at(silent))).error?.code).toBe('host-timeout');
    expect(performance.now() - begin).toBeLessThan(15_000);
    const flood = await serving((socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
      };
      socket.on('drain', pour);
      pour();
    });
    const rss = process.memoryUsage().rss;
    expect((await tried('floods', way, sshd, at(flood))).error?.code).toBe('host-unreachable');
    expect(process.memoryUsage().rss - rss).toBeLessThan(200 << 20);
  });

  it.each(both)('several prompts in one request, which sshd never sends (%s)', async (way) => {
    const port = await askingServer(['tr0ub4dor', '314159', 'pin']);
    const asking = (secrets: string[]): Promise<Awaited<ReturnType<typeof tried>>> =>
      tried('three prompts at once', way, sshd, {
        host: () => `rs@127.0.0.1:${port}`,
        config: () => ['Host *', 'IdentityFile none', 'NumberOfPasswordPrompts 1'],
        options: () => ({ acceptNewHostKey: true, knownHostsFile: key(sshd, 'known_asking') }),
        answers: { secrets },
      });
    const { who, prompter } = await asking(['tr0ub4dor', '314159', 'pin']);
    expect(who).toContain(`over ${way}`);
    const prompts = prompter.secrets.map(({ prompt }) => prompt);
    expect(prompts[0]).toMatch(/Password:$/);
    expect(prompts[1]).toMatch(/Code:$/);
    expect(prompts[2]).toMatch(/PIN:$/);
    const { error } = await asking(['tr0ub4dor', '000000', 'pin']);
    expect(error?.code).toBe('auth-failed');
    expect(error?.remedy).toContain('one-time code');
  });

  it.each(both)('a flood after the login, on either stream, instead of what was asked for (%s)', async (way) => {
    const user = userInfo().username;
    const begin = process.memoryUsage().rss;
    for (const [name, command] of [
      ['floods stdout after login', 'exec yes'],
      ['floods stderr after login', 'exec yes >&2'],
    ] as const) {
      const flooding = await startSshd({ config: [`Match User ${user}`, `ForceCommand ${command}`, 'Match all'] });
      try {
        const { error } = await tried(name, way, flooding, {});
        expect(error?.code).toBe('too-large');
        expect(error?.message).toMatch(/printed more than|prints without end/);
        const options = { ...defaultSshOptions, configFile: flooding.configFile, transport: way };
        if (name.includes('stderr')) {
          const opened = openTransport(flooding.alias, options, answering({}), silentLog);
          const resourceDir = join(root, 'dist');
          const deploy = { ssh: options, prompter: answering({}), log: silentLog, resourceDir };
          const start = opened.then((transport) => deployAgent(transport, deploy).finally(() => transport.dispose()));
          const instead = await failure(start);
          note('floods instead of an agent', way, instead);
          expect(instead.code).toBe('too-large');
        }
        await expect.poll(() => flooding.processes(), { timeout: 10_000 }).toEqual([]);
      } finally {
        await flooding.stop();
      }
    }
    expect(process.memoryUsage().rss - begin).toBeLessThan(200 << 20);
  });

  it('a server that sends more than its window, to a reader that does not read: ssh2 does not stop it, we do', async () => {
    const port = await askingServer(['a', 'b', 'c'], (channel) => {
      Object.assign((channel as unknown as { outgoing: object }).outgoing, { window: Number.MAX_SAFE_INTEGER });
      // Of a size by which the window is never used up exactly: what comes then, ssh2 drops.
      let left = 1024;
      const pour = (): void => {
        for (let i = 0; i < 16 && !channel.destroyed; i++, left--) channel.write(Buffer.alloc(65_521));
        if (!channel.destroyed && left > 0) setImmediate(pour);
      };
      pour();
    });
    const begin = process.memoryUsage().rss;
    const options = { ...defaultSshOptions, acceptNewHostKey: true, knownHostsFile: key(sshd, 'known_asking') };
    const ssh = { ...options, transport: 'ssh2' as const, configFile: '/dev/null' };
    const prompter = answering({ secrets: ['a', 'b', 'c'] });
    const transport = await openTransport(`rs@127.0.0.1:${port}`, ssh, prompter, silentLog);
    const closed = new Promise<RingsideError | undefined>((resolve) => transport.onClose(resolve));
    const { exit } = await transport.exec('anything');
    expect(await exit).toEqual({ code: null, signal: null });
    const error = await closed;
    note('overruns its window', 'ssh2', error);
    expect(error?.code).toBe('host-lost');
    expect(error?.message).toContain('receive window');
    expect(process.memoryUsage().rss - begin).toBeLessThan(400 << 20);
  });

  it.each(['auto', 'openssh'] as const)(
    'a banner of 100 KB, which is a packet too large for ssh2 (%s)',
    async (way) => {
      const banner = key(sshd, 'banner');
      writeFileSync(banner, `${'\u001b[31mwelcome '.repeat(10)}\n`.repeat(900));
      const talking = await startSshd({ config: [`Banner ${banner}`] });
      try {
        expect((await tried('a banner of 100 KB', way, talking, {})).who).toBe('root over openssh');
      } finally {
        await talking.stop();
      }
    },
  );
});

it('is a table of forty cases and more', () => {
  expect(outcomes.length).toBeGreaterThanOrEqual(40);
});
