import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listHosts, resolveHost, type ResolvedHost } from './config.ts';
import { parseConfigLine, sshHome } from './configFile.ts';
import { parseHostName } from './hostName.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const configFile = join(folder, 'config');

beforeAll(() => {
  mkdirSync(join(folder, 'conf.d'));
  writeFileSync(
    configFile,
    `# comment
Include ${folder}/conf.d/*.conf ${folder}/missing
Host web web-alias *.internal !db.internal
  HostName 10.0.0.1
  Port=2222
  User "dev"
  IdentityFile "~/.ssh/my key"
  IdentityFile %d/keys/%h-%r
  CertificateFile ~/.ssh/web-cert.pub
  UserKnownHostsFile "~/.ssh/known of mine" ~/.ssh/known2
  StrictHostKeyChecking accept-new
  ProxyJump admin@gate:33,second
  PreferredAuthentications publickey,password
  NumberOfPasswordPrompts 9
  ConnectTimeout 7
  IdentityAgent none
  HostKeyAlias the-web

HOST commanded
  ProxyCommand nc %h %p
  PubkeyAuthentication no
  IdentitiesOnly yes
Match host nothing
  Port 1
Host *
  User fallback
  Port 2200
  HostName %h.example.org
`,
  );
  writeFileSync(join(folder, 'conf.d/10-first.conf'), 'Host included\n  HostName included.example\n');
  writeFileSync(
    join(folder, 'conf.d/20-second.conf'),
    'Host twice\n  User second\nHost web\n  NumberOfPasswordPrompts 2\n',
  );
  writeFileSync(join(folder, 'conf.d/ignored.txt'), 'Host ignored\n');
});

describe.each([
  ['ssh -G', undefined],
  ['own reading, where there is no ssh', join(folder, 'no-ssh-here')],
])('a host by %s', (_name, sshProgram) => {
  const resolve = (name: string): Promise<ResolvedHost> => resolveHost(name, { configFile, sshProgram });

  it('has what the configuration says', async () => {
    const home = sshHome();
    expect(await resolve('web')).toMatchObject({
      name: 'web',
      local: false,
      hostname: '10.0.0.1',
      port: 2222,
      user: 'dev',
      identityFiles: [`${home}/.ssh/my key`, `${home}/keys/10.0.0.1-dev`],
      certificateFiles: [`${home}/.ssh/web-cert.pub`],
      identityAgent: null,
      userKnownHostsFiles: [`${home}/.ssh/known of mine`, `${home}/.ssh/known2`],
      strictHostKeyChecking: 'accept-new',
      proxyJump: 'admin@gate:33,second',
      proxyCommand: null,
      preferredAuthentications: ['publickey', 'password'],
      numberOfPasswordPrompts: 2,
      connectTimeout: 7,
      hostKeyAlias: 'the-web',
    });
    expect(await resolve('commanded')).toMatchObject({
      hostname: 'commanded.example.org',
      port: 2200,
      user: 'fallback',
      proxyCommand: 'nc %h %p',
      proxyJump: null,
      pubkeyAuthentication: false,
      identitiesOnly: true,
      strictHostKeyChecking: 'ask',
      connectTimeout: null,
    });
  });

  it('follows patterns, negations and includes; what is named wins', async () => {
    expect((await resolve('x.internal')).hostname).toBe('10.0.0.1');
    expect((await resolve('db.internal')).hostname).toBe('db.internal.example.org');
    expect((await resolve('included')).hostname).toBe('included.example');
    expect(await resolve('me@web:99')).toMatchObject({ user: 'me', port: 99, hostname: '10.0.0.1' });
    expect(await resolve('unheard-of')).toMatchObject({ hostname: 'unheard-of.example.org', port: 2200 });
  });
});

describe('hosts', () => {
  it('are listed with their place, patterns left out, includes followed once', async () => {
    const hosts = await listHosts({ configFile });
    expect(hosts.map(({ alias, source }) => [alias, source])).toEqual([
      ['included', `${folder}/conf.d/10-first.conf:1`],
      ['twice', `${folder}/conf.d/20-second.conf:1`],
      ['web', `${folder}/conf.d/20-second.conf:3`],
      ['web-alias', `${configFile}:3`],
      ['commanded', `${configFile}:19`],
    ]);
    expect(hosts[2]).toEqual({
      alias: 'web',
      hostname: '10.0.0.1',
      port: 2222,
      user: 'dev',
      proxyJump: 'admin@gate:33,second',
      source: `${folder}/conf.d/20-second.conf:3`,
    });
  });

  it('are listed although an include goes in a circle, which ssh refuses', async () => {
    const file = join(folder, 'circle');
    writeFileSync(file, `Host before\nInclude ${file}\nHost after\n`);
    const hosts = await listHosts({ configFile: file });
    expect(hosts.map(({ alias, hostname }) => [alias, hostname])).toEqual([
      ['before', 'before'],
      ['after', 'after'],
    ]);
  });

  it('local needs no configuration', async () => {
    expect(await resolveHost('local')).toMatchObject({ local: true, name: 'local' });
  });

  it('a broken configuration is named with its place', async () => {
    const broken = join(folder, 'broken');
    writeFileSync(broken, 'Host a\n  Port many\n');
    const error: unknown = await resolveHost('a', { configFile: broken }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ssh-config', links: [`${broken}:2`] });
    await expect(resolveHost('a', { configFile: join(folder, 'nowhere') })).rejects.toMatchObject({
      code: 'ssh-config',
    });
    await expect(resolveHost('a', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('names', () => {
  it.each([
    ['web', { host: 'web' }],
    ['dev@web', { host: 'web', user: 'dev' }],
    ['dev@web:22', { host: 'web', user: 'dev', port: 22 }],
    ['me@corp.org@web:2', { host: 'web', user: 'me@corp.org', port: 2 }],
    ['::1', { host: '::1' }],
    ['root@[fe80::1%eth0]:2222', { host: 'fe80::1%eth0', user: 'root', port: 2222 }],
    ['ssh://dev@web:2222/', { host: 'web', user: 'dev', port: 2222 }],
  ])('%s', (name, expected) => {
    expect(parseHostName(name)).toEqual(expected);
  });

  it.each([
    '',
    '-oProxyCommand=x',
    'dev@-x',
    '-l@web',
    'a b',
    'a\nb',
    'web:0',
    'web:70000',
    'web:x',
    '@web',
    'dev@',
    '$(x)',
    'a;b',
    'x`y`@web',
  ])('refuses %j', (name) => {
    expect(() => parseHostName(name)).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  });

  it('whatever is taken can be no option, no shell command and no control character', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (name) => {
        let parsed;
        try {
          parsed = parseHostName(name);
        } catch {
          return;
        }
        for (const part of [parsed.host, parsed.user ?? 'x'])
          expect(part).toMatch(/^[^-'`"$\\;&<>|(){}\s][^'`"$\\;&<>|(){}\s]*$/);
      }),
    );
  });

  it('a line of the configuration is split as ssh splits it', () => {
    const words = (text: string): string[] | undefined => parseConfigLine(text, 'f', 1)?.arguments;
    expect(words('Host a "b c" d#e # f')).toEqual(['a', 'b c', 'd#e']);
    expect(words('Port=22')).toEqual(['22']);
    expect(words('IdentityFile "a \\" b"')).toEqual(['a " b']);
    expect(words('# Host a')).toBeUndefined();
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void parseConfigLine(text, 'f', 1)));
  });
});
