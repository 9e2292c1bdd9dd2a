import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../core/src/log.ts';
import { noPrompter, type Prompter } from '../../core/src/prompt.ts';
import { defaultSshOptions, openTransport, type SshOptions } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { answering, failure, nobody } from './ssh-fixtures.ts';

async function login(host: string, options: SshOptions, prompter: Prompter): Promise<string> {
  const transport = await openTransport(host, options, prompter, silentLog);
  try {
    return (await transport.run('id -un')).stdout.trim();
  } finally {
    transport.dispose();
  }
}

/** A copy of the test's ssh_config that offers no key. */
function withoutKey(sshd: TestSshd): string {
  const file = join(sshd.folder, 'keyless_config');
  writeFileSync(file, readFileSync(sshd.configFile, 'utf8').replace(/IdentityFile .*/g, 'IdentityFile none'));
  return file;
}

function makeKey(sshd: TestSshd, name: string, args: string[]): string {
  const file = join(sshd.folder, name);
  execFileSync('ssh-keygen', ['-q', '-C', name, '-f', file, ...args]);
  return file;
}

function authorize(sshd: TestSshd, ...files: string[]): void {
  const keys = [sshd.identityFile, ...files].map((file) => readFileSync(`${file}.pub`, 'utf8')).join('');
  writeFileSync(join(sshd.folder, 'authorized/root'), keys);
}

