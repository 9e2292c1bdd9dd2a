import type { PointKind, TargetKind } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import type { HostList } from './hostList.ts';

/** What a host is asked for, for each kind of point; kinds that hosts cannot be asked for are left out. */
const targetKinds: Partial<Record<PointKind, TargetKind>> = {
  tracepoint: 'tracepoint',
  function: 'kprobe',
  raw_tp: 'raw_tp',
  lsm: 'lsm',
};

/** "yes", "no", or why it cannot be told. */
export type Presence = { host: string; has: boolean | null; why: string };

const maxKnown = 2000;

/** Which of the connected hosts have a point: each is asked once, and again after it was connected anew. */
export class PointHosts {
  readonly #engine: Pick<Engine, 'targets'>;
  readonly #hosts: HostList;
  readonly #known = new Map<string, Promise<Presence>>();

  constructor(engine: Pick<Engine, 'targets'>, hosts: HostList) {
    this.#engine = engine;
    this.#hosts = hosts;
    hosts.onDidChange((name) => {
      if (name === undefined) return;
      for (const key of this.#known.keys()) if (key.startsWith(`${name}\n`)) this.#known.delete(key);
    });
  }

  connected(): string[] {
    const ready = this.#hosts.all().filter(({ state }) => state.state === 'ready');
    return ready.map(({ name }) => name);
  }

  async of(kind: PointKind, name: string): Promise<Presence[]> {
    const wanted = targetKinds[kind];
    if (wanted === undefined) return [];
    return await Promise.all(this.connected().map((host) => this.#ask(host, wanted, name)));
  }

  #ask(host: string, kind: TargetKind, name: string): Promise<Presence> {
    const key = `${host}\n${kind}\n${name}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      if (this.#known.size >= maxKnown) this.#known.clear();
      known = this.#askNow(host, kind, name);
      this.#known.set(key, known);
    }
    return known;
  }

  async #askNow(host: string, kind: TargetKind, name: string): Promise<Presence> {
    try {
      const pattern = kind === 'tracepoint' ? name.replace('/', ':') : name;
      const { targets } = await this.#engine.targets(host, { kind, pattern, limit: 1 });
      const [found] = targets;
      return { host, has: found !== undefined && found.unusable === null, why: found?.unusable ?? '' };
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      if (code === 'target-not-found') return { host, has: false, why: '' };
      this.#known.delete(`${host}\n${kind}\n${name}`);
      return { host, has: null, why: message ?? 'unknown' };
    }
  }
}

/** "On web-1, web-2; not on db-1"; empty where nobody could be asked. */
export function presenceWords(found: readonly Presence[]): string {
  const names = (has: boolean | null): string =>
    found
      .filter((each) => each.has === has)
      .map(({ host }) => host)
      .join(', ');
  const [there, absent, unknown] = [names(true), names(false), names(null)];
  const parts = [there && `on ${there}`, absent && `not on ${absent}`, unknown && `not known of ${unknown}`];
  const text = parts.filter((part) => part !== '').join('; ');
  return text === '' ? '' : text[0]!.toUpperCase() + text.slice(1);
}
