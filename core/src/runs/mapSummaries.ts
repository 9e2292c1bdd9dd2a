import { RingsideError } from '../errors.ts';
import { FORGOTTEN_AFTER_MS } from '../events/index.ts';
import { ChartedMap, type ChartedMapOf } from '../maps/index.ts';
import type { MapSummaryQuery, SummaryPage } from '../model/index.ts';
import type { HostRun } from './hostRun.ts';
import { ofHostRun } from './reachableMaps.ts';

/** Maps of one run that charts look at: each is a watch on its host. */
const MOST_MAPS = 12;
/** How long a question waits for the first look. */
const PATIENCE_MS = 400;

interface Kept {
  map: ChartedMap;
  askedAt: number;
}

/** The charts of a run's maps: looked at as long as somebody asks, and for some time after that. */
export class MapSummaries {
  /** By host, map and member, the least recently asked first. */
  readonly #kept = new Map<string, Kept>();
  readonly #hostRuns: () => readonly HostRun[];
  #timer: NodeJS.Timeout | undefined;

  constructor(hostRuns: () => readonly HostRun[]) {
    this.#hostRuns = hostRuns;
  }

  /** Answers a question; one that does not fit the map comes back with its `error`, without data. */
  async page({ host, map, where, spec, since }: Omit<MapSummaryQuery, 'runId'>): Promise<SummaryPage> {
    const field = spec.kind === 'heatmap' ? '' : spec.field;
    const kept = this.#mapOf(
      JSON.stringify([host, map, field]),
      () => new ChartedMap(() => this.#reach(host, map), field),
    );
    return { stream: map, ...(await kept.page(where, spec, since, PATIENCE_MS)) };
  }

  /** Looks at nothing any more. */
  dispose(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const key of [...this.#kept.keys()]) this.#drop(key);
  }

  #mapOf(key: string, make: () => ChartedMap): ChartedMap {
    const map = this.#kept.get(key)?.map ?? make();
    this.#kept.delete(key);
    this.#kept.set(key, { map, askedAt: Date.now() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_MAPS) this.#drop(oldest!);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => this.#forget(), FORGOTTEN_AFTER_MS / 10);
      this.#timer.unref();
    }
    return map;
  }

  #forget(): void {
    const oldest = Date.now() - FORGOTTEN_AFTER_MS;
    for (const [key, { askedAt }] of this.#kept) if (askedAt < oldest) this.#drop(key);
    if (this.#kept.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #drop(key: string): void {
    // A host that is gone has closed its watches itself.
    void this.#kept
      .get(key)
      ?.map.close()
      .catch(() => undefined);
    this.#kept.delete(key);
  }

  /** The map as it can be reached now: after a redeploy it is another one. Errors: usage, unknown-map. */
  async #reach(host: string, name: string): Promise<ChartedMapOf> {
    const all = this.#hostRuns();
    const hostRun = host === '' ? all[0] : all.find((one) => one.name === host);
    if (hostRun === undefined)
      throw new RingsideError('usage', host === '' ? 'The run has no host yet.' : `${host} is no host of this run.`, {
        remedy: `It runs on ${all.map((one) => one.name).join(', ')}.`,
      });
    if (!hostRun.readable)
      throw hostRun.lost ?? new RingsideError('agent-exited', `The run on ${hostRun.name} has no maps now.`);
    const maps = ofHostRun(hostRun, '');
    const found = maps.find(({ summary }) => summary.name === name);
    if (found === undefined)
      throw new RingsideError('unknown-map', `The program has no map "${name}".`, {
        remedy: maps.length === 0 ? 'It has none.' : `It has ${maps.map(({ summary }) => summary.name).join(', ')}.`,
      });
    const { type, keySize, valueSize, maxEntries, access } = found.summary;
    const typing = await found.typing({});
    return { name, type, keySize, valueSize, maxEntries, access, typing, ref: found.ref, agent: found.agent() };
  }
}
