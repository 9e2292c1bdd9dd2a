/**
 * Attaches a program of every kind in one run, lets a fault strike, and measures on the host itself how long each stays.
 * Then everything has to be as it was before.
 */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { cliRun, root, startCli, type CliOptions, type RunningCli } from '../../integration/support/cli.ts';
import type { Line } from '../../integration/support/lines.ts';
import { run, vmDir } from '../vm/paths.ts';
import type { Fault, Victims } from './faults.ts';
import { CONTROLS, CPUS, INTERFACE, type Kind, type Places } from './kinds.ts';

/** A host that faults strike. */
export interface Host {
  /** Title of its table. */
  name: string;
  kinds: Kind[];
  leaseMs: number;
  /** Where the census is on it. */
  folder: string;
  /** Runs a command there without Ringside. */
  sh(command: string): Promise<string>;
  victims(): Promise<Victims>;
  /** How the client reaches it; `halfOpen`: by a way that can be cut. */
  client(halfOpen: boolean): { args: string[]; options?: CliOptions };
}

/** The census, for any host of this architecture. */
export async function buildCensus(): Promise<string> {
  const file = join(vmDir, 'triggers', 'census');
  const made = `${file}.${process.pid}`; // another test file may be about to use the one that is there
  await mkdir(join(vmDir, 'triggers'), { recursive: true });
  await run('gcc', [
    '-static',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    made,
    join(import.meta.dirname, 'census.c'),
  ]);
  await rename(made, file);
  return file;
}

/** Once for all hosts: CO-RE makes it fit. */
export async function buildLeftovers(): Promise<string> {
  const built = await cliRun(['build', join(root, 'test', 'fixtures', 'programs', 'leftovers.bpf.c'), '--json']);
  if (built.code !== 0) throw new Error(built.stdout + built.stderr);
  return (built.json[0] as { object: string }).object;
}

