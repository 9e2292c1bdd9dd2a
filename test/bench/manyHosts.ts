/** Twenty sshd instances connected at once: when all are ready, and how the loops of both threads fare meanwhile. */
import { readFile, writeFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { join } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { benchEngine, dist } from './environment.ts';
import type { Measured } from './figure.ts';

const HOSTS = 20;
const ROUNDS = 5;

/** The engine's worker with a watch on its loop, which answers with its 99th percentile and its longest in ms. */
const watchedWorker = (): string => `
const { BroadcastChannel } = require('node:worker_threads');
const loop = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const line = new BroadcastChannel('ringside-bench-loop');
line.onmessage = ({ data }) => data === 'ask' && line.postMessage([loop.percentile(99) / 1e6, loop.max / 1e6]);
line.unref();
require(${JSON.stringify(join(dist, 'engine-worker.js'))});
`;

interface Round {
  seconds: number;
  main: number;
  longest: number;
  worker: number;
  workerLongest: number;
}

export async function manyHosts(dir: string, say: (text: string) => void): Promise<Measured[]> {
  const sshds: TestSshd[] = [];
  try {
    for (let i = 0; i < HOSTS; i++) sshds.push(await startSshd({ config: [`SetEnv HOME=${dir}`] }));
    const texts = await Promise.all(sshds.map(({ configFile }) => readFile(configFile, 'utf8')));
    const configFile = join(dir, 'many');
    await writeFile(configFile, texts.map((text, i) => text.replaceAll('ringside-test', `many-${i}`)).join('\n'));
    const workerPath = join(dir, 'watched-worker.cjs');
    await writeFile(workerPath, watchedWorker());
    const rounds: Round[] = [];
    // The first one installs the agent, and is not counted.
    for (let i = 0; i <= ROUNDS; i++) {
      const round = await connectAll(configFile, workerPath);
      if (i > 0) rounds.push(round);
      say(
        `${HOSTS} hosts ready in ${round.seconds.toFixed(2)} s; loop p99 ${round.main.toFixed(1)} ms, ` +
          `longest ${round.longest.toFixed(1)} ms; the engine's ${round.worker.toFixed(1)} and ${round.workerLongest.toFixed(1)} ms`,
      );
    }
    return figures(rounds);
  } finally {
    await Promise.all(sshds.map((sshd) => sshd.stop()));
  }
}

async function connectAll(configFile: string, workerPath: string): Promise<Round> {
  const engine = await benchEngine(undefined, { workerPath, ssh: { configFile } });
  const line = new BroadcastChannel('ringside-bench-loop');
  const loop = monitorEventLoopDelay({ resolution: 1 });
  try {
    // As the extension does: it hears of every host and of every line of the log.
    engine.on('host', () => undefined);
    engine.on('log', () => undefined);
    await engine.hosts();
    loop.enable();
    const begin = performance.now();
    await Promise.all(Array.from({ length: HOSTS }, (_, i) => engine.connect(`many-${i}`)));
    const seconds = (performance.now() - begin) / 1000;
    loop.disable();
    const answer = new Promise<[number, number]>((resolve) => {
      line.onmessage = (message: unknown) => resolve((message as { data: [number, number] }).data);
    });
    line.postMessage('ask');
    const [worker, workerLongest] = await answer;
    return { seconds, main: loop.percentile(99) / 1e6, longest: loop.max / 1e6, worker, workerLongest };
  } finally {
    line.close();
    await engine.dispose();
  }
}

function figures(rounds: Round[]): Measured[] {
  const largest = (of: keyof Round): string => Math.max(...rounds.map((round) => round[of])).toFixed(1);
  return [
    {
      figure: 'hosts_20_ready_s',
      ...{ unit: 's', better: 'lower', samples: rounds.map(({ seconds }) => seconds), goal: 5 },
      note: `${HOSTS} sshd instances and ${HOSTS} agents on this very machine, its CPUs shared by all of them`,
    },
    {
      figure: 'hosts_20_loop_p99_ms',
      ...{ unit: 'ms', better: 'lower', samples: rounds.map(({ main }) => main), goal: 20 },
      note: `the thread of the extension host meanwhile; longest ${largest('longest')} ms`,
    },
    {
      figure: 'hosts_20_engine_loop_p99_ms',
      ...{ unit: 'ms', better: 'lower', samples: rounds.map(({ worker }) => worker) },
      note: `the engine's own thread, where nobody waits for a key press; longest ${largest('workerLongest')} ms, its start included`,
    },
  ];
}