describe('keys', () => {
  let sshd: TestSshd;
  let options: SshOptions;
  beforeAll(async () => {
    sshd = await startSshd();
    options = { ...defaultSshOptions, configFile: sshd.configFile };
  });
  afterAll(() => sshd.stop());

  it.each([
    ['rsa', ['-t', 'rsa', '-b', '2048', '-N', '']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384', '-N', '']],
    ['rsa-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', '']],
    ['rsa-pkcs8', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8', '-N', '']],
    ['ec-pkcs8', ['-t', 'ecdsa', '-m', 'PKCS8', '-N', '']],
  ])('logs in with a key of the kind %s', async (name, args) => {
    const identityFile = makeKey(sshd, name, args);
    authorize(sshd, identityFile);
    expect(await login(sshd.alias, { ...options, configFile: withoutKey(sshd), identityFile }, nobody)).toBe('root');
  });

  it.each([
    ['locked', ['-t', 'ed25519', '-N', 'open sesame']],
    ['locked-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'open sesame']],
    ['locked-pkcs8', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8', '-N', 'open sesame']],
  ])('asks for the passphrase of a key that the server takes: %s', async (name, args) => {
    const identityFile = makeKey(sshd, name, args);
    authorize(sshd, identityFile);
    const prompter = answering({ secrets: ['wrong', 'open sesame'] });
    expect(await login(sshd.alias, { ...options, configFile: withoutKey(sshd), identityFile }, prompter)).toBe('root');
    expect(prompter.secrets).toMatchObject([
      { kind: 'passphrase', attempt: 1, echo: false, prompt: `Passphrase for key ${identityFile}` },
      { kind: 'passphrase', attempt: 2 },
    ]);
  });

  it('does not ask for the passphrase of a key that the server refuses', async () => {
    const identityFile = makeKey(sshd, 'locked-unknown', ['-t', 'ed25519', '-N', 'open sesame']);
    authorize(sshd);
    const error = await failure(login(sshd.alias, { ...options, configFile: withoutKey(sshd), identityFile }, nobody));
    expect(error.code).toBe('auth-failed');
    expect(error.message).toContain(identityFile);
    expect(error.message).toContain('publickey');
  });

  it('uses the ssh-agent: no more than five keys, and only the named ones with IdentitiesOnly', async () => {
    const socket = join(sshd.folder, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      const keys = Array.from({ length: 7 }, (_, index) => makeKey(sshd, `agent${index}`, ['-t', 'ed25519', '-N', '']));
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      for (let tries = 0; ; tries++) {
        try {
          execFileSync('ssh-add', ['-q', ...keys], { env, stdio: 'pipe' });
          break;
        } catch (error) {
          if (tries === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      const configFile = join(sshd.folder, 'agent_config');
      const config = readFileSync(withoutKey(sshd), 'utf8').replace('IdentityAgent none', `IdentityAgent ${socket}`);
      writeFileSync(configFile, config.replace('IdentitiesOnly yes', 'IdentitiesOnly no'));
      const only = { ...options, configFile };

      authorize(sshd, keys[3] ?? '');
      expect(await login(sshd.alias, only, nobody)).toBe('root');
      authorize(sshd, keys[6] ?? '');
      const error = await failure(login(sshd.alias, only, nobody));
      expect(error.code).toBe('auth-failed');
      expect(error.message.match(/agent key/g)).toHaveLength(5);
      // The named key comes first, and it is the agent that signs: the private half is not on disk.
      writeFileSync(configFile, config.replace('IdentityFile none', `IdentityFile ${keys[6] ?? ''}`));
      execFileSync('rm', [keys[6] ?? '']);
      expect(await login(sshd.alias, only, nobody)).toBe('root');
    } finally {
      agent.kill();
    }
  });

  it('says what ssh2 cannot do: certificates', async () => {
    const ca = makeKey(sshd, 'ca', ['-t', 'ed25519', '-N', '']);
    const key = makeKey(sshd, 'certified', ['-t', 'ed25519', '-N', '']);
    execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', 'test', '-n', 'root', `${key}.pub`]);
    authorize(sshd);
    const configFile = join(sshd.folder, 'cert_config');
    writeFileSync(configFile, `${readFileSync(withoutKey(sshd), 'utf8')}\nHost *\n  CertificateFile ${key}-cert.pub\n`);
    const error = await failure(login(sshd.alias, { ...options, configFile, transport: 'ssh2' }, nobody));
    expect(error.code).toBe('auth-failed');
    expect(error.remedy).toContain('certified-cert.pub');
  });
});

describe.each(['password', 'keyboard-interactive'] as const)('%s', (method) => {
  let sshd: TestSshd;
  let options: SshOptions;
  const user = `rs-${method.slice(0, 3)}`;
  beforeAll(async () => {
    sshd = await startSshd({ auth: [method], users: [{ name: user, password: 'tr0ub4dor&3' }] });
    options = { ...defaultSshOptions, configFile: sshd.configFile };
  });
  afterAll(() => sshd.stop());

  it('logs in with what is typed', async () => {
    const prompter = answering({ secrets: ['tr0ub4dor&3'] });
    expect(await login(sshd.aliasOf(user), options, prompter)).toBe(user);
    expect(prompter.secrets).toMatchObject([{ kind: method, echo: false, attempt: 1, host: sshd.aliasOf(user) }]);
  });

  it('asks again after a wrong answer', async () => {
    const prompter = answering({ secrets: ['wrong', 'tr0ub4dor&3'] });
    expect(await login(sshd.aliasOf(user), options, prompter)).toBe(user);
    expect(prompter.secrets.map((question) => question.attempt)).toEqual([1, 2]);
  });

  it('gives up after three, naming what was tried, without the answers in it', async () => {
    const prompter = answering({ secrets: ['wrong1', 'wrong2', 'wrong3', 'wrong4'] });
    const error = await failure(login(sshd.aliasOf(user), options, prompter));
    expect(error.code).toBe('auth-failed');
    expect(error.exitCode).toBe(3);
    expect(error.message).toContain(method);
    expect(prompter.secrets).toHaveLength(3);
    expect(JSON.stringify(error.toData())).not.toContain('wrong');
  });

  it('nobody to ask is a clear failure', async () => {
    expect((await failure(login(sshd.aliasOf(user), options, noPrompter))).code).toBe('auth-failed');
  });

  it('cancel while it is asked ends the connection', async () => {
    const cancel = new AbortController();
    const prompter: Prompter = {
      ...nobody,
      secret: () => {
        cancel.abort();
        return new Promise(() => undefined);
      },
    };
    const opening = openTransport(sshd.aliasOf(user), options, prompter, silentLog, { signal: cancel.signal });
    expect((await failure(opening)).code).toBe('cancelled');
    const end = Date.now() + 5000;
    while (sshd.sessions().length > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sshd.sessions()).toEqual([]);
  });
});

describe('two factors', () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd({
      auth: ['publickey', 'password'],
      config: ['AuthenticationMethods publickey,password'],
      users: [{ name: 'rs-two', password: 'second' }],
    });
  });
  afterAll(() => sshd.stop());

  it('gives the key first, then the password', async () => {
    const prompter = answering({ secrets: ['second'] });
    const options = { ...defaultSshOptions, configFile: sshd.configFile };
    expect(await login(sshd.aliasOf('rs-two'), options, prompter)).toBe('rs-two');
    expect(prompter.secrets).toHaveLength(1);
  });
});
