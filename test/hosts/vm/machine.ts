/** A test host: a Debian kernel in QEMU (software emulation), reachable by ssh on a port of loopback. */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { freePort } from '../sshd.ts';
import { busyboxUsers } from './busybox.ts';
import type { Space } from './fetch.ts';
import { initrd } from './initrd.ts';
import { run, sh, vmDir, type Kernel } from './paths.ts';

export interface Machine {
  kernel: Kernel;
  port: number;
  /** ssh_config with the aliases vm-root, vm-dev and vm-ops; of busybox, vm-root and vm-joe. */
  configFile: string;
  knownHostsFile: string;
  identityFile: string;
  /** Runs a command as root over plain ssh: what happens on the host, seen without Ringside. One login serves all. */
  ssh(command: string): Promise<string>;
  /** The same for a command that is talked to. */
  start(command: string): ChildProcessByStdio<Writable, Readable, Readable>;
  /** Copies a file of this machine to a path of the host. */
  put(file: string, path: string): Promise<void>;
  /** Sends a signal to the machine itself: SIGKILL is its plug pulled, SIGSTOP one that nobody hears of. */
  strike(signal: 'SIGKILL' | 'SIGSTOP'): void;
  stop(): Promise<void>;
}

export interface MachineOptions {
  /** What the host is made of; Debian's usual programs. */
  space?: Space;
  /** File of a disk with ext4, which is mounted at /var/lib and outlives the machine; see `makeDisk`. */
  disk?: string;
  /** More words for the kernel's command line. */
  append?: string[];
  /** How many processors the machine has; 1. */
  processors?: number;
}

/** Debian's 5.10 knows BPF as a security module and does not start it without this word, which the doctor names. */
export const lsmWithBpf = 'lsm=lockdown,capability,yama,apparmor,tomoyo,bpf';

const BOOT_MS = 120_000;

/** Boots a kernel and waits until ssh answers. Two machines at a time are fine on two cores; a third competes. */
export async function startMachine(kernel: Kernel, options: MachineOptions = {}): Promise<Machine> {
  const binary = kernel.arch === 'amd64' ? 'qemu-system-x86_64' : 'qemu-system-aarch64';
  if (!(process.env['PATH'] ?? '').split(':').some((dir) => existsSync(join(dir, binary)))) {
    throw new Error(`${binary} is missing: npm run setup installs it`);
  }
  const image = (await run('find', [kernel.dir, '-name', 'vmlinuz*', '-type', 'f'])).trim().split('\n')[0]!;
  const { space = 'debian' } = options;
  const disk = await initrd(kernel, space);
  const dir = await mkdtemp(join(tmpdir(), 'ringside-vm-'));
  const port = await freePort();
  const console_ = join(dir, 'console');
  const child = spawn(binary, qemuArguments(kernel, { image, disk, port, console: console_ }, options), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let qemuErrors = '';
  child.stderr.on('data', (chunk: Buffer) => (qemuErrors = (qemuErrors + String(chunk)).slice(-2000)));
  const files = await writeSshFiles(dir, port, space);
  const plain = ['-F', files.configFile];
  // A login takes a second in an emulated machine; the first one stays and carries the others.
  const shared = [
    ...plain,
    '-o',
    'ControlMaster=auto',
    '-o',
    `ControlPath=${join(dir, 'ssh')}`,
    '-o',
    'ControlPersist=yes',
  ];
  const stop = async (): Promise<void> => {
    await run('ssh', [...shared, '-O', 'exit', 'vm-root']).catch(() => undefined); // there was none yet
    await end(child);
    await rm(dir, { recursive: true, force: true });
  };
  const ssh = (command: string): Promise<string> => run('ssh', [...shared, 'vm-root', command], { timeout: 60_000 });
  const put = async (file: string, path: string): Promise<void> => {
    await sh(
      `ssh "$@" vm-root 'cat > ${path}.part && chmod 755 ${path}.part && mv ${path}.part ${path}' < "$FILE"`,
      { FILE: file },
      shared,
    );
  };
  try {
    await untilUp(child, console_, ssh, () => qemuErrors, files.knownHostsFile);
  } catch (error) {
    await stop();
    throw error;
  }
  const start = (command: string): ChildProcessByStdio<Writable, Readable, Readable> =>
    spawn('ssh', [...shared, 'vm-root', command], { stdio: ['pipe', 'pipe', 'pipe'] });
  const strike = (signal: 'SIGKILL' | 'SIGSTOP'): void => void child.kill(signal);
  return { kernel, port, ...files, ssh, start, put, strike, stop };
}

/** An empty disk. Its sums would need modules of the kernel that the hosts do not have. */
export async function makeDisk(file: string): Promise<void> {
  await writeFile(file, '');
  await truncate(file, 64 << 20);
  await run('mkfs.ext4', ['-q', '-O', '^metadata_csum', file], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
  });
}

