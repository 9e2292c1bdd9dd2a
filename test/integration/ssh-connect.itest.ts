import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RingsideError } from '../../core/src/errors.ts';
import { silentLog } from '../../core/src/log.ts';
import { noPrompter, type Prompter } from '../../core/src/prompt.ts';
import {
  defaultSshOptions,
  listHosts,
  openTransport,
  type SshOptions,
  type Transport,
} from '../../core/src/ssh/index.ts';
import { freePort, startSshd, type TestSshd } from '../hosts/sshd.ts';
import { answering, failure, nobody } from './ssh-fixtures.ts';

/** Opens, gives the transport to `use`, and always closes. */
async function withTransport<T>(
  host: string,
  options: SshOptions,
  prompter: Prompter,
  use: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = await openTransport(host, options, prompter, silentLog);
  try {
    return await use(transport);
  } finally {
    transport.dispose();
  }
}

const whoami = (transport: Transport): Promise<string> => transport.run('id -un').then(({ stdout }) => stdout.trim());

async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('commands over a known host', () => {
  let sshd: TestSshd;
  let options: SshOptions;
  beforeAll(async () => {
    sshd = await startSshd({ config: ['RekeyLimit 1M'] });
    options = { ...defaultSshOptions, configFile: sshd.configFile };
  });
  afterAll(() => sshd.stop());

  it('gives output, errors and exit status of a command, whatever characters it holds', async () => {
    await withTransport(sshd.alias, options, nobody, async (transport) => {
      const result = await transport.run('printf "%s\\n" "it\'s \\$((6 * 7))!" \'ü\'\necho oops >&2; exit 3');
      expect(result).toEqual({ stdout: "it's $((6 * 7))!\nü\n", stderr: 'oops\n', code: 3, signal: null });
      expect((await transport.run('kill -TERM $$')).signal).toBe('SIGTERM');
    });
  });

  it('takes input, limits output and time', async () => {
    await withTransport(sshd.alias, options, nobody, async (transport) => {
      const input = 'x'.repeat(500_000);
      expect((await transport.run('wc -c', { input })).stdout.trim()).toBe('500000');
      expect((await failure(transport.run('yes', { maxBytes: 10_000 }))).code).toBe('too-large');
      expect((await failure(transport.run('sleep 20', { timeoutMs: 100 }))).code).toBe('host-timeout');
      const cancel = new AbortController();
      setTimeout(() => cancel.abort(), 50);
      expect((await failure(transport.run('sleep 20', { signal: cancel.signal }))).code).toBe('cancelled');
      expect(await whoami(transport)).toBe('root');
    });
  });

  it('carries a flood through rekeys without loss and without asking again', async () => {
    await withTransport(sshd.alias, options, nobody, async (transport) => {
      const megabytes = 24;
      const channel = await transport.exec(`head -c ${megabytes}M /dev/zero | tr '\\0' 'r'`);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of channel.stdout) {
        hash.update(chunk as Buffer);
        bytes += (chunk as Buffer).length;
      }
      expect(bytes).toBe(megabytes << 20);
      expect(hash.digest('hex')).toBe(
        createHash('sha256')
          .update(Buffer.alloc(megabytes << 20, 'r'))
          .digest('hex'),
      );
      expect(await channel.exit).toEqual({ code: 0, signal: null });
      expect(
        sshd.log().split('rekeying in progress').length + sshd.log().split('set_newkeys: rekeying').length,
      ).toBeGreaterThan(5);
    });
  });

  it('tells everyone when the connection is lost', async () => {
    const transport = await openTransport(sshd.alias, options, nobody, silentLog);
    const lost = new Promise<RingsideError | undefined>((resolve) => transport.onClose(resolve));
    const channel = await transport.exec('cat');
    channel.stdout.resume();
    sshd.dropConnections();
    expect((await lost)?.code).toBe('host-lost');
    expect(await channel.exit).toEqual({ code: null, signal: null });
    expect((await failure(transport.run('true'))).code).toBe('host-lost');
  });

  it('closes silently when it is asked to', async () => {
    const transport = await openTransport(sshd.alias, options, nobody, silentLog);
    const closed = new Promise<RingsideError | undefined>((resolve) => transport.onClose(resolve));
    transport.dispose();
    expect(await closed).toBeUndefined();
    await until(() => sshd.sessions().length === 0, 'sshd has no session left');
  });

  it('goes through a jump host and through a ProxyCommand, each key verified', async () => {
    const file = join(sshd.folder, 'proxy_config');
    writeFileSync(
      file,
      `${readFileSync(sshd.configFile, 'utf8')}
Host jumped
  ProxyJump ${sshd.alias}
Host commanded
  ProxyCommand ssh -F ${sshd.configFile} -W %h:%p ${sshd.alias}
Host jumped commanded
  HostName 127.0.0.1
  Port ${sshd.port}
  User root
  IdentityFile ${sshd.identityFile}
  IdentityAgent none
  UserKnownHostsFile ${sshd.knownHostsFile}
Host strange
  ProxyJump other-${sshd.alias}
  HostName 127.0.0.1
Host other-${sshd.alias}
  HostName 127.0.0.1
  Port ${sshd.port}
  StrictHostKeyChecking yes
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
Host circle
  ProxyJump circle
`,
    );
    const through = { ...options, configFile: file };
    expect(await withTransport('jumped', through, nobody, whoami)).toBe('root');
    expect(await withTransport('commanded', through, nobody, whoami)).toBe('root');
    expect((await failure(openTransport('strange', through, nobody, silentLog))).code).toBe('host-key-unknown');
    expect((await failure(openTransport('circle', through, nobody, silentLog))).code).toBe('ssh-config');
    await until(() => sshd.sessions().length === 0, 'sshd has no session left');
  });

  it('names what is wrong with hosts that cannot be reached', async () => {
    const code = async (host: string): Promise<string> =>
      (await failure(openTransport(host, { ...options, configFile: '/dev/null' }, nobody, silentLog))).code;
    expect(await code('no-such-host.invalid')).toBe('host-unknown');
    expect(await code(`127.0.0.1:${await freePort()}`)).toBe('host-unreachable');
    expect(await code('-oProxyCommand=touch')).toBe('usage');
    expect(await code('a@b@c;d')).toBe('usage');
    const mute = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    expect(await code(`root@127.0.0.1:${port}`)).toBe('host-unreachable');
    mute.close();
  });

  it('lists the hosts of the configuration', async () => {
    const [entry, ...rest] = await listHosts({ configFile: sshd.configFile });
    expect(rest).toEqual([]);
    expect(entry).toEqual({
      alias: sshd.alias,
      hostname: '127.0.0.1',
      port: sshd.port,
      user: 'root',
      proxyJump: null,
      source: `${sshd.configFile}:1`,
    });
  });
});

