/** Memory of everybody who takes part: extension host, engine's worker, agents, and the JavaScript of window and panels. */
import { readFile, readdir } from 'node:fs/promises';
import type { Frame, Page } from 'playwright-core';

/** Bytes by what takes them; null = it is not there, or cannot be measured now. */
export interface Memory {
  extensionHostRss: number | null;
  extensionHostHeap: number | null;
  /** Heap and buffers of the engine's thread, which is within the extension host's process. */
  engine: number | null;
  agentRss: number | null;
  /** JavaScript heaps of the window and of its webviews. */
  windowHeap: number | null;
  panelsHeap: number | null;
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

/** `metrics`: the file that the extension host writes (RINGSIDE_BENCH); the engine's stands beside it. */
export async function sampleMemory(page: Page, metrics: string): Promise<Memory> {
  const [hosts, agents] = await Promise.all([below(/--type=extensionHost/), below(/ringside-agent.*--worker/)]);
  const heaps = await Promise.all(
    page
      .frames()
      .filter((frame) => frame === page.mainFrame() || isPanel(frame))
      .map(async (frame) => ({ main: frame === page.mainFrame(), bytes: await heapOf(frame) })),
  );
  const heap = (main: boolean): number[] =>
    heaps.flatMap((h) => (h.main === main && h.bytes !== null ? [h.bytes] : []));
  return {
    extensionHostRss: sum(hosts.map(({ rss }) => rss)),
    extensionHostHeap: used(await read(metrics)),
    engine: used(await read(`${metrics}.engine`)),
    agentRss: sum(agents.map(({ rss }) => rss)),
    windowHeap: sum(heap(true)),
    panelsHeap: sum(heap(false)),
  };
}

/** A webview's own page stands in the loader's of VS Code, and that in the window. */
const isPanel = (frame: Frame): boolean => frame.parentFrame()?.parentFrame()?.parentFrame() === null;

/** null = it does not say. */
async function heapOf(frame: Frame): Promise<number | null> {
  const answer = frame.evaluate(() => {
    const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } };
    return memory?.usedJSHeapSize ?? null;
  });
  return Promise.race([
    answer.catch(() => null),
    new Promise<null>((resolve) => setTimeout(() => resolve(null), 3_000)),
  ]);
}
