import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  agentRemove,
  agentStatus,
  deployAgent,
  type AgentProcess,
  type DeployOptions,
} from '../../core/src/deploy/index.ts';
import { silentLog } from '../../core/src/log.ts';
import type { Prompter } from '../../core/src/prompt.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { answering, failure, magic, nobody, stubAgent, take, type StubResources } from './ssh-fixtures.ts';

let sshd: TestSshd;
let stub: StubResources;
/** Root's folder for agents in these tests, so that agents installed in earnest are left alone. */
const folder = `/var/lib/ringside-test-${process.pid}`;
const second = `${folder}-second`;
const open: Transport[] = [];

beforeAll(async () => {
  stub = stubAgent(`deploy ${process.pid}`);
  sshd = await startSshd({
    users: [
      { name: 'rs-free', sudo: 'nopasswd' },
      { name: 'rs-pass', sudo: 'password', password: 'correct horse', sudoers: ['Defaults:rs-pass lecture=always'] },
      { name: 'rs-none', password: 'battery staple' },
      { name: 'rs-tty', sudo: 'nopasswd', sudoers: ['Defaults:rs-tty requiretty'] },
      {
        ...{ name: 'rs-ttypass', sudo: 'password', password: 'tty pass' },
        sudoers: ['Defaults:rs-ttypass requiretty, lecture=never'],
      },
      { name: 'rs-nologin', shell: '/usr/sbin/nologin' },
      { name: 'rs-loud', sudo: 'nopasswd', shell: '/bin/bash' },
    ],
  });
  writeFileSync('/home/rs-loud/.bashrc', 'echo "Welcome to out"; echo "Welcome to err" >&2; cd /\n');
});
afterAll(async () => {
  await sshd.stop();
  stub.remove();
});
beforeEach(() => clean());
afterEach(() => {
  for (const transport of open.splice(0)) transport.dispose();
  clean();
});
function clean(): void {
  for (const path of [folder, second, '/home/rs-none/.cache']) rmSync(path, { recursive: true, force: true });
}

interface Deploying {
  prompter?: Prompter;
  ssh?: Partial<SshOptions>;
  options?: Partial<DeployOptions>;
}

async function connect(user?: string): Promise<Transport> {
  const host = user ? sshd.aliasOf(user) : sshd.alias;
  const transport = await openTransport(host, { ...defaultSshOptions, configFile: sshd.configFile }, nobody, silentLog);
  open.push(transport);
  return transport;
}

function optionsFor({ prompter = nobody, ssh = {}, options = {} }: Deploying): DeployOptions {
  const base = { ssh: { ...defaultSshOptions, ...ssh }, prompter, log: silentLog, folders: [folder] };
  return { ...base, resourceDir: stub.resourceDir, ...options };
}

async function deploy(user?: string, more: Deploying = {}): Promise<AgentProcess> {
  return deployAgent(await connect(user), optionsFor(more));
}

async function echo(agent: AgentProcess): Promise<void> {
  expect((await take(agent.channel.stdout, magic.length)).equals(magic)).toBe(true);
  agent.channel.stdin.write('hello');
  expect((await take(agent.channel.stdout, 5)).toString()).toBe('hello');
}

/** Ends the agent as a client does: stdin closed, exit awaited. */
async function end(agent: AgentProcess): Promise<void> {
  agent.channel.stdin.end();
  expect(await agent.channel.exit).toEqual({ code: 0, signal: null });
}

