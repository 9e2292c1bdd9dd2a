/** How soon a long verifier log is open in the explorer's engine, and how long one step through it takes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Explorations } from '../../core/src/verifier/explore/explorations.ts';
import { longLog } from '../../core/src/verifier/explore/testLogs.ts';
import { sleep } from './environment.ts';
import type { Measured } from './figure.ts';

const LINES = 200_000;
const ROUNDS = 5;
const STEPS = 300;
/** Nobody has a finger on a key sooner. */
const REACHING_MS = 500;

export async function explorer(say: (text: string) => void): Promise<Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ringside-bench-'));
  try {
    const log = join(folder, 'long.log');
    await writeFile(log, longLog(LINES));
    const opened: number[] = [];
    const jumped: number[] = [];
    const stepped: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const explorations = new Explorations();
      const begin = performance.now();
      const { id, end } = await explorations.open({ log, record: null });
      // What the panel asks for before it shows the first page.
      const way = await explorations.ask(id, { ask: 'path', step: end, leaf: -1 });
      await explorations.ask(id, { ask: 'rows', leaf: way.leaf, from: way.length - 60, count: 60 });
      await explorations.ask(id, { ask: 'state', step: end });
      await explorations.ask(id, { ask: 'source', file: 0 });
      opened.push(performance.now() - begin);
      jumped.push(await jump(explorations, id));
      await sleep(REACHING_MS);
      stepped.push(await slowestStep(explorations, id));
      explorations.close(id);
      say(
        `explorer: open in ${opened.at(-1)!.toFixed(0)} ms, a jump at once ${jumped.at(-1)!.toFixed(1)} ms, slowest of ${STEPS} steps ${stepped.at(-1)!.toFixed(1)} ms`,
      );
    }
    return [
      {
        figure: 'explorer_open_200k_ms',
        ...{ unit: 'ms', better: 'lower', samples: opened, goal: 1000 },
        note: `a log file of ${LINES} lines: read, indexed, the end of its path and the state there; without the page`,
      },
      {
        figure: 'explorer_step_ms',
        ...{ unit: 'ms', better: 'lower', samples: stepped, goal: 16.7 },
        note: `the slowest of ${STEPS} steps back from a place that nobody has looked at, ${REACHING_MS} ms after it was opened; without the page`,
      },
      {
        figure: 'explorer_first_jump_ms',
        ...{ unit: 'ms', better: 'lower', samples: jumped },
        note: 'from the end into the middle, as soon as it is open',
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function jump(explorations: Explorations, id: number): Promise<number> {
  const begin = performance.now();
  await explorations.ask(id, { ask: 'state', step: LINES / 2 });
  return performance.now() - begin;
}

async function slowestStep(explorations: Explorations, id: number): Promise<number> {
  const middle = LINES / 4;
  await explorations.ask(id, { ask: 'path', step: middle, leaf: -1 });
  let slowest = 0;
  for (let i = 0; i < STEPS; i++) {
    const begin = performance.now();
    await explorations.ask(id, { ask: 'state', step: middle - i });
    slowest = Math.max(slowest, performance.now() - begin);
  }
  return slowest;
}
