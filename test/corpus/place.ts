/** The host that a corpus is tried on, and what is made there for the run: an interface, a cgroup, activity. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How to run a shell command on a host. */
export interface Shell {
  /** As the engine names it. */
  host: string;
  /** `uname -m` says which compiler makes what runs there. */
  command(script: string): { file: string; args: string[] };
}

export const localShell: Shell = { host: 'local', command: (script) => ({ file: '/bin/sh', args: ['-c', script] }) };

/** `options` are those of ssh: -F FILE … */
export function sshShell(host: string, options: readonly string[]): Shell {
  return { host, command: (script) => ({ file: 'ssh', args: [...options, '-o', 'BatchMode=yes', host, script] }) };
}

export interface Place {
  shell: Shell;
  folder: string;
  arch: string;
  /** The interface that programs are put on, and how it came about. */
  iface: string;
  ifaceWhy: string;
  /** An address behind it. */
  address: string;
  cgroup: string;
  /** A folder of bpffs for maps that ask to be pinned, emptied after each file; "" without bpffs. */
  pins: string;
  libraries: Record<string, string>;
  /** Whether the activity's files lie in memory. */
  tmpfs: boolean;
  run(script: string, timeoutMs?: number): Promise<string>;
  put(local: string, name: string): Promise<string>;
  compile(source: string, name: string): Promise<string>;
  /** Starts the activity for so many seconds; resolves with its first line, the pid. */
  start(seconds: number, standIn: boolean): Promise<Activity>;
  /** Takes away what a file's maps left in bpffs. */
  unpin(): Promise<void>;
  stop(): Promise<void>;
}

export interface Activity {
  pid: number;
  /** Begins to act: it waits for this, so that globals can name its pid before. */
  go(): void;
  stop(): void;
  done: Promise<void>;
}

const LIBRARIES: Record<string, string[]> = {
  libc: [
    '/lib/x86_64-linux-gnu/libc.so.6',
    '/lib/aarch64-linux-gnu/libc.so.6',
    '/lib64/libc.so.6',
    '/usr/lib/libc.so.6',
  ],
  bash: ['/bin/bash', '/usr/bin/bash'],
};

export async function preparePlace(shell: Shell, activitySource: string): Promise<Place> {
  const work = await mkdtemp(join(tmpdir(), 'ringside-corpus-'));
  const runHere = async (script: string, timeoutMs = 30_000): Promise<string> => {
    const { file, args } = shell.command(script);
    const { stdout } = await run(file, args, { timeout: timeoutMs, maxBuffer: 16 << 20 });
    return stdout;
  };
  const folder = (await runHere('mktemp -d /tmp/ringside-corpus-host.XXXXXX')).trim();
  const arch = (await runHere('uname -m')).trim();
  const put = async (local: string, name: string): Promise<string> => {
    const remote = `${folder}/${name}`;
    // Under another name first: what runs under this one cannot be written over, but replaced.
    const { file, args } = shell.command(
      `cat > ${remote}.part && chmod 755 ${remote}.part && mv ${remote}.part ${remote}`,
    );
    await feed(spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] }), local);
    return remote;
  };
  const compile = async (source: string, name: string): Promise<string> => {
    const out = join(work, name);
    const gcc = arch === 'aarch64' && process.arch !== 'arm64' ? 'aarch64-linux-gnu-gcc' : 'gcc';
    await run(gcc, ['-O1', '-w', '-static', '-o', out, source, '-lpthread']);
    return put(out, name);
  };
  const activity = await compile(activitySource, 'activity');
  // Names of this run alone: two at once on a host do not get into each other's way.
  const id = randomBytes(2).toString('hex');
  const network = await makeInterface(runHere, shell, activity, id);
  const cgroup = await makeCgroup(runHere, id);
  const pins = await makePins(runHere, id);
  const libraries = await findLibraries(runHere);
  const tmpfs = /tmpfs|ramfs|rootfs/.test(await runHere('stat -f -c %T /tmp').catch(() => ''));
  return {
    shell, folder, arch, cgroup, pins, libraries, tmpfs, put,
    ...network.made,
    run: runHere,
    compile: async (text, name) => {
      const source = join(work, `${name}.c`);
      await writeFile(source, text);
      return compile(source, name);
    },
    start: (seconds, standIn) => {
      const beside = standIn ? `${folder}/stand-in & ` : '';
      return startActivity(shell, `${activity} ${seconds} ${network.made.address}`, cgroup, beside);
    },
    async unpin() {
      if (pins !== '') await runHere(`rm -rf ${pins}/*`);
    },
    async stop() {
      await network.stop();
      const undo = [
        network.made.iface === 'lo' ? '' : `ip link del ${network.made.iface}`,
        // A process that ended a moment ago may still be counted.
        cgroup === '' ? '' : `for i in 1 2 3 4 5; do rmdir ${cgroup} && break; sleep 0.2; done`,
        pins === '' ? '' : `rm -rf ${pins}`,
        `rm -rf ${folder}`,
      ];
      await runHere(`exec 2>/dev/null; ${undo.filter((u) => u !== '').join('; ')}; true`);
      await rm(work, { recursive: true, force: true });
    },
  }; // prettier-ignore
}

