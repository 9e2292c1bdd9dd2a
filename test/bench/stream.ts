/** Records per second through kernel, agent, sshd, ssh2 and engine with nothing lost, against bpftrace's printf. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunSummary } from '../../core/src/model/index.ts';
import type { Engine } from '../../core/src/rpc/client.ts';
import {
  benchEngine,
  benchHost,
  bpftraceLines,
  cpuSeconds,
  generate,
  generator,
  offer,
  offeredName,
  programs,
  runOf,
  sleep,
  type BenchHost,
} from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';

const SECONDS = 4;
/** Offered rates, per second; 0 = as fast as one core produces, -1 = as fast as both do. The peer gets the last two. */
const RATES = [1_000_000, 2_000_000, 0, -1];

interface Pass {
  offered: number;
  calls: number;
  rate: number;
  delivered: number;
  lost: number | null;
  adds: boolean;
  /** Seconds of CPU by who used them. */
  cpu: CpuUse;
}

/** Where a record's way costs CPU: the agent and sshd on the host, this process (the engine's thread is nearly all). */
interface CpuUse {
  agent: number;
  sshd: number;
  engine: number;
}

export const streamBench: Bench = {
  summary: 'records per second without loss, over ssh, against bpftrace',
  async run(say) {
    const gen = await generator();
    const host = await benchHost();
    const engine = await benchEngine(host.sshd);
    try {
      const passes: Pass[] = [];
      for (let round = 0; round < 2; round++) {
        for (const rate of RATES) {
          const pass = await onePass(engine, host, gen, rate);
          passes.push(pass);
          say(
            `offered ${offeredName(rate)}: ${Math.round(pass.rate)}/s, delivered ${pass.delivered} of ${pass.calls}, lost ${pass.lost ?? 'unknown'}; ${cpuWords(pass)}`,
          );
        }
      }
      const peer: number[] = [];
      for (const rate of [100_000, 0, -1]) {
        let made = { calls: 0, seconds: SECONDS };
        const { lines } = await bpftraceLines(join(programs, 'stream.bt'), async () => {
          made = await offer(gen, rate, SECONDS);
        });
        peer.push(lines / made.seconds);
        say(`bpftrace, offered ${offeredName(rate)}: ${Math.round(lines / made.seconds)}/s`);
      }
      return [
        best(passes, Math.max(...peer)),
        exactness(passes),
        cpuShare(passes),
        ...(await overload(engine, host.name, gen, say)),
      ];
    } finally {
      await engine.dispose();
      await host.stop();
    }
  },
};

/** The highest rate at which everything arrived; every round's best is a sample. */
function best(passes: Pass[], peer: number): Measured {
  const rounds = [passes.slice(0, RATES.length), passes.slice(RATES.length)];
  const samples = rounds.map((r) =>
    Math.max(0, ...r.filter((p) => p.lost === 0 && p.delivered === p.calls).map((p) => p.rate)),
  );
  return {
    figure: 'records_per_second_lossless',
    unit: '1/s',
    better: 'higher',
    samples,
    peer: { name: 'bpftrace printf of the same fields', samples: [peer] },
    goal: 2_000_000,
    goalRatio: 20,
    note: `64-byte records over ssh2; offered ${RATES.map(offeredName).join(', ')}; the peer has its best of three passes`,
  };
}

/** 1 when every account added up, whether or not something was lost. */
function exactness(passes: Pass[]): Measured {
  return {
    figure: 'loss_exact_at_overload',
    unit: '0/1',
    better: 'higher',
    samples: [passes.every((p) => p.adds && p.lost !== null && p.delivered + p.lost === p.calls) ? 1 : 0],
    goal: 1,
    note: `${passes.length} passes: generated = delivered + lost, each counted on its own`,
  };
}

/** What a record costs on its way, in each of the processes it passes. */
const perRecord = (seconds: number, pass: Pass): string => `${Math.round((seconds * 1e9) / pass.delivered)} ns`;
const cpuWords = (pass: Pass): string =>
  `a record costs the agent ${perRecord(pass.cpu.agent, pass)}, sshd ${perRecord(pass.cpu.sshd, pass)}, the engine ${perRecord(pass.cpu.engine, pass)}`;

/** CPU of the way at 1,000,000 records/s, as a share of one core: of the passes that were offered that many. */
function cpuShare(passes: Pass[]): Measured {
  const offered = passes.filter((p) => p.offered === 1_000_000);
  const share = (seconds: number, p: Pass): number => (seconds / p.delivered) * 1e6 * 100;
  return {
    figure: 'cpu_share_at_1m',
    unit: '% of a core',
    better: 'lower',
    samples: offered.map((p) => share(p.cpu.agent + p.cpu.sshd + p.cpu.engine, p)),
    note: `agent, sshd and engine together, per million records delivered; ${offered.map(cpuWords).join(' / ')}`,
  };
}

async function cpuUse(host: BenchHost): Promise<CpuUse> {
  const use = { agent: 0, sshd: 0, engine: await cpuSeconds(process.pid) };
  for (const pid of host.sshd.processes()) {
    const comm = await readFile(`/proc/${pid}/comm`, 'latin1').catch(() => '');
    use[comm.startsWith('ringside-agent') ? 'agent' : 'sshd'] += await cpuSeconds(pid).catch(() => 0);
  }
  return use;
}

async function attach(engine: Engine, host: string): Promise<RunSummary> {
  return engine.attach(runOf('stream.bpf.c', host));
}

async function onePass(engine: Engine, host: BenchHost, gen: string, offered: number): Promise<Pass> {
  const run = await attach(engine, host.name);
  const before = await cpuUse(host);
  const made = await offer(gen, offered, SECONDS);
  await sleep(300);
  const after = await cpuUse(host);
  const { ledger } = await engine.detach(run.id);
  await engine.forget(run.id);
  const s = ledger.streams[0]!;
  const parts = s.lostKernel === null ? null : s.delivered + s.lostKernel + s.lostAgent + s.lostTransport;
  return {
    offered,
    calls: made.calls,
    rate: made.calls / made.seconds,
    delivered: s.delivered,
    lost: s.lostKernel === null ? null : s.lostKernel + s.lostAgent + s.lostTransport,
    adds: parts !== null && parts === s.produced,
    cpu: {
      agent: after.agent - before.agent,
      sshd: after.sshd - before.sshd,
      engine: after.engine - before.engine,
    },
  };
}

/** How long an answer of the agent takes while the link is flooded: the control round trip behind 4 s of flood. */
async function overload(engine: Engine, host: string, gen: string, say: (t: string) => void): Promise<Measured[]> {
  const run = await attach(engine, host);
  const flood = generate(gen, 0, SECONDS, 0);
  const samples: number[] = [];
  const end = performance.now() + SECONDS * 1000 - 300;
  while (performance.now() < end) {
    const before = performance.now();
    // A map page asks the agent for a dump: a request and an answer behind the flood.
    await engine.rows({ runId: run.id, stream: 'map:events_lost_samples', where: '', first: 0, count: 1 });
    samples.push(performance.now() - before);
    await sleep(250); // a dump younger than 200 ms is not asked for anew
  }
  await flood;
  await engine.detach(run.id);
  await engine.forget(run.id);
  const sorted = [...samples].sort((a, b) => a - b);
  const p99 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))]!;
  say(`control round trip under flood: p99 ${p99.toFixed(1)} ms of ${samples.length}`);
  return [
    {
      figure: 'control_rtt_p99_ms_at_overload',
      unit: 'ms',
      better: 'lower',
      samples: [p99],
      note: `${samples.length} map dumps through the engine's worker during an unpaced flood`,
    },
  ];
}
