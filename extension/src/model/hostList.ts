import * as vscode from 'vscode';
import type { HostEntry, HostState } from '@ringside/core/model';
import type { Engine } from '@ringside/core/rpc';

const typedHostsKey = 'ringside.typedHosts';
const recentHostsKey = 'ringside.recentHosts';
const maxTyped = 20;
const maxRecent = 20;

export const localHost = 'local';

/** One host as the extension shows it: from the ssh config, typed in, or this machine. */
export interface Host {
  name: string;
  /** null for `local` and for typed hosts. */
  entry: HostEntry | null;
  /** Typed in by the user, so it can be forgotten. */
  typed: boolean;
  state: HostState;
}

/** The hosts that can be chosen and their connection states. */
export class HostList implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<string | undefined>();
  /** Fires with a host's name when its state changed, with undefined when the list itself changed. */
  readonly onDidChange = this.#changed.event;
  readonly #engine: Engine;
  readonly #memory: vscode.Memento;
  /** Hosts that groups name. */
  readonly #named: () => string[];
  readonly #states = new Map<string, HostState>();
  #entries: HostEntry[] = [];
  #loading: Promise<void> | undefined;
  readonly #unsubscribe: () => void;

  constructor(engine: Engine, memory: vscode.Memento, named: () => string[] = () => []) {
    this.#engine = engine;
    this.#memory = memory;
    this.#named = named;
    this.#unsubscribe = engine.on('host', (state) => {
      const listed = this.get(state.name) !== undefined;
      this.#states.set(state.name, state);
      this.#changed.fire(listed ? state.name : undefined);
      if (state.state === 'ready') void this.#used(state.name);
    });
  }

  /** Reads the ssh config once; `refresh` reads it again. */
  async load(): Promise<void> {
    this.#loading ??= this.#engine.hosts().then(
      (entries) => {
        this.#entries = entries;
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    await this.#loading;
  }

  async refresh(): Promise<void> {
    this.#loading = undefined;
    await this.load();
    this.#changed.fire(undefined);
  }

  all(): Host[] {
    const listed = this.#entries.map((entry) => entry.alias);
    const names = [localHost, ...listed, ...this.#named(), ...this.#typed(), ...this.#states.keys()];
    return [...new Set(names)].map((name) => this.#host(name));
  }

  /** Hosts that were connected, newest first, over all windows: what a picker offers first. */
  recent(): string[] {
    return this.#memory.get<string[]>(recentHostsKey, []);
  }

  async #used(name: string): Promise<void> {
    const recent = this.recent();
    if (recent[0] === name) return;
    await this.#memory.update(recentHostsKey, [name, ...recent.filter((other) => other !== name)].slice(0, maxRecent));
  }

  get(name: string): Host | undefined {
    return this.all().find((host) => host.name === name);
  }

  /** Remembers a host that was typed in, newest first. */
  async remember(name: string): Promise<void> {
    if (name === localHost || this.#entries.some((entry) => entry.alias === name)) return;
    await this.#setTyped([name, ...this.#typed().filter((other) => other !== name)].slice(0, maxTyped));
  }

  async forget(name: string): Promise<void> {
    this.#states.delete(name);
    await this.#setTyped(this.#typed().filter((other) => other !== name));
  }

  #typed(): string[] {
    return this.#memory.get<string[]>(typedHostsKey, []);
  }

  async #setTyped(names: string[]): Promise<void> {
    await this.#memory.update(typedHostsKey, names);
    this.#changed.fire(undefined);
  }

  #host(name: string): Host {
    return {
      name,
      entry: this.#entries.find((entry) => entry.alias === name) ?? null,
      typed: this.#typed().includes(name),
      state: this.#states.get(name) ?? { name, state: 'disconnected', info: null, error: null },
    };
  }

  dispose(): void {
    this.#unsubscribe();
    this.#changed.dispose();
  }
}
