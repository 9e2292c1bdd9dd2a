/** The Maps panels that are open, by number: the maps of a run or of a host, and the one of them that each looks at. */
import type { AgentClient } from '../agent/client.ts';
import { visibleText } from '../events/index.ts';
import { RingsideError } from '../errors.ts';
import { accessOf, HostTypes, listMaps, listPrograms, LiveMap } from '../maps/index.ts';
import type {
  HostState,
  MapItem,
  MapsAnswer,
  MapsAnswers,
  MapsListing,
  MapsQuery,
  MapsScope,
  MapSummary,
  MapTarget,
  RunSummary,
} from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { HostRun } from './hostRun.ts';
import type { RecordedFigures } from './hostConnection.ts';
import type { ConnectedHost } from './hosts.ts';
import { MapsMeasure, type Measurable } from './mapsMeasure.ts';
import { ofHostRun, type Reachable } from './reachableMaps.ts';

const MOST_OPEN = 16;
/** Whether a map that nobody seems to hold is there for our sake alone is asked so often. */
const ORPHAN_EVERY_MS = 3_000;

/** What the views need of the engine. */
export interface MapsHost {
  runs(): readonly { readonly hostRuns: readonly HostRun[]; summary(): RunSummary }[];
  connect(host: string, call: CallOptions): Promise<ConnectedHost>;
  hostState(host: string): HostState | undefined;
}

export class MapsViews {
  readonly #open = new Map<number, MapsView>();
  #lastId = 0;

  constructor(private readonly host: MapsHost) {}

  async open(scope: MapsScope, call: CallOptions): Promise<number> {
    if (this.#open.size >= MOST_OPEN)
      throw new RingsideError('usage', `${MOST_OPEN} Maps panels are open, which is the most.`, {
        remedy: 'Close those that are not needed any more.',
      });
    // A host is connected for it; a run has its connections.
    if (scope.kind === 'host') await this.host.connect(scope.host, call);
    this.#open.set(++this.#lastId, new MapsView(this.host, scope));
    return this.#lastId;
  }

  async ask<Q extends MapsQuery>(id: number, query: Q, call: CallOptions): Promise<MapsAnswer<Q>> {
    const view = this.#open.get(id);
    if (!view) throw new RingsideError('usage', 'This Maps panel is closed.', { remedy: 'Open it again.' });
    // The compiler cannot follow that each case answers its own kind.
    return (await view.ask(query, call)) as MapsAnswer<Q>;
  }

  async close(id: number): Promise<void> {
    const view = this.#open.get(id);
    this.#open.delete(id);
    await view?.close();
  }
}

const keyOf = ({ host, id }: MapTarget): string => `${host} ${id}`;

class MapsView {
  readonly #measure = new MapsMeasure();
  readonly #types = new WeakMap<AgentClient, HostTypes>();
  /** Maps that were seen last, by host and number. */
  #known = new Map<string, Reachable>();
  /** Maps that were opened from within others. */
  readonly #inner = new Set<string>();
  #live: LiveMap | null = null;
  #opening: Promise<LiveMap> | null = null;
  #orphanAskedAt = 0;

  constructor(
    private readonly host: MapsHost,
    private readonly scope: MapsScope,
  ) {}

  async ask(query: MapsQuery, call: CallOptions): Promise<MapsAnswers[keyof MapsAnswers]> {
    if (query.ask === 'list') {
      if (query.at !== undefined) await this.#showAt(query.at);
      return this.#list(call);
    }
    const live = await this.#liveOf(query.target, call);
    switch (query.ask) {
      case 'rows':
        return live.page(query.look, query.first, query.count);
      case 'entry':
        return live.entry(query.seq);
      case 'histograms':
        return live.histograms(query.scale, query.first, query.count);
      case 'change':
        return live.change(query.change);
    }
  }