describe('an agent on a host', () => {
  it('is installed once, in a folder of root alone, then started as it is', async () => {
    const states: string[] = [];
    const steps: string[] = [];
    const options = {
      onState: (state: string) => states.push(state),
      progress: ({ step }: { step: string }) => steps.push(step),
    };
    const cold = await deploy(undefined, { options });
    expect(cold).toMatchObject({ installed: true, privilege: 'root', sha256: stub.sha256 });
    expect(cold.path).toBe(`${folder}/${stub.sha256}/ringside-agent`);
    await echo(cold);
    await end(cold);
    const file = statSync(cold.path);
    expect({ mode: file.mode & 0o777, uid: file.uid }).toEqual({ mode: 0o500, uid: 0 });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual([stub.sha256]);
    expect(states).toEqual(['probing', 'installing', 'privileged']);
    expect(steps.at(-1)).toBe(`Uploading agent to ${sshd.alias}`);

    const warm = await deploy();
    expect(warm).toMatchObject({ installed: false, path: cold.path });
    await echo(warm);
    await end(warm);
  });

  it('runs locally in the same way', async () => {
    const transport = await openTransport('local', defaultSshOptions, nobody, silentLog);
    const agent = await deployAgent(transport, optionsFor({}));
    expect(agent).toMatchObject({ installed: true, privilege: 'root' });
    await echo(agent);
    await end(agent);
    transport.dispose();
  });

  it('is never executed when its file was changed; remove repairs it', async () => {
    const agent = await deploy();
    await end(agent);
    chmodSync(agent.path, 0o700);
    appendFileSync(agent.path, 'x');
    const error = await failure(deploy());
    expect(error.code).toBe('agent-tampered');
    expect(error.message).toContain(agent.path);
    expect(error.remedy).toContain('agent remove');
    expect((await agentStatus(await connect(), optionsFor({}))).installed).toMatchObject([
      { path: agent.path, current: false },
    ]);
    expect((await agentRemove(await connect(), optionsFor({}))).removed).toEqual([agent.path, folder]);
    await end(await deploy());
  });

  it('is not executed from a place where somebody else could change it', async () => {
    const agent = await deploy();
    await end(agent);
    const spoils: (() => void)[] = [
      () => chmodSync(folder, 0o777),
      () => chmodSync(`${folder}/${stub.sha256}`, 0o770),
      () => chmodSync(agent.path, 0o722),
      () => chownSync(agent.path, 1, 0),
      () => chownSync(folder, 1, 0),
    ];
    for (const spoil of spoils) {
      spoil();
      expect((await failure(deploy())).code).toBe('agent-tampered');
      for (const path of [folder, `${folder}/${stub.sha256}`, agent.path]) {
        chownSync(path, 0, 0);
        chmodSync(path, 0o700);
      }
    }
    await end(await deploy());
  });

  it('of an older version is removed by a new one, unless it runs', async () => {
    const old = await deploy();
    const newer = stubAgent('newer');
    const newest = stubAgent('newest');
    const with_ = (resources: StubResources): Deploying => ({ options: { resourceDir: resources.resourceDir } });
    try {
      await end(await deploy(undefined, with_(newer)));
      expect(readdirSync(folder).sort()).toEqual([stub.sha256, newer.sha256].sort());
      await end(old);
      mkdirSync(`${folder}/keep-me`);
      await end(await deploy(undefined, with_(newest)));
      expect(readdirSync(folder).sort()).toEqual([newest.sha256, 'keep-me'].sort());
    } finally {
      newer.remove();
      newest.remove();
    }
  });

  it('leaves nothing when it is ephemeral, even when it is killed', async () => {
    const ssh = { ephemeral: true };
    const agent = await deploy(undefined, { ssh });
    expect(agent.installed).toBe(true);
    await echo(agent);
    expect(existsSync(agent.path)).toBe(true);
    await agent.cleanup();
    expect(existsSync(folder)).toBe(false);

    const killed = await deploy(undefined, { ssh });
    const [process_] = (await agentStatus(await connect(), optionsFor({}))).running;
    process.kill(process_?.pid ?? 0, 'SIGKILL');
    expect((await killed.channel.exit).code).toBe(137);
    expect(existsSync(folder)).toBe(false);
  });

  it('is listed and removed, with what runs of it, and nothing else', async () => {
    const agent = await deploy('rs-free');
    writeFileSync(`${folder}/note`, 'not ours');
    const status = await agentStatus(await connect('rs-free'), optionsFor({}));
    expect(status.installed).toEqual([
      { path: agent.path, sha256: stub.sha256, bytes: statSync(stub.file).size, current: true },
    ]);
    expect(status.running).toMatchObject([{ user: 'root' }]);
    expect(status.running[0]?.startedSeconds).toBeLessThan(30);
    const removal = await agentRemove(await connect('rs-free'), optionsFor({}));
    expect(removal).toEqual({ host: sshd.aliasOf('rs-free'), removed: [agent.path] });
    expect((await agent.channel.exit).code).not.toBe(0);
    expect(readdirSync(folder)).toEqual(['note']);
  });

  it('that was never there costs no question', async () => {
    const options = optionsFor({});
    const transport = await connect('rs-pass');
    expect(await agentStatus(transport, options)).toEqual({
      host: transport.host,
      installed: [],
      running: [],
      kept: [],
    });
    expect((await agentRemove(transport, options)).removed).toEqual([]);
  });
});

