/** Memory of everybody who takes part: extension host, engine's worker, agents, and the JavaScript of the pages. */
import { readFile, readdir } from 'node:fs/promises';
import type { CDPSession, Page } from 'playwright-core';

/** Bytes by what takes them; null = it is not there, or cannot be measured now. */
export interface Memory {
  extensionHostRss: number | null;
  extensionHostHeap: number | null;
  /** Heap and buffers of the engine's thread, which is within the extension host's process. */
  engine: number | null;
  agentRss: number | null;
  /** What is in use, after a collection, of the JavaScript heap that the window and its webviews share. */
  pagesHeap: number | null;
}

/** Processes below ours whose command line says this: pid and resident bytes. */
export async function below(pattern: RegExp): Promise<{ pid: number; rss: number }[]> {
  const all = await processes();
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const isOurs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === process.pid) return true;
    return false;
  };
  return all.filter(({ pid, command }) => pattern.test(command) && isOurs(pid)).map(({ pid, rss }) => ({ pid, rss }));
}

async function processes(): Promise<{ pid: number; parent: number; rss: number; command: string }[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const status = await readFile(`/proc/${name}/status`, 'latin1');
        const command = (await readFile(`/proc/${name}/cmdline`, 'utf8')).replaceAll('\0', ' ');
        const figure = (label: string): number =>
          Number(new RegExp(`^${label}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
        return [{ pid: Number(name), parent: figure('PPid'), rss: figure('VmRSS') * 1024, command }];
      } catch {
        return []; // it has ended meanwhile
      }
    }),
  );
  return found.flat();
}

interface Report {
  memory?: { heapUsed: number; external: number };
}

const read = async (file: string): Promise<Report> => {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Report;
  } catch {
    return {}; // it is being written
  }
};
const sum = (sizes: number[]): number | null => (sizes.length === 0 ? null : sizes.reduce((a, b) => a + b, 0));
const used = ({ memory }: Report): number | null => (memory ? memory.heapUsed + memory.external : null);

/**
 * `metrics`: the file that the extension host writes (RINGSIDE_BENCH); the engine's stands beside it. `collect`: with the
 * pages' heap, which takes a collection.
 */
export async function sampleMemory(page: Page, metrics: string, collect: boolean): Promise<Memory> {
  const [hosts, agents] = await Promise.all([below(/--type=extensionHost/), below(/ringside-agent.*--worker/)]);
  return {
    extensionHostRss: sum(hosts.map(({ rss }) => rss)),
    extensionHostHeap: used(await read(metrics)),
    engine: used(await read(`${metrics}.engine`)),
    agentRss: sum(agents.map(({ rss }) => rss)),
    pagesHeap: collect ? await pagesHeap(page) : null,
  };
}

/** Of the window's process, and of those webviews that have one of their own. */
async function pagesHeap(page: Page): Promise<number | null> {
  const context = page.context();
  // A frame without a process of its own has no session of its own: its heap is its parent's.
  const sessions = await Promise.all(page.frames().map((frame) => context.newCDPSession(frame).catch(() => null)));
  const heaps = await Promise.all(sessions.filter((session) => session !== null).map(heapOf));
  return sum(heaps.filter((heap) => heap !== null));
}

/** null = it does not say. */
async function heapOf(session: CDPSession): Promise<number | null> {
  const answer = session
    .send('HeapProfiler.collectGarbage')
    .then(() => session.send('Runtime.getHeapUsage'))
    .then(({ usedSize }) => usedSize)
    .catch(() => null);
  const heap = await Promise.race([answer, new Promise<null>((resolve) => setTimeout(() => resolve(null), 5_000))]);
  await session.detach().catch(() => undefined);
  return heap;
}
