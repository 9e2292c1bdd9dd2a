import * as vscode from 'vscode';
import type { KeptOn, KeptRunInfo, RunSummary } from '@ringside/core/model';
import type { CallOptions, Engine } from '@ringside/core/rpc';
import { isLive } from '../format.ts';
import type { HostList } from './hostList.ts';
import { isHeldBy, isOver, isSame, type KeptMemory } from './keptMemory.ts';
import type { RunList } from './runList.ts';

/** After a host is ready its first agent belongs to whoever connected: a list of what is kept there can wait. */
const settleMs = 1500;
/** A timer's longest time; a run may be kept for longer. */
const longestTimer = 2_000_000_000;

/** A run that goes on on a host without this window, or with another client. */
export interface KeptRun extends KeptOn {
  name: string;
  /** As its host lists it; null while only we remember it. */
  info: KeptRunInfo | null;
}

/** The kept runs of the hosts: those that hosts list, and those that this window left behind. */
export class KeptRuns implements vscode.Disposable {
  readonly #engine: Engine;
  readonly #hosts: HostList;
  readonly #runs: RunList;
  readonly #memory: KeptMemory;
  readonly #log: (error: unknown) => void;
  readonly #changed = new vscode.EventEmitter<string>();
  /** Fires with the host. */
  readonly onDidChange = this.#changed.event;
  readonly #found = new vscode.EventEmitter<{ host: string; runs: KeptRun[] }>();
  /** A host was connected and keeps runs that are not on in this window. */
  readonly onDidFind = this.#found.event;
  readonly #told = new vscode.EventEmitter<string>();
  /** A host has told what it keeps. */
  readonly onDidList = this.#told.event;
  readonly #listed = new Map<string, KeptRunInfo[]>();
  readonly #ready = new Set<string>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #expiry: ReturnType<typeof setTimeout> | undefined;
  readonly #subscriptions: vscode.Disposable[];

  constructor(parts: {
    engine: Engine;
    hosts: HostList;
    runs: RunList;
    memory: KeptMemory;
    log: (error: unknown) => void;
  }) {
    this.#engine = parts.engine;
    this.#hosts = parts.hosts;
    this.#runs = parts.runs;
    this.#memory = parts.memory;
    this.#log = parts.log;
    this.#subscriptions = [
      parts.hosts.onDidChange((name) => this.#hostChanged(name)),
      parts.runs.onDidChange(({ run }) => this.#runChanged(run)),
    ];
    this.#watchExpiry();
  }

  /** Those of a host that are not on in this window. */
  of(host: string): KeptRun[] {
    return this.#known(host).filter((on) => !this.#runs.all().some((run) => isHeldBy(on, run)));
  }

  all(): KeptRun[] {
    const hosts = new Set([...this.#listed.keys(), ...this.#memory.all().map((one) => one.host)]);
    return [...hosts].flatMap((host) => this.of(host));
  }

  /** What a run of an earlier window has become, by its id there: a panel that comes back knows no more. */
  ofEarlier(runId: string): KeptRun[] {
    if (runId === '' || this.#runs.get(runId) !== undefined) return [];
    const ours = this.#memory.all().filter((one) => one.runId === runId);
    return ours.map((one) => ({ ...one, info: null }));
  }

  /** Where an ended run of this window goes on without it. */
  leftOf(run: RunSummary): KeptRun[] {
    return isLive(run) ? [] : run.kept.flatMap((on) => this.of(on.host).filter((one) => isSame(one, on)));
  }

  #known(host: string): KeptRun[] {
    const listed = (this.#listed.get(host) ?? []).map((info): KeptRun => ({ ...info, info }));
    // What was kept since the host listed its runs is remembered only.
    const ours = this.#memory.all().filter((one) => one.host === host && !listed.some((on) => isSame(on, one)));
    return [...listed, ...ours.map((one): KeptRun => ({ ...one, info: null }))].filter((on) => !isOver(on));
  }

  /** Asks a host, which is connected for it if it is not. */
  async refresh(host: string, call?: CallOptions): Promise<KeptRun[]> {
    const listed = await this.#engine.keptRuns(host, call);
    this.#listed.set(host, listed);
    await this.#memory.settle(host, listed);
    this.#publish(host);
    this.#told.fire(host);
    return this.of(host);
  }

  /** It is known to be gone. */
  async forget(on: KeptOn): Promise<void> {
    await this.#memory.forget(on);
    const listed = this.#listed.get(on.host);
    if (listed)
      this.#listed.set(
        on.host,
        listed.filter((one) => !isSame(one, on)),
      );
    this.#publish(on.host);
  }

  /** Every connected host again. */
  refreshAll(): void {
    for (const host of this.#ready) this.#refreshSoon(host, 0);
  }

  #hostChanged(name: string | undefined): void {
    for (const { name: host, state } of name === undefined ? this.#hosts.all() : [this.#hosts.get(name)!]) {
      if (state.state !== 'ready') this.#ready.delete(host);
      else if (!this.#ready.has(host)) {
        this.#ready.add(host);
        this.#refreshSoon(host, settleMs, true);
      }
    }
  }

  #runChanged(run: RunSummary): void {
    const before = this.#memory.all().length;
    void this.#memory.follow(run).then(() => {
      if (this.#memory.all().length !== before) for (const host of run.hosts) this.#publish(host);
    });
    if (isLive(run)) return;
    for (const { host } of run.kept) {
      this.#publish(host);
      if (this.#ready.has(host)) this.#refreshSoon(host, 300);
    }
  }

  /** Not while something is being attached: it shall not wait for this. */
  #refreshSoon(host: string, ms: number, tell = false): void {
    clearTimeout(this.#timers.get(host));
    const due = (): void => {
      this.#timers.delete(host);
      if (!this.#ready.has(host)) return;
      const busy = this.#runs.live().some((run) => run.state !== 'running' && run.state !== 'paused');
      if (busy) this.#refreshSoon(host, settleMs, tell);
      else void this.#refreshQuietly(host, tell);
    };
    this.#timers.set(host, setTimeout(due, ms));
  }

  /** Nobody has asked for it: what goes wrong is for the log. */
  async #refreshQuietly(host: string, tell: boolean): Promise<void> {
    try {
      const runs = await this.refresh(host);
      if (tell && runs.length > 0) this.#found.fire({ host, runs });
    } catch (error) {
      this.#log(error);
    }
  }

  #publish(host: string): void {
    this.#changed.fire(host);
    this.#watchExpiry();
  }

  /** When a run's time is over it leaves the lists by itself. */
  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    const all = this.all();
    if (all.length === 0) return;
    const first = Math.min(...all.map((on) => Number(BigInt(on.expires) / 1_000_000n)));
    const due = (): void => {
      const over = all.filter((on) => isOver(on));
      for (const host of new Set(over.map((on) => on.host))) this.#changed.fire(host);
      this.#watchExpiry();
    };
    this.#expiry = setTimeout(due, Math.min(longestTimer, Math.max(0, first - Date.now()) + 50));
    this.#expiry.unref();
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    clearTimeout(this.#expiry);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
    this.#found.dispose();
    this.#told.dispose();
  }
}