describe('privilege', () => {
  it('comes from sudo without a password', async () => {
    const agent = await deploy('rs-free');
    expect(agent).toMatchObject({ privilege: 'sudo', installed: true });
    expect(statSync(agent.path).uid).toBe(0);
    await echo(agent);
    await end(agent);
  });

  it('comes from sudo with a password, of which the agent sees nothing', async () => {
    const prompter = answering({ secrets: ['correct horse'] });
    const agent = await deploy('rs-pass', { prompter });
    expect(agent.privilege).toBe('sudo');
    expect(prompter.secrets).toMatchObject([{ kind: 'sudo', echo: false, attempt: 1, host: sshd.aliasOf('rs-pass') }]);
    // The stub echoes all of its input: a password in it would come before "hello".
    await echo(agent);
    await end(agent);
  });

  it('takes the password given up front, and asks when it is wrong', async () => {
    await end(await deploy('rs-pass', { ssh: { sudoPassword: 'correct horse' } }));
    const prompter = answering({ secrets: ['wrong as well', 'correct horse'] });
    await end(await deploy('rs-pass', { ssh: { sudoPassword: 'wrong' }, prompter }));
    expect(prompter.secrets.map((question) => question.attempt)).toEqual([2, 3]);
  });

  it('is refused after three wrong passwords, and when none is given', async () => {
    const wrong = answering({ secrets: ['a', 'b', 'c', 'd'] });
    const error = await failure(deploy('rs-pass', { prompter: wrong }));
    expect(error.code).toBe('sudo-password-wrong');
    expect(error.exitCode).toBe(4);
    expect(wrong.secrets).toHaveLength(3);
    expect((await failure(deploy('rs-pass', { prompter: answering({}) }))).code).toBe('sudo-password-needed');
    expect((await failure(deploy('rs-pass', { prompter: answering({}), ssh: { sudoPassword: 'x' } }))).code).toBe(
      'sudo-password-wrong',
    );
  });

  it('is denied with the line that would grant it', async () => {
    const error = await failure(deploy('rs-none', { prompter: answering({ secrets: ['battery staple'] }) }));
    expect(error.code).toBe('sudo-denied');
    expect(error.remedy).toContain('rs-none ALL=(root) NOPASSWD: /bin/sh');
    expect(error.remedy).toContain('permit nopass rs-none as root cmd /bin/sh');
  });

  it('is had where sudo wants a terminal, without and with a password', async () => {
    for (const user of ['rs-tty', 'rs-ttypass']) {
      const prompter = answering({ secrets: user === 'rs-tty' ? [] : ['tty pass'] });
      const agent = await deploy(user, { prompter });
      expect(agent.privilege).toBe('sudo');
      expect(prompter.secrets).toHaveLength(user === 'rs-tty' ? 0 : 1);
      await echo(agent);
      // Bytes that a terminal would change.
      const bytes = Buffer.from([...Array(256).keys()]);
      agent.channel.stdin.write(bytes);
      expect((await take(agent.channel.stdout, 256)).equals(bytes)).toBe(true);
      await end(agent);
    }
  });

  it('comes from doas by the line that the message names', async () => {
    const file = '/etc/doas.conf';
    const before = existsSync(file) ? readFileSync(file) : undefined;
    // It would ask on a terminal, where nobody of ours is.
    const asking = 'permit rs-none as root cmd /bin/sh';
    writeFileSync(file, `${asking}\n`, { mode: 0o600 });
    try {
      const refused = await failure(deploy('rs-none', { prompter: answering({ secrets: ['battery staple'] }) }));
      expect(refused.code).toBe('sudo-denied');
      expect(refused.message).toContain('doas would do it for a password');
      const rule = /permit nopass .*? \/bin\/sh/.exec(refused.remedy)?.[0] ?? '';
      writeFileSync(file, `${asking}\n${rule}\n`, { mode: 0o600 });
      const agent = await deploy('rs-none', { prompter: answering({ secrets: ['battery staple'] }) });
      expect(agent).toMatchObject({ privilege: 'sudo', elevation: 'doas' });
      await echo(agent);
      await end(agent);
    } finally {
      if (before) writeFileSync(file, before);
      else rmSync(file);
    }
  });

  it('is granted by the line that the message names', async () => {
    const line = (await failure(deploy('rs-none', { prompter: answering({ secrets: ['battery staple'] }) }))).remedy;
    const rule = /rs-none ALL=.*? \/bin\/sh/.exec(line)?.[0] ?? '';
    writeFileSync('/etc/sudoers.d/ringside-test-rs-none', `${rule}\n`, { mode: 0o440 });
    try {
      await end(await deploy('rs-none'));
    } finally {
      rmSync('/etc/sudoers.d/ringside-test-rs-none');
    }
  });

  it('is not wanted: the agent runs as the user, from the home folder', async () => {
    const agent = await deploy('rs-none', { ssh: { sudo: 'never' } });
    expect(agent).toMatchObject({
      privilege: 'user',
      path: `/home/rs-none/.cache/ringside/${stub.sha256}/ringside-agent`,
    });
    await echo(agent);
    const transport = await connect('rs-none');
    const options = optionsFor({ ssh: { sudo: 'never' } });
    expect(await agentStatus(transport, options)).toMatchObject({
      installed: [{ path: agent.path }],
      running: [{ user: 'rs-none' }],
    });
    expect((await agentRemove(transport, options)).removed).toEqual([agent.path, '/home/rs-none/.cache/ringside']);
    expect(existsSync(agent.path)).toBe(false);
  });

  it('works with a login shell that talks, and says so when there is none', async () => {
    const agent = await deploy('rs-loud');
    expect((await take(agent.channel.stdout, 15 + magic.length)).subarray(15).equals(magic)).toBe(true);
    await end(agent);
    const error = await failure(deploy('rs-nologin'));
    expect(error.code).toBe('agent-start');
    expect(error.detail).toContain('not available');
  });
});

