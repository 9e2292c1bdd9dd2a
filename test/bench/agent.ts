/** What the agent weighs: file size, memory idle and streaming, CPU when nothing happens. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchEngine, cpuSeconds, dist, generate, generator, rssBytes, run, runOf, sleep } from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';
import { symbolMemory } from './symbols.ts';

const MB = 1e6;

interface Manifest {
  agents: Record<string, { bytes: number } | undefined>;
}

export const agentBench: Bench = {
  summary: 'size, memory and idle CPU of the host agent',
  async run(say) {
    const manifest = JSON.parse(await readFile(join(dist, 'agents', 'manifest.json'), 'utf8')) as Manifest;
    const figures: Measured[] = [];
    for (const arch of ['x86_64', 'aarch64']) {
      const bytes = manifest.agents[arch]?.bytes;
      if (bytes === undefined)
        throw new Error(`dist/agents holds no ${arch} agent: run node scripts/build.mjs --agents`);
      figures.push({
        figure: `size_bytes_${arch}`,
        unit: 'B',
        better: 'lower',
        samples: [bytes],
        goal: 5 * MB,
        note: 'stripped static binary',
      });
    }
    const idle: number[] = [];
    const cpu: number[] = [];
    const streaming: number[] = [];
    const gen = await generator();
    for (let i = 0; i < 5; i++) {
      const engine = await benchEngine();
      try {
        await engine.connect('local');
        const pid = await agentPid();
        await sleep(1_000);
        const before = await cpuSeconds(pid);
        await sleep(2_000);
        cpu.push(((await cpuSeconds(pid)) - before) * 50);
        idle.push(await rssBytes(pid));
        const attached = await engine.attach(runOf('stream.bpf.c', 'local'));
        await generate(gen, 1_000_000, 1);
        streaming.push(await rssBytes(pid));
        await engine.detach(attached.id);
      } finally {
        await engine.dispose();
      }
      say(`idle ${Math.round(idle.at(-1)! / 1e5) / 10} MB, streaming ${Math.round(streaming.at(-1)! / 1e5) / 10} MB`);
    }
    figures.push(
      {
        figure: 'rss_idle_bytes',
        unit: 'B',
        better: 'lower',
        samples: idle,
        goal: 8 * MB,
        note: 'connected, no rings',
      },
      {
        figure: 'rss_streaming_bytes',
        unit: 'B',
        better: 'lower',
        samples: streaming,
        note: 'a 16 MB ring at 1 M records/s; the ring is mapped twice and counts twice',
      },
      await symbols(say),
      { figure: 'idle_cpu_percent', unit: '% of a core', better: 'lower', samples: cpu },
    );
    return figures;
  },
};

async function symbols(say: (text: string) => void): Promise<Measured> {
  const samples: number[] = [];
  let last = { bytes: 0, named: 0, asked: 0 };
  for (let i = 0; i < 5; i++) samples.push((last = await symbolMemory()).bytes);
  say(`symbols ${samples.map((bytes) => Math.round(bytes / 1e5) / 10).join(', ')} MB`);
  return {
    figure: 'rss_symbols_bytes',
    unit: 'B',
    better: 'lower',
    samples,
    goal: 20 * MB,
    note: `the most that the agent and its reader of symbols hold together; ${last.named} of ${last.asked} addresses of the kernel and of Node named`,
  };
}

/** The agent that this process's engine has started: a child of ours by name. */
async function agentPid(): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,comm=']);
  const all = stdout
    .trim()
    .split('\n')
    .map((l) => l.trim().split(/\s+/))
    .map(([pid, ppid, ...comm]) => ({ pid: Number(pid), ppid: Number(ppid), comm: comm.join(' ') }));
  const parents = new Map(all.map((p) => [p.pid, p.ppid]));
  const ours = (pid: number): boolean => pid === process.pid || (pid > 1 && ours(parents.get(pid) ?? 0));
  const agent = all.find((p) => p.comm.startsWith('ringside-agent') && ours(p.pid));
  if (!agent) throw new Error('the agent is not running');
  return agent.pid;
}
