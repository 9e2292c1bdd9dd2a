/**
 * What a record costs the traced thread: nanoseconds of its CPU per system call, with our timer-drained ring, with a
 * libbpf ring_buffer__poll consumer of the same object, and with bpftrace, each less the cost without any program.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  benchEngine,
  bpftraceLines,
  generate,
  generator,
  programs,
  root,
  run,
  runOf,
  sleep,
  type Generated,
} from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';

/** Calls per second; 0 = as fast as one core makes them. */
const RATES = [10_000, 100_000, 0];
const SECONDS = 2;
const ROUNDS = 5;

const nanosPerCall = (g: Generated): number => (g.cpuSeconds * 1e9) / g.calls;

export const probeCostBench: Bench = {
  summary: 'nanoseconds that a record costs the traced program, against libbpf poll and bpftrace',
  async run(say) {
    const gen = await generator();
    const engine = await benchEngine();
    const poll = await pollConsumer();
    try {
      /** Nanoseconds per call with our agent reading the program's ring. */
      const withOurs = async (program: string, rate: number): Promise<number> => {
        const runSummary = await engine.attach(runOf(program, 'local'));
        const made = await generate(gen, rate, SECONDS, 0);
        await engine.detach(runSummary.id);
        await engine.forget(runSummary.id);
        return nanosPerCall(made);
      };
      const figures: Measured[] = [];
      for (const rate of RATES) {
        const costs: Costs = { ours: [], ownNoWakeup: [], libbpf: [], bpftrace: [] };
        for (let i = 0; i < ROUNDS; i++) {
          const base = nanosPerCall(await generate(gen, rate, SECONDS, 0));
          costs.ours.push((await withOurs('stream.bpf.c', rate)) - base);
          costs.ownNoWakeup.push((await withOurs('streamNoWakeup.bpf.c', rate)) - base);
          costs.libbpf.push((await poll.during(() => generate(gen, rate, SECONDS, 0), rate > 0)) - base);
          await bpftraceLines(join(programs, 'stream.bt'), async () => {
            costs.bpftrace.push(nanosPerCall(await generate(gen, rate, SECONDS, 0)) - base);
          });
          const last = (values: number[]): string => values.at(-1)!.toFixed(0);
          say(
            `${rateName(rate)}: ours ${last(costs.ours)} (never waking ${last(costs.ownNoWakeup)}), libbpf poll ${last(costs.libbpf)}, bpftrace ${last(costs.bpftrace)} ns; bare call ${base.toFixed(0)} ns`,
          );
        }
        figures.push(...figuresOf(rate, costs));
      }
      return figures;
    } finally {
      await engine.dispose();
      await poll.remove();
    }
  },
};

/** Added nanoseconds per record, one value a round. */
interface Costs {
  ours: number[];
  /** The same program with BPF_RB_NO_WAKEUP, read by our agent too. */
  ownNoWakeup: number[];
  libbpf: number[];
  bpftrace: number[];
}

const rateName = (rate: number): string => (rate === 0 ? 'unpaced' : `${rate / 1000}k`);

function figuresOf(rate: number, costs: Costs): Measured[] {
  const name = rateName(rate);
  const offered = rate === 0 ? 'as fast as one core calls' : `at ${rate}/s`;
  const note = `CPU of the generator per call ${offered}, less ${ROUNDS} bare runs in turn`;
  const against = (suffix: string, peerName: string, samples: number[], goalRatio?: number): Measured => ({
    ...{ figure: `added_ns_per_record_${name}${suffix}`, unit: 'ns', better: 'lower', note },
    ...{ samples: costs.ours, peer: { name: peerName, samples } },
    ...(goalRatio === undefined ? {} : { goalRatio }),
  });
  return [
    against('', 'libbpf ring_buffer__poll', costs.libbpf),
    against('_vs_bpftrace', 'bpftrace printf', costs.bpftrace),
    // A program that wakes its consumer must cost no more than one that does not; 5 % is what rounds differ by.
    against('_vs_no_wakeup', 'the same program with BPF_RB_NO_WAKEUP, read by us', costs.ownNoWakeup, 0.95),
  ];
}

/** A consumer as libbpf's users write it: load, attach, ring_buffer__poll in a loop, count. */
const CONSUMER = `
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
static volatile sig_atomic_t stop;
static long records;
static void on_signal(int s) { stop = 1; }
static int on_record(void *ctx, void *data, size_t size) { records++; return 0; }
int main(int argc, char **argv)
{
	signal(SIGTERM, on_signal);
	struct bpf_object *object = bpf_object__open(argv[1]);
	if (!object || bpf_object__load(object))
		return 1;
	struct bpf_link *link = bpf_program__attach(bpf_object__next_program(object, NULL));
	struct ring_buffer *ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "events"), on_record, NULL, NULL);
	if (!link || !ring)
		return 1;
	puts("ready");
	fflush(stdout);
	while (!stop)
		ring_buffer__poll(ring, 100);
	bpf_link__destroy(link);
	printf("%ld\\n", records);
	return 0;
}
`;

async function pollConsumer(): Promise<{
  /** Nanoseconds per call of what `work` generates meanwhile; `complete` when every record has to arrive. */
  during(work: () => Promise<Generated>, complete: boolean): Promise<number>;
  remove(): Promise<void>;
}> {
  const dir = join(root, '.cache', 'bench', 'poll');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'consumer.c'), CONSUMER);
  const libbpf = await builtLibbpf();
  const binary = join(dir, 'consumer');
  await run('gcc', [
    '-O2',
    '-o',
    binary,
    join(dir, 'consumer.c'),
    `-I${libbpf.include}`,
    libbpf.archive,
    '-lelf',
    '-lz',
  ]);
  const object = join(dir, 'stream.bpf.o');
  await run(process.execPath, [
    join(root, 'dist', 'cli.js'),
    'build',
    join(programs, 'stream.bpf.c'),
    '-o',
    object,
    '--json',
  ]);
  return {
    async during(work, complete) {
      const child = spawn(binary, [object], { stdio: ['ignore', 'pipe', 'inherit'] });
      const exited = new Promise((resolve) => child.once('exit', resolve));
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
      for (let i = 0; i < 100 && !output.includes('ready'); i++) await sleep(50);
      if (!output.includes('ready')) throw new Error('the libbpf consumer did not start');
      const made = await work();
      child.kill('SIGTERM');
      await exited;
      const records = Number(output.trim().split('\n').at(-1));
      if (complete && records < made.calls * 0.99)
        throw new Error(`the libbpf consumer saw ${records} of ${made.calls} records`);
      return nanosPerCall(made);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** The libbpf that the agent was built with: cargo keeps its archive and headers in the target folder. */
async function builtLibbpf(): Promise<{ archive: string; include: string }> {
  const target = process.env['CARGO_TARGET_DIR'] ?? join(root, 'host-agent', 'target');
  for (const profile of ['x86_64-unknown-linux-gnu/release', 'release', 'debug']) {
    const build = join(target, profile, 'build');
    const entries = await readdir(build).catch(() => [] as string[]);
    for (const entry of entries.filter((e) => e.startsWith('libbpf-sys-'))) {
      const out = join(build, entry, 'out');
      if (existsSync(join(out, 'libbpf.a'))) {
        const include = existsSync(join(out, 'include', 'bpf', 'libbpf.h')) ? join(out, 'include') : out;
        return { archive: join(out, 'libbpf.a'), include };
      }
    }
  }
  throw new Error('the libbpf of the agent build was not found: run node scripts/build.mjs --agents');
}
