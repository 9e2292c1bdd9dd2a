/** The host that a corpus is tried on, and what is made there for the run: an interface, a cgroup, activity. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
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
  libraries: Record<string, string>;
  run(script: string, timeoutMs?: number): Promise<string>;
  put(local: string, name: string): Promise<string>;
  compile(source: string, name: string): Promise<string>;
  /** Starts the activity for so many seconds; resolves with its first line, the pid. */
  start(seconds: number, standIn: boolean): Promise<Activity>;
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
  libssl: ['/usr/lib/x86_64-linux-gnu/libssl.so.3', '/usr/lib/aarch64-linux-gnu/libssl.so.3', '/lib64/libssl.so.3'],
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
    const { file, args } = shell.command(`cat > ${remote} && chmod 755 ${remote}`);
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
  const network = await makeInterface(runHere, shell, activity);
  const cgroup = await makeCgroup(runHere);
  const libraries = await findLibraries(runHere);
  return {
    shell, folder, arch, cgroup, libraries, put,
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
    async stop() {
      network.stop();
      const undo = [
        network.made.iface === 'rsc0' ? 'ip link del rsc0' : '',
        cgroup === '' ? '' : `rmdir ${cgroup}`,
        `rm -rf ${folder}`,
      ];
      await runHere(undo.filter((u) => u !== '').map((u) => `${u} 2>/dev/null`).join('; ') + '; true');
      await rm(work, { recursive: true, force: true });
    },
  }; // prettier-ignore
}

function feed(child: ChildProcess, local: string): Promise<void> {
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += String(chunk)));
  createReadStream(local).pipe(child.stdin!);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${local} was not copied: ${errors}`))));
  });
}

interface Network {
  made: { iface: string; ifaceWhy: string; address: string };
  stop(): void;
}

/** A veth pair whose other end lies in a network namespace with a server; loopback where that cannot be made. */
async function makeInterface(
  runHere: (script: string) => Promise<string>,
  shell: Shell,
  activity: string,
): Promise<Network> {
  const address = '10.203.7.2';
  const { file, args } = shell.command(`exec unshare -n ${activity} --sink`);
  const sink = spawn(file, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  const stop = (): void => {
    sink.stdin.end();
    sink.kill('SIGKILL');
    void runHere(`pkill -KILL -f '^${activity} --sink' ; true`).catch(() => undefined);
  };
  try {
    await runHere(`set -e
      for i in 1 2 3 4 5 6 7 8 9; do pid=$(pgrep -f '^${activity} --sink' | head -n 1); [ -n "$pid" ] && break; sleep 0.2; done
      ip link del rsc0 2>/dev/null || true
      ip link add rsc0 type veth peer name rsc1
      ip link set rsc1 netns $pid
      ip addr add 10.203.7.1/24 dev rsc0; ip link set rsc0 up
      nsenter -t $pid -n ip addr add ${address}/24 dev rsc1; nsenter -t $pid -n ip link set rsc1 up
      nsenter -t $pid -n ip link set lo up`);
    return { made: { iface: 'rsc0', ifaceWhy: 'a veth pair made for the run', address }, stop };
  } catch {
    stop();
    const why = 'loopback: this host makes no veth pair';
    return { made: { iface: 'lo', ifaceWhy: why, address: '127.0.0.1' }, stop: () => undefined };
  }
}

/** A fresh cgroup that the activity runs in; "" where the host has no unified hierarchy. */
async function makeCgroup(runHere: (script: string) => Promise<string>): Promise<string> {
  const script = `m=$(awk '$3=="cgroup2"{print $2; exit}' /proc/mounts); [ -n "$m" ] && mkdir -p "$m/ringside-corpus" && echo "$m/ringside-corpus"`;
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