describe('a host that cannot', () => {
  /** Mounts a tmpfs on root's folder for one step. */
  async function mounted<T>(mountOptions: string, step: () => Promise<T>): Promise<T> {
    mkdirSync(folder, { mode: 0o700, recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${mountOptions}`, 'ringside-test', folder]);
    try {
      return await step();
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  }

  it('has a full disk', async () => {
    expect((await mounted('size=128k', () => failure(deploy()))).code).toBe('no-space');
    // df may be wrong about what is free (quota, reserved blocks): the write itself fails.
    const lying: Partial<Transport> = {};
    await mounted('size=128k', async () => {
      const transport = await connect();
      const exec = transport.exec.bind(transport);
      Object.assign(transport, lying, { exec: (command: string) => exec(command.replaceAll('df -Pk', 'false')) });
      const error = await failure(deployAgent(transport, optionsFor({})));
      expect(error.code).toBe('no-space');
      expect(readdirSync(folder)).toEqual([]);
    });
  });

  it('mounts the folder noexec; the next one is taken', async () => {
    const agent = await mounted('noexec', () => deploy(undefined, { options: { folders: [folder, second] } }));
    expect(agent.path).toBe(`${second}/${stub.sha256}/ringside-agent`);
    await end(agent);
    const error = await mounted('noexec', () => failure(deploy()));
    expect(error.code).toBe('noexec');
    expect(error.message).toContain(folder);
  });

  it('has become noexec after the installation', async () => {
    await mounted('exec', async () => {
      await end(await deploy());
      execFileSync('mount', ['-o', 'remount,noexec', folder]);
      expect((await failure(deploy())).code).toBe('noexec');
    });
  });

  it('is read-only', async () => {
    expect((await mounted('ro', () => failure(deploy()))).code).toBe('not-writable');
  });

  it('has another architecture, or is no Linux', async () => {
    const other = stubAgent('1', ['mips64']);
    const resourceDir = other.resourceDir;
    expect((await failure(deploy(undefined, { options: { resourceDir } }))).code).toBe('arch-unsupported');
    other.remove();
    const transport = await connect();
    const exec = transport.exec.bind(transport);
    Object.assign(transport, { exec: (command: string) => exec(command.replace('uname -sm', 'echo FreeBSD amd64')) });
    expect((await failure(deployAgent(transport, optionsFor({})))).code).toBe('not-linux');
  });

  it('has no program that computes SHA-256: the file is read back and compared here', async () => {
    const poor = async (): Promise<Transport> => {
      const transport = await connect();
      const exec = transport.exec.bind(transport);
      const hide = (command: string): string =>
        command.replace(/command -v (sha256sum|openssl|shasum|busybox)/g, 'false');
      return Object.assign(transport, { exec: (command: string) => exec(hide(command)) });
    };
    const cold = await deployAgent(await poor(), optionsFor({}));
    await echo(cold);
    await end(cold);
    const warm = await deployAgent(await poor(), optionsFor({}));
    expect(warm.installed).toBe(false);
    await echo(warm);
    await end(warm);
    const size = statSync(warm.path).size;
    chmodSync(warm.path, 0o700);
    execFileSync('dd', ['if=/dev/urandom', `of=${warm.path}`, 'bs=1', 'count=1', `seek=${size - 1}`, 'conv=notrunc'], {
      stdio: 'ignore',
    });
    expect((await failure(deployAgent(await poor(), optionsFor({})))).code).toBe('agent-tampered');
    appendFileSync(warm.path, 'x');
    expect((await failure(deployAgent(await poor(), optionsFor({})))).code).toBe('agent-tampered');
  });

  /** Waits until the host has noticed the end; gives what is in the folder then. */
  async function left(): Promise<string[]> {
    const part = `.part.${stub.sha256}`;
    const deadline = Date.now() + 5000;
    while (!readdirSync(folder).every((name) => name === part) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    return readdirSync(folder);
  }

  it('goes away in the middle of the upload: the next try goes on from there', async () => {
    const progress = ({ done }: { done?: number }): void => {
      if (done !== undefined && done > 300_000) sshd.dropConnections();
    };
    expect((await failure(deploy(undefined, { options: { progress } }))).code).toBe('host-lost');
    const part = `.part.${stub.sha256}`;
    expect(await left()).toEqual([part]);
    const there = statSync(`${folder}/${part}/ringside-agent`).size;
    expect(there).toBeGreaterThan(0);
    const sent: number[] = [];
    const counting = ({ done }: { done?: number }): void => {
      if (done !== undefined) sent.push(done);
    };
    expect((await agentStatus(await connect(), optionsFor({}))).installed).toEqual([]);
    const agent = await deploy(undefined, { options: { progress: counting } });
    expect(sent[0]).toBe(there);
    await echo(agent);
    await end(agent);
    expect(readdirSync(folder)).toEqual([stub.sha256]);
  });

  it('has changed what had arrived: it is never executed, and the try after that begins anew', async () => {
    const part = `${folder}/.part.${stub.sha256}`;
    mkdirSync(part, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    writeFileSync(`${part}/ringside-agent`, 'x'.repeat(100_000), { mode: 0o600 });
    const error = await failure(deploy());
    expect(error.code).toBe('agent-start');
    expect(error.message).toContain('damaged');
    expect(readdirSync(folder)).toEqual([]);
    await end(await deploy());
    mkdirSync(part, { mode: 0o700 });
    expect((await agentRemove(await connect(), optionsFor({}))).removed).toContain(folder);
  });

  it('is left by cancel in the middle of the upload, and before', async () => {
    const cancel = new AbortController();
    const progress = ({ done }: { done?: number }): void => {
      if (done !== undefined && done > 100_000) cancel.abort();
    };
    const ssh = { ephemeral: true };
    expect((await failure(deploy(undefined, { ssh, options: { progress, signal: cancel.signal } }))).code).toBe(
      'cancelled',
    );
    const deadline = Date.now() + 5000;
    while (readdirSync(folder).length > 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readdirSync(folder)).toEqual([]);
    expect((await failure(deploy(undefined, { options: { signal: AbortSignal.abort() } }))).code).toBe('cancelled');
    const asked = new AbortController();
    const prompter: Prompter = { ...nobody, secret: () => (asked.abort(), new Promise(() => undefined)) };
    expect((await failure(deploy('rs-pass', { prompter, options: { signal: asked.signal } }))).code).toBe('cancelled');
  });

  it('loses the connection while the agent runs: its channel ends, and the agent with it', async () => {
    const agent = await deploy();
    await echo(agent);
    sshd.dropConnections();
    expect(await agent.channel.exit).toEqual({ code: null, signal: null });
    const transport = await connect();
    const deadline = Date.now() + 5000;
    while ((await agentStatus(transport, optionsFor({}))).running.length > 0 && Date.now() < deadline);
    expect((await agentStatus(transport, optionsFor({}))).running).toEqual([]);
  });

  it('has no agent to send: said before anything happens', async () => {
    expect((await failure(deploy(undefined, { options: { resourceDir: '/nonexistent' } }))).code).toBe('agent-missing');
    const broken = stubAgent('broken');
    appendFileSync(broken.file, 'x');
    expect((await failure(deploy(undefined, { options: { resourceDir: broken.resourceDir } }))).code).toBe(
      'agent-missing',
    );
    broken.remove();
  });

  it('gets a program that is none, or that dies at once', async () => {
    const mute = stubAgent('mute', [process.arch === 'arm64' ? 'aarch64' : 'x86_64'], 'int main(void) { return 7; }');
    const error = await failure(deploy(undefined, { options: { resourceDir: mute.resourceDir } }));
    expect(error.code).toBe('agent-start');
    expect(error.message).toContain('exit 7');
    mute.remove();
  });
});
