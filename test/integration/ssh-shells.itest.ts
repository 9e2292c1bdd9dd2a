/** An agent started through every login shell, over both transports; and on a host that is nothing but busybox. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentRemove, deployAgent, type AgentProcess } from '../../core/src/deploy/index.ts';
import { silentLog } from '../../core/src/log.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { failure, magic, nobody, stubAgent, type StubResources } from './ssh-fixtures.ts';

/** Everything that rc files should not do, and do. */
const noisy = 'echo "Welcome to out, it'+"'"+'s $HOSTNAME"; echo "Welcome to err" >&2; cd /; umask 000; alias ls="ls -F"\n'; // prettier-ignore

const shells = [
  { user: 'rs-dash', shell: '/bin/dash', rc: '.profile', text: noisy },
  { user: 'rs-bash', shell: '/bin/bash', rc: '.bashrc', text: noisy },
  { user: 'rs-fish', shell: '/usr/bin/fish', rc: '.config/fish/config.fish', text: 'echo "fish > out"; echo err >&2; cd /\n' },
  { user: 'rs-tcsh', shell: '/bin/tcsh', rc: '.tcshrc', text: 'echo "tcsh out"\ncd /\n' },
  { user: 'rs-zsh', shell: '/bin/zsh', rc: '.zshenv', text: `${noisy}setopt noclobber nomatch\n` },
]; // prettier-ignore

const busyRoot = `/var/lib/ringside-busybox-${process.pid}`;
const applets = 'sh id uname ls cat rm mv mkdir rmdir chmod df head wc printf sleep env true false grep ps'.split(' ');

let sshd: TestSshd;
let stub: StubResources;

beforeAll(async () => {
  stub = stubAgent(`shells ${process.pid}`);
  sshd = await startSshd({
    config: ['Match User rs-busy', `ChrootDirectory ${busyRoot}`, 'Match all'],
    users: [
      ...shells.map(({ user, shell }) => ({ name: user, shell })),
      { name: 'rs-busy' },
      { name: 'rs-rbash', shell: '/bin/rbash' },
    ],
  });
  for (const { user, rc, text } of shells) {
    const file = `/home/${user}/${rc}`;
    execFileSync('mkdir', ['-p', file.slice(0, file.lastIndexOf('/'))]);
    writeFileSync(file, text);
  }
});
afterAll(async () => {
  await sshd.stop();
  stub.remove();
});

async function start(user: string, ssh: Partial<SshOptions>): Promise<{ agent: AgentProcess; transport: Transport }> {
  const options: SshOptions = { ...defaultSshOptions, configFile: sshd.configFile, sudo: 'never', ...ssh };
  const transport = await openTransport(sshd.aliasOf(user), options, nobody, silentLog);
  try {
    const { resourceDir } = stub;
    return { transport, agent: await deployAgent(transport, { ssh: options, prompter: nobody, log: silentLog, resourceDir }) };
  } catch (error) {
    transport.dispose();
    throw error;
  }
} // prettier-ignore

/** Skips what the shell printed, as the agent's client does; then every byte goes there and back. */
async function echo({ channel }: AgentProcess): Promise<void> {
  const bytes = Buffer.from([...Array(256).keys()]);
  let read = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    channel.stdout.on('data', (chunk: Buffer) => {
      const before = read.indexOf(magic) >= 0;
      read = Buffer.concat([read, chunk]);
      const at = read.indexOf(magic);
      if (at >= 0 && !before) channel.stdin.write(bytes);
      if (at >= 0 && read.length >= at + magic.length + bytes.length) resolve();
    });
    channel.stdout.once('end', () => reject(new Error(`ended after ${read.length} bytes`)));
  });
  expect(read.subarray(read.indexOf(magic) + magic.length).equals(bytes)).toBe(true);
  channel.stdin.end();
  expect(await channel.exit).toEqual({ code: 0, signal: null });
}

describe.each(['ssh2', 'openssh'] as const)('over %s', (way) => {
  it.each(shells)('the login shell $shell of $user', async ({ user }) => {
    const { agent, transport } = await start(user, { transport: way });
    try {
      expect(agent.path).toBe(`/home/${user}/.cache/ringside/${stub.sha256}/ringside-agent`);
      await echo(agent);
      const options = { ssh: { ...defaultSshOptions, sudo: 'never' as const }, prompter: nobody, log: silentLog };
      const { removed } = await agentRemove(transport, { ...options, resourceDir: stub.resourceDir });
      expect(removed).toContain(agent.path);
    } finally {
      transport.dispose();
    }
  });
});

it.each(['ssh2', 'openssh'] as const)('a restricted shell is told as that (%s)', async (way) => {
  const error = await failure(start('rs-rbash', { transport: way }));
  expect(error.code).toBe('agent-start');
  expect(error.message).toContain('restricted');
  expect(error.remedy).toContain('login shell');
});

describe('a host that is busybox alone', () => {
  beforeAll(() => {
    for (const folder of ['bin', 'proc', 'dev', 'etc', 'tmp', 'var/tmp']) mkdirSync(`${busyRoot}/${folder}`, { recursive: true });
    for (const folder of ['tmp', 'var/tmp']) chmodSync(`${busyRoot}/${folder}`, 0o1777);
    cpSync('/bin/busybox', `${busyRoot}/bin/box`);
    for (const applet of applets) symlinkSync('box', `${busyRoot}/bin/${applet}`);
    execFileSync('mount', ['-t', 'proc', 'proc', `${busyRoot}/proc`]);
    execFileSync('mknod', ['-m', '666', `${busyRoot}/dev/null`, 'c', '1', '3']);
  }); // prettier-ignore
  afterAll(() => {
    execFileSync('umount', ['-l', `${busyRoot}/proc`]);
    rmSync(busyRoot, { recursive: true, force: true });
  });

  it.each([
    ['without any program for SHA-256', 'ssh2', undefined],
    ['with sha256sum', 'ssh2', 'sha256sum'],
    ['with sha256sum', 'openssh', 'sha256sum'],
  ] as const)('%s (%s): no home folder, so a folder of its own in /var/tmp', async (_what, way, applet) => {
    if (applet !== undefined && !existsSync(`${busyRoot}/bin/${applet}`)) symlinkSync('box', `${busyRoot}/bin/${applet}`);
    const uid = execFileSync('id', ['-u', 'rs-busy'], { encoding: 'utf8' }).trim();
    for (const installed of [true, false]) {
      const { agent, transport } = await start('rs-busy', { transport: way });
      expect(agent).toMatchObject({ installed, path: `/var/tmp/ringside-${uid}/${stub.sha256}/ringside-agent` });
      await echo(agent);
      transport.dispose();
    }
    rmSync(`${busyRoot}/var/tmp/ringside-${uid}`, { recursive: true });
    // Somebody else's folder of that name is neither used nor taken for a sign of tampering.
    mkdirSync(`${busyRoot}/var/tmp/ringside-${uid}/${stub.sha256}`, { recursive: true });
    writeFileSync(`${busyRoot}/var/tmp/ringside-${uid}/${stub.sha256}/ringside-agent`, 'not ours', { mode: 0o755 });
    const { agent, transport } = await start('rs-busy', { transport: way });
    expect(agent.path).toBe(`/tmp/ringside-${uid}/${stub.sha256}/ringside-agent`);
    await echo(agent);
    transport.dispose();
    for (const folder of ['tmp', 'var/tmp']) rmSync(`${busyRoot}/${folder}/ringside-${uid}`, { recursive: true });
  }); // prettier-ignore
});
