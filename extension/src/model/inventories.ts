import * as vscode from 'vscode';
import type { ErrorData, LinkItem, MapItem, ProgramItem } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';
import { errorData } from '../errors.ts';
import { bpfLoad, isCounting, type LoadSample } from './bpfLoad.ts';
import type { HostList } from './hostList.ts';
import type { RunList } from './runList.ts';

/** Everything of BPF on a host, whoever made it. */
export interface Inventory {
  programs: ProgramItem[];
  maps: MapItem[];
  links: LinkItem[];
}

/** After a host is ready its first agent belongs to whoever connected: its load can wait. */
const firstSampleMs = 3000;
const sampleMs = 10_000;
const shortestMs = 1000;
/** After an attach or detach there often comes another. */
const settleMs = 800;

interface Entry {
  inventory: Inventory | undefined;
  error: ErrorData | undefined;
  loading: Promise<void> | undefined;
  sample: LoadSample | undefined;
  /** Percent of one CPU; null is unknown. */
  load: number | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  settle: ReturnType<typeof setTimeout> | undefined;
}

/** What is on the connected hosts: read when somebody looks, and forgotten with the connection. */
export class Inventories implements vscode.Disposable {
  readonly #parts: { engine: Engine; hosts: HostList; runs: RunList; log: (error: unknown) => void };
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new vscode.EventEmitter<string>();
  /** Fires with the host whose inventory or load is another one. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  #watched = false;

  constructor(parts: { engine: Engine; hosts: HostList; runs: RunList; log: (error: unknown) => void }) {
    this.#parts = parts;
    this.#subscriptions = [
      parts.hosts.onDidChange(() => this.#followHosts()),
      parts.runs.onDidChange(({ run, structure }) => {
        if (structure) for (const host of run.hosts) this.#reloadSoon(host);
      }),
    ];
  }

  get(host: string): Inventory | undefined {
    return this.#entries.get(host)?.inventory;
  }

  error(host: string): ErrorData | undefined {
    return this.#entries.get(host)?.error;
  }

  isLoading(host: string): boolean {
    return this.#entries.get(host)?.loading !== undefined;
  }

  /** Percent of one CPU that all BPF programs of the host take; null is unknown. */
  load(host: string): number | null {
    return this.#entries.get(host)?.load ?? null;
  }

  /** While somebody looks at the hosts, their load is kept up to date where the kernel counts. */
  watch(watched: boolean): void {
    this.#watched = watched;
    for (const [host, entry] of this.#entries) {
      clearTimeout(entry.timer);
      if (watched) this.#sampleIn(host, entry, firstSampleMs);
    }
  }

  /** Reads the inventory; who asks while it is being read gets the same. Never throws: see `error`. */
  async read(host: string): Promise<void> {
    const entry = this.#entries.get(host);
    if (entry === undefined) return;
    entry.loading ??= this.#read(host, entry).finally(() => {
      entry.loading = undefined;
      this.#changed.fire(host);
    });
    await entry.loading;
  }

  async #read(host: string, entry: Entry): Promise<void> {
    const { engine } = this.#parts;
    try {
      const [programs, maps, links] = await Promise.all([engine.programs(host), engine.maps(host), engine.links(host)]);
      this.#take(entry, programs);
      entry.inventory = { programs, maps, links };
      entry.error = undefined;
    } catch (error) {
      this.#parts.log(error);
      entry.error = errorData(error);
    }
  }

  #take(entry: Entry, programs: ProgramItem[]): void {
    const sample = { at: performance.now(), programs };
    // A share of a moment says nothing of the host.
    if (entry.sample !== undefined && sample.at - entry.sample.at < shortestMs) return;
    entry.load = bpfLoad(entry.sample, sample);
    entry.sample = sample;
  }

  #followHosts(): void {
    const ready = new Set(this.#parts.hosts.all().flatMap((h) => (h.state.state === 'ready' ? [h.name] : [])));
    for (const [host, entry] of [...this.#entries]) if (!ready.has(host)) this.#drop(host, entry);
    for (const host of ready) {
      if (this.#entries.has(host)) continue;
      const entry: Entry = {
        ...{ inventory: undefined, error: undefined, loading: undefined, sample: undefined },
        ...{ load: null, timer: undefined, settle: undefined },
      };
      this.#entries.set(host, entry);
      if (this.#watched) this.#sampleIn(host, entry, firstSampleMs);
    }
  }

  #drop(host: string, entry: Entry): void {
    clearTimeout(entry.timer);
    clearTimeout(entry.settle);
    this.#entries.delete(host);
  }

  /** What was read once stays true while runs come and go. */
  #reloadSoon(host: string): void {
    const entry = this.#entries.get(host);
    if (entry?.inventory === undefined) return;
    clearTimeout(entry.settle);
    entry.settle = setTimeout(() => void this.read(host), settleMs);
  }

  #sampleIn(host: string, entry: Entry, ms: number): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void this.#sample(host, entry), ms);
  }

  /** Not while something is being attached: it shall not wait for this. Where nobody counts there is nothing to follow. */
  async #sample(host: string, entry: Entry): Promise<void> {
    const { engine, runs, log } = this.#parts;
    const busy = runs.live().some((run) => run.state !== 'running' && run.state !== 'paused');
    try {
      if (!busy && entry.loading === undefined) {
        const programs = await engine.programs(host);
        if (this.#entries.get(host) !== entry) return;
        const before = entry.load;
        this.#take(entry, programs);
        if (entry.load !== before) this.#changed.fire(host);
      }
    } catch (error) {
      log(error);
      return;
    }
    const counting = entry.sample === undefined || isCounting(entry.sample);
    if (this.#watched && counting && this.#entries.get(host) === entry) this.#sampleIn(host, entry, sampleMs);
  }

  dispose(): void {
    for (const [host, entry] of [...this.#entries]) this.#drop(host, entry);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