  async close(): Promise<void> {
    const live = this.#live;
    this.#live = null;
    await Promise.all([live?.close(), this.#measure.close()]);
  }

  // --- the list -----------------------------------------------------------------------------------------------------

  async #list(call: CallOptions): Promise<MapsListing> {
    const { scope } = this;
    const away: MapsListing['away'] = [];
    const found = scope.kind === 'run' ? this.#ofRun(scope.runId) : await this.#ofHost(scope.host, away, call);
    const note = scope.kind === 'run' ? this.#runNote(scope.runId) : '';
    for (const key of this.#inner) {
      const inner = this.#known.get(key);
      if (inner && !found.some(({ summary }) => keyOf(summary) === key)) found.push(inner);
    }
    // What is over is still shown as it was.
    const over = found.length === 0 && (note !== '' || away.length > 0);
    if (!over) this.#known = new Map(found.map((map) => [keyOf(map.summary), map]));
    if (!over) {
      const shown = this.#live === null ? '' : keyOf(this.#live.target);
      this.#measure.go(
        found.flatMap((map) => this.#measurable(map)),
        shown,
      );
    }
    await this.#check(found, over, call);
    const kept = this.#kept();
    const maps = [...this.#known.values()].map(({ summary }) => this.#measured(summary));
    return {
      // Nobody knows what changes where nothing is read any more.
      ...{ maps: over ? maps.map((map) => ({ ...map, changesPerSecond: null })) : maps, away, note },
      ...(kept && { kept }),
      ...(this.#restartable() && { restartable: true as const }),
    };
  }

  #restartable(): boolean {
    const run = this.scope.kind === 'run' ? this.#runOf(this.scope.runId)?.summary() : undefined;
    const isBack = (host: string): boolean => this.host.hostState(host)?.state === 'ready';
    // What is kept goes on by itself.
    return run?.endReason === 'host-lost' && run.kept.length === 0 && run.hosts.every(isBack);
  }

  /** The hosts that a recording stands for, when it was played to its end: until then its maps change by themselves. */
  #recorded(): RecordedFigures[] {
    const run = this.scope.kind === 'run' ? this.#runOf(this.scope.runId) : undefined;
    const { state } = run?.summary() ?? {};
    return state === 'ended' ? run!.hostRuns.flatMap(({ host }) => host.recorded ?? []) : [];
  }

  #kept(): MapsListing['kept'] | null {
    const kept = this.#recorded().flatMap(({ maps }) => maps.kept() ?? []);
    const times = [...new Set(kept.flatMap((one) => one.times))].sort((a, b) => a - b);
    return times.length === 0 ? null : { times, at: Math.max(...kept.map(({ at }) => at)) };
  }

  async #showAt(ms: number): Promise<void> {
    await Promise.all(this.#recorded().map(({ maps }) => maps.showAt(ms)));
  }

  #measurable({ summary, agent, ref }: Reachable): Measurable[] {
    const held = summary.owned || summary.owner !== '' || summary.pins.length > 0;
    // Watching a map that nobody else holds would keep it.
    if (!held || summary.access !== 'entries' || this.#isShown(summary)) return [];
    try {
      return [{ key: keyOf(summary), agent: agent(), ref, entryBytes: summary.keySize + summary.valueSize }];
    } catch {
      return [];
    }
  }

  #isShown(target: MapTarget): boolean {
    return this.#live !== null && keyOf(this.#live.target) === keyOf(target);
  }