function feed(child: ChildProcess, local: string): Promise<void> {
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += String(chunk)));
  child.stdin!.on('error', () => undefined); // the exit status says it
  createReadStream(local).pipe(child.stdin!);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${local} was not copied: ${errors}`))));
  });
}

interface Network {
  made: { iface: string; ifaceWhy: string; address: string };
  stop(): Promise<void>;
}

/** A veth pair whose other end lies in a network namespace with a server; loopback where that cannot be made. */
async function makeInterface(
  runHere: (script: string) => Promise<string>,
  shell: Shell,
  activity: string,
  id: string,
): Promise<Network> {
  const [near, far, net] = [`rsc${id}a`, `rsc${id}b`, `10.203.${Number.parseInt(id, 16) % 256}`];
  const { file, args } = shell.command(`exec unshare -n ${activity} --sink`);
  const sink = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  sink.once('error', () => undefined); // then the interface cannot be made either
  const stop = async (): Promise<void> => {
    sink.stdin.end();
    sink.kill('SIGKILL');
    await runHere(`pkill -KILL -f '^${activity} --sink'; true`).catch(() => undefined);
  };
  try {
    await runHere(`set -e
      for i in 1 2 3 4 5 6 7 8 9; do pid=$(pgrep -f '^${activity} --sink' | head -n 1); [ -n "$pid" ] && break; sleep 0.2; done
      ip link add ${near} type veth peer name ${far}
      ip link set ${far} netns $pid
      ip addr add ${net}.1/24 dev ${near}; ip link set ${near} up
      nsenter -t $pid -n ip addr add ${net}.2/24 dev ${far}; nsenter -t $pid -n ip link set ${far} up
      nsenter -t $pid -n ip link set lo up`);
    return { made: { iface: near, ifaceWhy: 'a veth pair made for the run', address: `${net}.2` }, stop };
  } catch {
    await stop();
    await runHere(`ip link del ${near} 2>/dev/null; true`).catch(() => undefined);
    const why = 'loopback: this host makes no veth pair';
    return { made: { iface: 'lo', ifaceWhy: why, address: '127.0.0.1' }, stop: () => Promise.resolve() };
  }
}

/** A fresh cgroup that the activity runs in; "" where the host has no unified hierarchy. */
async function makeCgroup(runHere: (script: string) => Promise<string>, id: string): Promise<string> {
  const script = `m=$(awk '$3=="cgroup2"{print $2; exit}' /proc/mounts); [ -n "$m" ] && mkdir "$m/ringside-corpus-${id}" && echo "$m/ringside-corpus-${id}"`;
  return (await runHere(script).catch(() => '')).trim();
}

async function makePins(runHere: (script: string) => Promise<string>, id: string): Promise<string> {
  const script = `m=$(awk '$3=="bpf"{print $2; exit}' /proc/mounts); [ -n "$m" ] && mkdir "$m/ringside-corpus-${id}" && echo "$m/ringside-corpus-${id}"`;
  return (await runHere(script).catch(() => '')).trim();
}

async function findLibraries(runHere: (script: string) => Promise<string>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, paths] of Object.entries(LIBRARIES)) {
    const first = await runHere(`for p in ${paths.join(' ')}; do [ -e $p ] && echo $p && break; done; true`);
    if (first.trim() !== '') found[name] = first.trim();
  }
  return found;
}

/** It reads a line before it acts: by then everything is attached, and knows its pid. */
function startActivity(shell: Shell, command: string, cgroup: string, beside: string): Promise<Activity> {
  const join_ = cgroup === '' ? '' : `echo 0 > ${cgroup}/cgroup.procs;`;
  const { file, args } = shell.command(`${join_} echo $$; read go; ${beside}exec ${command}`);
  // A group of its own: what it started ends with it.
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const done = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdin.on('error', () => undefined);
    child.stdout.once('data', (chunk: Buffer) => {
      child.stdout.resume();
      const pid = Number.parseInt(String(chunk), 10);
      const stop = (): void => {
        child.stdin.end();
        if (child.pid !== undefined && child.exitCode === null) tryKill(child.pid);
      };
      resolve({ pid, go: () => void child.stdin.write('go\n'), stop, done });
    });
  });
}

function tryKill(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