describe('host keys', () => {
  let sshd: TestSshd;
  let options: SshOptions;
  beforeAll(async () => {
    sshd = await startSshd({ known: false, hostKeyTypes: ['ed25519', 'rsa'], auth: ['publickey', 'password'] });
    options = { ...defaultSshOptions, configFile: sshd.configFile };
  });
  afterAll(() => sshd.stop());
  const known = (): string => readFileSync(sshd.knownHostsFile, 'utf8');
  const logins = (): number => sshd.log().split('userauth-request').length - 1;

  it('asks about an unknown key; no means no, and nothing was sent', async () => {
    const before = logins();
    const prompter = answering({ hostKey: 'no' });
    expect((await failure(openTransport(sshd.alias, options, prompter, silentLog))).code).toBe('host-key-unknown');
    expect(prompter.hostKeys).toHaveLength(1);
    expect(prompter.hostKeys[0]).toMatchObject({
      keyType: 'ssh-ed25519',
      fingerprint: sshd.fingerprint(),
      port: sshd.port,
    });
    const art = execFileSync('ssh-keygen', ['-lvf', join(sshd.folder, 'host_ed25519.pub')], { encoding: 'utf8' });
    expect(art).toContain(prompter.hostKeys[0]?.randomart);
    await until(() => sshd.sessions().length === 0, 'the connection has ended');
    expect(logins()).toBe(before);
    expect(known()).toBe('');
  });

  it('nobody to ask means no', async () => {
    expect((await failure(openTransport(sshd.alias, options, noPrompter, silentLog))).code).toBe('host-key-unknown');
  });

  it('once connects and writes nothing', async () => {
    expect(await withTransport(sshd.alias, options, answering({ hostKey: 'once' }), whoami)).toBe('root');
    expect(known()).toBe('');
  });

  it('remember writes what ssh-keygen finds, and is not asked again', async () => {
    const prompter = answering({ hostKey: 'remember' });
    expect(await withTransport(sshd.alias, options, prompter, whoami)).toBe('root');
    const found = execFileSync('ssh-keygen', ['-f', sshd.knownHostsFile, '-F', `[127.0.0.1]:${sshd.port}`, '-l'], {
      encoding: 'utf8',
    });
    expect(found).toContain(sshd.fingerprint());
    // Debian's system-wide ssh_config hashes names, but -F leaves it out.
    expect(known()).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 \S+\n$/);
    expect(await withTransport(sshd.alias, options, nobody, whoami)).toBe('root');
    writeFileSync(sshd.knownHostsFile, '');
  });

  it('--accept-new-host-key accepts without a question and hashes the name when the user wants that', async () => {
    const file = join(sshd.folder, 'hashing_config');
    writeFileSync(file, `${readFileSync(sshd.configFile, 'utf8')}\nHost *\n  HashKnownHosts yes\n`);
    const accepting = { ...options, configFile: file, acceptNewHostKey: true };
    expect(await withTransport(sshd.alias, accepting, nobody, whoami)).toBe('root');
    expect(known()).toMatch(/^\|1\|\S+\|\S+ ssh-ed25519 \S+\n$/);
    expect(await withTransport(sshd.alias, options, nobody, whoami)).toBe('root');
    // OpenSSH reads it, too.
    const output = execFileSync(
      'ssh',
      ['-F', sshd.configFile, '-o', 'StrictHostKeyChecking=yes', sshd.alias, 'id -un'],
      { encoding: 'utf8' },
    );
    expect(output.trim()).toBe('root');
    writeFileSync(sshd.knownHostsFile, '');
  });

  it('prefers the kind of key that is known', async () => {
    const [type = '', key = ''] = readFileSync(join(sshd.folder, 'host_rsa.pub'), 'utf8').split(' ');
    writeFileSync(sshd.knownHostsFile, `# old\n[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
    expect(await withTransport(sshd.alias, options, nobody, whoami)).toBe('root');
  });

  it('a changed key stops everything before a single attempt to log in, whatever the options', async () => {
    const other = join(sshd.folder, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const [type = '', key = ''] = readFileSync(`${other}.pub`, 'utf8').split(' ');
    writeFileSync(sshd.knownHostsFile, `# first line\n[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
    const before = logins();
    const prompter = answering({ hostKey: 'remember', secrets: ['secret'] });
    const error = await failure(openTransport(sshd.alias, { ...options, acceptNewHostKey: true }, prompter, silentLog));
    expect(error.code).toBe('host-key-mismatch');
    expect(error.exitCode).toBe(3);
    expect(error.links).toEqual([`${sshd.knownHostsFile}:2`]);
    expect(error.message).toContain(sshd.fingerprint());
    expect(error.message).toContain(execFileSync('ssh-keygen', ['-lf', other], { encoding: 'utf8' }).split(' ')[1]);
    expect([prompter.hostKeys, prompter.secrets]).toEqual([[], []]);
    await until(() => sshd.sessions().length === 0, 'the connection has ended');
    expect(logins()).toBe(before);
  });

  it('a revoked key stops everything as well', async () => {
    const [type = '', key = ''] = readFileSync(join(sshd.folder, 'host_ed25519.pub'), 'utf8').split(' ');
    writeFileSync(sshd.knownHostsFile, `[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
    appendFileSync(sshd.knownHostsFile, `@revoked * ${type} ${key}\n`);
    const error = await failure(openTransport(sshd.alias, options, nobody, silentLog));
    expect(error.code).toBe('host-key-revoked');
    expect(error.links).toEqual([`${sshd.knownHostsFile}:2`]);
  });

  it('a reinstalled host is noticed', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    await withTransport(sshd.alias, { ...options, acceptNewHostKey: true }, nobody, whoami);
    await sshd.replaceHostKey();
    expect((await failure(openTransport(sshd.alias, options, nobody, silentLog))).code).toBe('host-key-mismatch');
  });

  it('cancel ends the connection while the question is open', async () => {
    writeFileSync(sshd.knownHostsFile, '');
    const cancel = new AbortController();
    const prompter: Prompter = {
      ...nobody,
      confirmHostKey: () => {
        cancel.abort();
        return new Promise(() => undefined);
      },
    };
    const opening = openTransport(sshd.alias, options, prompter, silentLog, { signal: cancel.signal });
    expect((await failure(opening)).code).toBe('cancelled');
    await until(() => sshd.sessions().length === 0, 'the connection has ended');
  });
});
