/** No byte of a secret in a log, an error, a process list, an environment or a file, whichever way a host is reached. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deployAgent } from '../../core/src/deploy/index.ts';
import { RingsideError } from '../../core/src/errors.ts';
import type { Log } from '../../core/src/log.ts';
import type { Prompter } from '../../core/src/prompt.ts';
import { defaultSshOptions, openTransport } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { stubAgent, type StubResources } from './ssh-fixtures.ts';
import { secondFactor, type SecondFactor } from './support/pamSecondFactor.ts';

const secrets = {
  passphrase: 'Passphrase-e1f7',
  login: 'Login-93bd',
  code: 'Code-4c0a',
  pin: 'Pin-77d2',
  sudo: 'Login-93bd',
  wrong: 'Wrong-51ee',
};
const pattern = new RegExp(Object.values(secrets).join('|'));

let sshd: TestSshd;
let stub: StubResources;
let factor: SecondFactor;
const folder = `/var/lib/ringside-secrets-${process.pid}`;

beforeAll(async () => {
  stub = stubAgent(`secrets ${process.pid}`);
  factor = secondFactor(secrets.code, secrets.pin);
  sshd = await startSshd({
    auth: ['publickey', 'keyboard-interactive'],
    config: ['AuthenticationMethods publickey,keyboard-interactive'],
    users: [{ name: 'rs-secret', password: secrets.login, sudo: 'password' }],
    pam: factor.pam,
  });
  const locked = join(sshd.folder, 'locked');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', secrets.passphrase, '-f', locked]);
  writeFileSync(join(sshd.folder, 'authorized/rs-secret'), readFileSync(`${locked}.pub`));
  const config = readFileSync(sshd.configFile, 'utf8').replace(/IdentityFile .*/g, `IdentityFile ${locked}`);
  writeFileSync(sshd.configFile, config);
});
afterAll(async () => {
  await sshd.stop();
  stub.remove();
  factor.remove();
  execFileSync('rm', ['-rf', folder]);
});

/** None where the folder is gone: that of a connection of another test file, which runs beside this one. */
function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** Command lines and environments of all processes but this one, and the files of our own folders. */
function looked(): string[] {
  const found: string[] = [];
  const read = (file: string): void => {
    try {
      const text = readFileSync(file, 'latin1');
      if (pattern.test(text)) found.push(`${file}: ${text.replaceAll('\0', ' ').slice(0, 300)}`);
    } catch {
      // A process that has ended, a socket.
    }
  };
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    for (const name of ['cmdline', 'environ']) read(`/proc/${pid}/${name}`);
  }
  for (const name of readdirSync(tmpdir()))
    if (name.startsWith('ringside-ssh-')) for (const file of filesOf(join(tmpdir(), name))) read(file);
  return found;
}

it.each([
  ['ssh2', false],
  ['ssh2', true],
  ['openssh', false],
  ['openssh', true],
] as const)('over %s, mistyped: %s', async (transport, mistyped) => {
  const words: string[] = [];
  const say = (text: string): void => void words.push(text);
  const log: Log = { error: say, warn: say, info: say, debug: say };
  const found = new Set<string>();
  const look = (): void => looked().forEach((place) => found.add(place));
  let asked = 0;
  const prompter: Prompter = {
    confirmHostKey: () => Promise.resolve('no'),
    secret: ({ kind, prompt, attempt }) => {
      asked++;
      say(prompt);
      look();
      setTimeout(look, 20);
      setTimeout(look, 60);
      const right =
        kind === 'passphrase'
          ? secrets.passphrase
          : kind === 'sudo' || /password/i.test(prompt)
            ? secrets.login
            : /code/i.test(prompt)
              ? secrets.code
              : secrets.pin;
      return Promise.resolve(mistyped && (attempt === 1 || kind === 'sudo') ? secrets.wrong : right);
    },
  };
  const ssh = { ...defaultSshOptions, configFile: sshd.configFile, transport };
  let failed: RingsideError | undefined;
  try {
    const host = await openTransport(sshd.aliasOf('rs-secret'), ssh, prompter, log);
    try {
      const { resourceDir } = stub;
      const agent = await deployAgent(host, { ssh, prompter, log, resourceDir, folders: [folder] });
      expect(agent.privilege).toBe('sudo');
      look();
      agent.channel.stdin.end();
      await agent.channel.exit;
    } finally {
      host.dispose();
    }
  } catch (error) {
    failed = RingsideError.from(error);
    say(JSON.stringify(failed.toData()));
    say(failed.stack ?? '');
  }
  expect(failed?.code).toBe(mistyped ? 'sudo-password-wrong' : undefined);
  // Passphrase, password, code, PIN, sudo.
  expect(asked).toBeGreaterThanOrEqual(5);
  expect([...found]).toEqual([]);
  expect(words.length).toBeGreaterThan(5);
  expect(words.filter((text) => pattern.test(text))).toEqual([]);
  expect(pattern.test(sshd.log())).toBe(false);
});

it('would see one', () => {
  const child = execFileSync('sh', ['-c', `cat /proc/$$/cmdline # ${secrets.pin}`], { encoding: 'latin1' });
  expect(pattern.test(child)).toBe(true);
});
