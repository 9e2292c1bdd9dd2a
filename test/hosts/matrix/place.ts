/** A host under test, and the places on it that kinds attach to: interfaces, a cgroup, running processes. */
import { execFile } from 'node:child_process';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SshOptions } from '../../../core/src/ssh/options.ts';
import { defaultSshOptions } from '../../../core/src/ssh/options.ts';
import type { Machine } from '../vm/machine.ts';
import { run, vmDir } from '../vm/paths.ts';

/** Where the triggers are on every host; the probed path in uprobe.bpf.c. */
export const folder = '/tmp/ringside-matrix';

/** Runs things on a host without Ringside. */
export interface Reach {
  /** Column of the table: "6.12". */
  column: string;
  /** What Ringside calls it: "local", "vm-root". */
  host: string;
  ssh: SshOptions;
  sh(command: string): Promise<string>;
  put(file: string, path: string): Promise<void>;
}

export function machineReach(machine: Machine): Reach {
  const { configFile, knownHostsFile } = machine;
  const ssh: SshOptions = { ...defaultSshOptions, configFile, knownHostsFile };
  return { column: machine.kernel.name, host: 'vm-root', ssh, sh: (c) => machine.ssh(c), put: (f, p) => machine.put(f, p) };
} // prettier-ignore

export const localReach: Reach = {
  column: 'this machine',
  host: 'local',
  ssh: defaultSshOptions,
  sh: async (command) => (await promisify(execFile)('/bin/sh', ['-c', command])).stdout,
  put: async (file, path) => {
    await cp(file, `${path}.part`);
    await rename(`${path}.part`, path);
  },
};

/** The triggers, built here, and the offset of what is probed by it. */
export interface Triggers {
  files: string[];
  probedOffset: number;
}

export async function buildTriggers(): Promise<Triggers> {
  const from = join(import.meta.dirname, 'host');
  const to = join(vmDir, 'triggers');
  await mkdir(to, { recursive: true });
  const out = (name: string): string => join(to, name);
  const cc = (args: string[]): Promise<string> => run('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', ...args], { cwd: from });
  await cc(['-static', '-o', out('trigger'), 'trigger.c']);
  const bare = ['-nostdlib', '-fno-stack-protector'];
  await cc([...bare, '-shared', '-fPIC', '-Wl,--version-script=versions.map,-soname,libprobed.so', '-o', out('libprobed.so'), 'versions.c']);
  await cc([...bare, '-no-pie', '-Wl,-rpath,$ORIGIN', '-o', out('caller'), 'caller.c', out('libprobed.so')]);
  return { files: ['trigger', 'libprobed.so', 'caller'].map(out), probedOffset: await fileOffset(out('trigger'), 'probed_add') };
} // prettier-ignore

/** Where a function is in the file, which is what an offset of a uprobe means. */
async function fileOffset(binary: string, symbol: string): Promise<number> {
  const [, address] = new RegExp(`^([0-9a-f]+) \\w ${symbol}$`, 'm').exec(await run('nm', [binary])) ?? [];
  if (address === undefined) throw new Error(`${binary} has no ${symbol}`);
  const at = parseInt(address, 16);
  for (const line of (await run('readelf', ['-lW', binary])).split('\n')) {
    const [type, offset, virtual, , size] = line.trim().split(/\s+/);
    if (type !== 'LOAD') continue;
    const inside = at - Number(virtual);
    if (inside >= 0 && inside < Number(size)) return Number(offset) + inside;
  }
  throw new Error(`${symbol} is in no segment of ${binary}`);
}

/** Names of what is in braces in kinds: "veth" → "rmx0". */
export type Places = Record<string, string>;

/** Values that were the same on every host, and what the set-up script found. */
export async function setUp(reach: Reach, triggers: Triggers): Promise<Places> {
  await reach.sh(`rm -rf ${folder}; mkdir -p ${folder}`);
  for (const file of triggers.files) await reach.put(file, join(folder, file.split('/').at(-1)!));
  const found = await reach.sh(SET_UP);
  const places = Object.fromEntries(
    found
      .trim()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  );
  return {
    folder,
    veth: 'rmx0',
    peer: 'rmx1',
    probedOffset: `0x${triggers.probedOffset.toString(16)}`,
    // After the call that ftrace patches; 6.12 and 7.3 track indirect branches: an endbr64 of 4 bytes stands before it.
    kprobeOffset: ['5.10', '6.1'].includes(reach.column) ? '0x5' : '0x9',
    ...places,
  };
}

const SET_UP = `set -e
cd ${folder}
root=$(sed -n 's/^[^ ]* \\([^ ]*\\) cgroup2 .*/\\1/p' /proc/mounts | head -n 1)
echo "$root/ringside-matrix" >cgroup
mkdir -p "$root/ringside-matrix"
echo "cgroupPath=$root/ringside-matrix"
echo "cgroup=ringside-matrix"
ip link add rmx0 type veth peer name rmx1
for link in rmx0 rmx1; do ip link set $link up; done
if ip link add rmk0 type netkit 2>/dev/null; then
  peer=$(ip -o link show rmk0 | sed 's/.*rmk0@\\([^:]*\\):.*/\\1/')
  ip link set rmk0 up; ip link set "$peer" up
  echo "netkit=rmk0"; echo "netkitPeer=$peer"
else
  # The kernel's answer to a program on another device tells as much as there is to tell.
  echo "netkit=rmx0"; echo "netkitPeer=rmx1"
fi
start() { setsid ./trigger "$@" >"$1.out" 2>"$1.err" </dev/null & }
start loop; start boxed ${folder}/box; start reuse-server; start dmabuf
for name in loop boxed reuse-server dmabuf; do
  tries=0
  while ! [ -s $name.out ]; do tries=$((tries + 1)); [ $tries -lt 50 ]; sleep 0.1; done
done
echo "loop=$(cat loop.out)"
echo "boxed=$(cat boxed.out)"
echo "reuse=$(cat reuse-server.out)"
echo "dmabuf=$(cat dmabuf.out)"
`;

/** Undoes the set-up, also one that failed half-way; says what programs were left behind on the interfaces. */
export const tearDown = (reach: Reach): Promise<string> => reach.sh(TEAR_DOWN);

const TEAR_DOWN = `cd ${folder}
for name in loop boxed reuse-server dmabuf; do kill $(cat $name.out) 2>/dev/null; done
if ip link show rmx0 >/dev/null 2>&1; then
  ip -d link show rmx0 | grep -o 'xdp.*'
  tc filter show dev rmx0 ingress; tc filter show dev rmx0 egress; tc qdisc show dev rmx0 | grep clsact
fi
for link in rmx0 rmk0; do ip link del $link 2>/dev/null; done
rmdir "$(cat cgroup)"
cd /; rm -rf ${folder}
`;

/** Replaces {place}. */
export function fill(text: string, places: Places): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = places[name];
    if (value === undefined) throw new Error(`there is no place {${name}}`);
    return value;
  });
}