  #measured(summary: MapSummary): MapSummary {
    const figures = this.#isShown(summary) ? this.#live!.figures : null;
    const measured =
      (figures?.entries ?? null) === null ? this.#measure.result(keyOf(summary)) : { ...figures!, atLeast: false };
    const entries = measured?.entries ?? null;
    return {
      ...summary,
      entries,
      changesPerSecond: measured?.changesPerSecond ?? null,
      atLeast: measured?.atLeast ?? false,
    };
  }

  #runOf(runId: string) {
    return this.host.runs().find((run) => run.summary().id === runId);
  }

  #runNote(runId: string): string {
    const summary = this.#runOf(runId)?.summary();
    if (summary === undefined) return 'The run is not there any more, and its maps with it.';
    if (summary.replay) return recordedNote(summary);
    if (summary.state === 'ended' || summary.state === 'failed')
      return 'The run is over: shown is what its maps held at the last look.';
    return '';
  }

  #ofRun(runId: string): Reachable[] {
    const run = this.#runOf(runId);
    if (run === undefined) return [];
    const name = visibleText(run.summary().name);
    return run.hostRuns.filter((hostRun) => hostRun.readable).flatMap((hostRun) => ofHostRun(hostRun, name));
  }

  async #ofHost(host: string, away: MapsListing['away'], call: CallOptions): Promise<Reachable[]> {
    try {
      const connected = await this.#connected(host, call);
      const items = await listMaps(connected.agent, [], call);
      // Maps of runs of this window by their agents: under their whole names, and without asking anybody.
      const own = new Map<number, Reachable>();
      for (const run of this.host.runs()) {
        const name = visibleText(run.summary().name);
        for (const hostRun of run.hostRuns)
          if (hostRun.name === host && hostRun.readable)
            for (const map of ofHostRun(hostRun, name)) own.set(map.summary.id, map);
      }
      return items.map((item) => {
        const mine = own.get(item.id);
        const summary = summaryOf(host, item);
        if (mine)
          return { ...mine, summary: { ...summary, name: mine.summary.name, owned: true, owner: mine.summary.owner } };
        return this.#foreign(summary, connected);
      });
    } catch (error) {
      away.push({ host, error: RingsideError.from(error).toData() });
      return [];
    }
  }

  /** A host that was lost is not connected by a list that is looked at: somebody might be asked for a password. */
  async #connected(host: string, call: CallOptions): Promise<ConnectedHost> {
    const state = this.host.hostState(host);
    if (state?.state === 'ready') return this.host.connect(host, call);
    if (state?.error) throw RingsideError.fromData(state.error);
    throw new RingsideError('host-lost', `${host} is not connected.`, {
      remedy: 'Connect it to see what it holds now.',
    });
  }

  #foreign(summary: MapSummary, connected: ConnectedHost): Reachable {
    const { agent, readOnly } = connected;
    const frozen = summary.frozen ? `${summary.name} is frozen: user space can no longer write it.` : '';
    return {
      summary,
      // Asked anew each time: after a reconnect it is another one.
      agent: () => agent,
      ref: { ref: { case: 'id', value: summary.id } },
      readOnly: readOnly ? `${summary.host} is read-only (setting ringside.readOnlyHosts).` : frozen,
      typing: async (call) => {
        const list = await agent.request({ case: 'listMaps', value: { ids: [summary.id] } }, 'mapList', call);
        const entry = list.maps[0];
        if (!entry) throw goneError(summary);
        return this.#typesOf(agent).of(entry, call);
      },
    };
  }

  #typesOf(agent: AgentClient): HostTypes {
    let types = this.#types.get(agent);
    if (!types) this.#types.set(agent, (types = new HostTypes(agent)));
    return types;
  }

  // --- the one that is shown ------------------------------------------------------------------------------------------

  async #liveOf(target: MapTarget, call: CallOptions): Promise<LiveMap> {
    if (this.#live !== null && this.#isShown(target)) return this.#live;
    // One at a time: two would each hold a table, and only one is shown.
    await this.#opening?.catch(() => undefined);
    if (this.#live !== null && this.#isShown(target)) return this.#live;
    this.#opening = this.#openLive(target, call).finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #openLive(target: MapTarget, call: CallOptions): Promise<LiveMap> {
    const map = this.#known.get(keyOf(target)) ?? (await this.#reach(target, call));
    const { name, type, keySize, valueSize, maxEntries, access } = map.summary;
    const typing = await map.typing(call);
    const before = this.#live;
    const of = {
      target: { host: target.host, id: target.id },
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
      access,
      typing,
    };
    this.#live = new LiveMap({ ...of, ref: map.ref, readOnly: map.readOnly, agent: map.agent });
    await before?.close();
    return this.#live;
  }

  /** A map that no list has: one that was opened from within another. */
  async #reach(target: MapTarget, call: CallOptions): Promise<Reachable> {
    const connected = await this.host.connect(target.host, call);
    const [item] = await listMaps(connected.agent, [target.id], call);
    if (!item) throw goneError({ ...target, name: '' });
    const map = this.#foreign(summaryOf(target.host, item), connected);
    this.#inner.add(keyOf(target));
    this.#known.set(keyOf(target), map);
    return map;
  }

  /** Whether the map that is shown is still there, and its host: what is gone is said, and not kept alive. */
  async #check(found: readonly Reachable[], over: boolean, call: CallOptions): Promise<void> {
    const live = this.#live;
    if (live === null || live.trouble?.kind === 'gone') return;
    const { target } = live;
    const map = found.find(({ summary }) => keyOf(summary) === keyOf(target));
    if (map === undefined) {
      if (this.scope.kind === 'run') {
        const lost = this.#runOf(this.scope.runId)?.hostRuns.find(({ name }) => name === target.host)?.lost;
        if (lost) await live.end({ kind: 'away', error: lost.toData() });
        else
          await live.end({
            kind: 'gone',
            error: goneError(this.#known.get(keyOf(target))?.summary ?? { ...target, name: '' }).toData(),
          });
      } else if (!over) await live.end({ kind: 'gone', error: goneError({ ...target, name: '' }).toData() });
      return;
    }
    if (live.agentClosed) {
      // The host is back, with another agent.
      this.#live = null;
      this.#orphanAskedAt = 0;
      await live.close();
      return;
    }
    await this.#letGoOfOrphan(live, map, call);
  }

  /** What we look at is held by that: a map that nobody else holds is let go of, to see whether it is there all the same. */
  async #letGoOfOrphan(live: LiveMap, { summary, agent }: Reachable, call: CallOptions): Promise<void> {
    const held = summary.owned || summary.owner !== '' || summary.pins.length > 0;
    if (held || performance.now() - this.#orphanAskedAt < ORPHAN_EVERY_MS) return;
    this.#orphanAskedAt = performance.now();
    const programs = await listPrograms(agent(), call);
    if (programs.some(({ mapIds }) => mapIds.includes(summary.id))) return;
    await live.letGo();
    const left = await listMaps(agent(), [summary.id], call);
    if (left.length === 0) await live.end({ kind: 'gone', error: goneError(summary).toData() });
  }
}

/** Of a recording; while it is played its maps change as they did. */
const recordedNote = ({ state }: RunSummary): string =>
  state === 'ended' || state === 'failed' ? 'A recording: its maps are shown as they were read then.' : '';

function goneError({ host, id, name }: Pick<MapSummary, 'host' | 'id' | 'name'>): RingsideError {
  const which = name === '' ? `Map ${id}` : `Map ${name} (${id})`;
  return new RingsideError('unknown-map', `${which} is not on ${host} any more: nobody holds it.`, {
    remedy: 'Its number may be another one after a restart.',
  });
}

function summaryOf(host: string, item: MapItem): MapSummary {
  const { id, name, type, keySize, valueSize, maxEntries, memoryBytes, pins, frozen } = item;
  return {
    host,
    id,
    name: name === '' ? String(id) : name,
    type,
    keySize,
    valueSize,
    maxEntries,
    memoryBytes,
    access: accessOf(item),
    entries: null,
    changesPerSecond: null,
    atLeast: false,
    owned: false,
    // Unknown owners are not none.
    owner: item.owners === null ? 'not known' : item.owners.map(({ command, pid }) => `${command} (${pid})`).join(', '),
    pins,
    frozen,
  };
}