function qemuArguments(
  kernel: Kernel,
  at: { image: string; disk: string; port: number; console: string },
  { append: more = [], processors = 1, disk }: MachineOptions,
): string[] {
  const amd64 = kernel.arch === 'amd64';
  const machine = amd64 ? ['-machine', 'q35', '-cpu', 'max'] : ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'];
  const append = [
    `console=${amd64 ? 'ttyS0' : 'ttyAMA0'}`, 'quiet', 'panic=-1', 'mitigations=off', 'random.trust_cpu=on',
    `host=vm-${kernel.name.replace('.', '-')}`, `now=${Math.floor(Date.now() / 1000)}`, ...more,
    ...(disk === undefined ? [] : ['disk']),
  ]; // prettier-ignore
  // Without a lock: the machine before, which was stopped in the middle of something, still holds it and writes no more.
  const drive = disk === undefined ? [] : ['-drive', `file=${disk},format=raw,if=virtio,file.locking=off`];
  return [
    ...machine, '-accel', 'tcg,thread=multi,tb-size=512', '-smp', String(processors), '-m', '768', '-nodefaults', '-no-reboot',
    '-display', 'none', '-serial', `file:${at.console}`, '-netdev', `user,id=n0,hostfwd=tcp:127.0.0.1:${at.port}-:22`,
    '-device', 'virtio-net-pci,netdev=n0,romfile=', '-kernel', at.image, '-initrd', at.disk, '-append', append.join(' '), ...drive,
  ]; // prettier-ignore
}

async function writeSshFiles(
  dir: string,
  port: number,
  space: Space,
): Promise<Pick<Machine, 'configFile' | 'knownHostsFile' | 'identityFile'>> {
  const identityFile = join(vmDir, 'id');
  const knownHostsFile = join(dir, 'known_hosts');
  const configFile = join(dir, 'ssh_config');
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${await readFile(join(vmDir, 'hostkey.pub'), 'utf8')}`);
  const host = (user: string): string =>
    `Host vm-${user}\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${identityFile}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${knownHostsFile}\n  ConnectTimeout 30\n  LogLevel ERROR\n`;
  const users = space === 'busybox' ? busyboxUsers.map(({ name }) => name) : ['root', 'dev', 'ops'];
  await writeFile(configFile, users.map(host).join('\n'));
  return { configFile, knownHostsFile, identityFile };
}

async function untilUp(
  child: ChildProcess,
  console_: string,
  ssh: (c: string) => Promise<string>,
  errors: () => string,
  knownHostsFile: string,
): Promise<void> {
  const deadline = performance.now() + BOOT_MS;
  for (;;) {
    const log = await readFile(console_, 'latin1').catch(() => '');
    if (child.exitCode !== null) throw new Error(`qemu ended: ${errors()}\n${log.slice(-2000)}`);
    // One that makes its key at each boot tells it.
    const own = /^HOSTKEY (ssh-\S+ \S+)/m.exec(log)?.[1];
    if (own !== undefined) {
      const known = await readFile(knownHostsFile, 'utf8');
      await writeFile(knownHostsFile, `${known.split(' ')[0]} ${own}\n`);
    }
    if (log.includes('SSHD-UP') && (await ssh('true').then(() => true, () => false))) return; // prettier-ignore
    if (performance.now() > deadline) throw new Error(`no ssh after ${BOOT_MS / 1000} s\n${log.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(hard);
}