/** Looks until it is what is wanted; after that time the difference is the test's failure. */
async function settles(look: () => Promise<unknown>, wanted: unknown, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (isDeepStrictEqual(seen, wanted)) return;
    if (performance.now() > until) expect(seen).toEqual(wanted);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

type Seconds = Record<string, number>;

export class KillMatrix {
  private places!: Places;
  private readonly rows: { fault: string; seconds: Seconds }[] = [];

  constructor(
    private readonly host: Host,
    private readonly object: string,
  ) {}

  async setUp(): Promise<void> {
    const found = await this.host.sh(`set -e
      cd ${this.host.folder}
      ip link add ${INTERFACE} type veth peer name rskilly; ip link set ${INTERFACE} up
      root=$(sed -n 's/^[^ ]* \\([^ ]*\\) cgroup2 .*/\\1/p' /proc/mounts | head -n 1)
      mkdir -p "$root/rskill"
      ./census cpumap ${CPUS}
      setsid ./census hold >hold.out 2>&1 </dev/null &
      while ! [ -s hold.out ]; do sleep 0.05; done
      echo "$root/rskill $(cat hold.out)"`);
    const [cgroup, pid, socket, shared] = found.trim().split(' ');
    this.places = { cgroup: cgroup!, pid: pid!, socket: socket!, shared: shared! };
  }

  /** Also of a set-up that failed half-way. */
  async tearDown(): Promise<void> {
    await this.host.sh(`cd ${this.host.folder}; read -r pid rest <hold.out && kill $pid; rm -f ${CPUS} hold.out
      ip link delete ${INTERFACE}; for c in $(sed -n 's/^[^ ]* \\([^ ]*\\) cgroup2 .*/\\1/p' /proc/mounts | head -n 1); do rmdir $c/rskill; done`);
  } // prettier-ignore

  /** All that an attachment may change, as text. Objects by their numbers: the kernel gives none twice. */
  private state(): Promise<string> {
    return this.host.sh(`ls /sys/fs/bpf; tc qdisc show; tc filter show dev ${INTERFACE} ingress
      ip -o link show | grep -o 'xdp[^ ]*'
      cat /sys/kernel/tracing/kprobe_events /sys/kernel/tracing/uprobe_events; ls /sys/kernel/tracing/instances
      cat ${CONTROLS} /proc/sys/kernel/bpf_stats_enabled /proc/sys/kernel/perf_event_paranoid
      ls /run/ringside /var/lib/ringside/run; true`);
  }

  private async census(): Promise<string[]> {
    return (await this.host.sh(`${this.host.folder}/census list`)).trim().split('\n');
  }

  private attachArguments(): string[] {
    const fill = (text: string): string =>
      text.replaceAll(/\{(\w+)\}/g, (_, name) => this.places[name as keyof Places]);
    const chosen = this.host.kinds.filter((kind) => kind.program !== undefined);
    return [
      'attach', this.object, '--json', '--pin', `rs_cpus=${CPUS}`,
      ...chosen.flatMap(({ program, members = [program!], targets = [] }) => [
        ...members.flatMap((member) => ['--program', member]),
        ...targets.flatMap((target) => ['--target', `${program}:${fill(target)}`]),
      ]),
    ]; // prettier-ignore
  }

  /** A run with everything attached, and what of it is watched by kind. */
  private async attached(halfOpen: boolean): Promise<{ cli: RunningCli; watched: Map<string, string> }> {
    const { args, options = {} } = this.host.client(halfOpen);
    const env = { RINGSIDE_LEASE_MS: String(this.host.leaseMs) };
    const cli = startCli([...this.attachArguments(), ...args], { ...options, env });
    for (const { program } of this.host.kinds) {
      if (program === undefined) continue;
      // Operations have no program of their own.
      const told = (l: Line): boolean => [l.program, String(l.target).split(' ')[0]].includes(program);
      await cli.waitFor((l: Line) => l.type === 'attached' && told(l), 60_000);
    }
    const ids = new Map((await this.census()).map((line) => line.split(':')).map(([, id, name]) => [name, id]));
    const watched = this.host.kinds.map(({ name, program, watched: what }) => [name, what ?? `program:${ids.get(program)}`] as const);
    return { cli, watched: new Map(watched) };
  } // prettier-ignore

  /** Fails when something stays longer than the lease, or is not as it was before. */
  async strike(fault: Fault): Promise<void> {
    const before = { state: await this.state(), objects: new Set(await this.census()) };
    const { cli, watched } = await this.attached(fault.halfOpen === true);
    const victims = await this.host.victims();
    expect([victims.workers.length, victims.supervisors.length]).not.toContain(0);
    const seconds = await this.measure(fault, cli, victims, watched);
    this.rows.push({ fault: fault.name, seconds });
    fault.heal?.(cli);
    expect(Object.entries(seconds).filter(([, s]) => !(s <= this.host.leaseMs / 1000))).toEqual([]);
    const eventually = (look: () => Promise<unknown>, wanted: unknown): Promise<void> =>
      settles(look, wanted, this.host.leaseMs + 10_000);
    const processes = async (): Promise<number[]> => {
      const { workers, supervisors } = await this.host.victims();
      return [...workers, ...supervisors];
    };
    await eventually(processes, []);
    await cli.done;
    await eventually(async () => (await this.census()).filter((one) => !before.objects.has(one)), []);
    await eventually(() => this.state(), before.state);
    expect((await this.host.sh(`${this.host.folder}/census entry ${CPUS}`)).trim()).toBe('0');
  } // prettier-ignore

  /** Seconds from the fault until each kind is gone; Infinity for what stays. */
  private async measure(fault: Fault, cli: RunningCli, victims: Victims, watched: Map<string, string>): Promise<Seconds> {
    const limit = this.host.leaseMs / 1000 + 10;
    const strike = fault.host?.(victims) ?? ':';
    // A cut way is mended by the host itself: nobody could tell it to.
    const mend = fault.halfOpen ? `; ${victims.mend}` : '';
    const words = [strike, ...watched.values()].map(quoted).join(' ');
    const out = `${this.host.folder}/until.out`;
    const script = `./census until ${limit} ${words} >until.out 2>&1; echo over >>until.out${mend}`;
    await this.host.sh(`cd ${this.host.folder}; rm -f until.out; setsid sh -c ${quoted(script)} >/dev/null 2>&1 </dev/null &`);
    const until = performance.now() + (limit + 30) * 1000;
    let said = '';
    const says = async (line: string): Promise<void> => {
      while (!said.includes(line) && !said.includes('over\n') && performance.now() < until) {
        said = await this.host.sh(`cat ${out} 2>/dev/null || true`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    if (fault.client) {
      // Measured from a moment before it: what the host was told to begin with.
      await says('begun\n');
      fault.client(cli);
    }
    await says('end\n');
    if (!said.includes('end\n')) throw new Error(`the census said: ${said}`);
    const gone = new Map(said.trim().split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
    return Object.fromEntries([...watched].map(([kind, what]) => [kind, gone.get(what) ?? Infinity]));
  } // prettier-ignore

  /** Rows that were measured, and the table of them. */
  printed(): { faults: string[]; text: string } {
    const kinds = this.host.kinds.map(({ name }) => name);
    const head = ['fault \\ kind (s)', ...kinds];
    const cells = this.rows.map(({ fault, seconds }) => [fault, ...kinds.map((kind) => seconds[kind]!.toFixed(2))]);
    const widths = head.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
    const line = (row: string[]): string => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ');
    const lease = `lease: ${(this.host.leaseMs / 1000).toFixed(2)} s`;
    return {
      faults: this.rows.map(({ fault }) => fault),
      text: `${this.host.name}, ${lease}\n${[line(head), ...cells.map(line)].join('\n')}`,
    };
  }
}
