/** Connections to hosts: opened on demand, one a host; what a host's agents are for is in hostConnection.ts. */
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectionState, HostState } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import { isReadOnly, type SshOptions } from '../ssh/options.ts';
import { HostConnection, readOnlyError, type ConnectedHost } from './hostConnection.ts';
import { SharedAttempt } from './sharedAttempt.ts';

export type { ConnectedHost } from './hostConnection.ts';

export interface HostPoolOptions {
  resourceDir: string;
  ssh: () => SshOptions;
  prompter: Prompter;
  log: Log;
  onState: (state: HostState) => void;
  /** Heartbeat and lease; tests shorten them. */
  heartbeatMs?: number;
  leaseMs?: number;
  /** An agent waits on every host for the next run, so that it starts as fast as the first: for programs that stay. */
  keepSpare?: boolean;
}

interface Entry {
  state: HostState;
  connection: HostConnection | undefined;
  opening: SharedAttempt<HostConnection> | undefined;
}

export class HostPool {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: HostPoolOptions) {}

  states(): HostState[] {
    return [...this.entries.values()].map((e) => e.state);
  }

  state(name: string): HostState | undefined {
    return this.entries.get(name)?.state;
  }

  /** Connects the host, so that what comes next is fast; the agent that was started is for whoever comes first. */
  async open(name: string, call: CallOptions = {}): Promise<HostState> {
    await this.connection(name, call);
    return this.entry(name).state;
  }

  /** The host by the agent that all share: for questions about it, and for what is not a run's. */
  async connect(name: string, call: CallOptions = {}): Promise<ConnectedHost> {
    return (await this.connection(name, call)).sharedAgent(call);
  }

  /** The host by an agent that only this run uses. It is the caller's to release. Errors: read-only. */
  async connectForRun(name: string, call: CallOptions = {}): Promise<ConnectedHost> {
    if (isReadOnly(this.options.ssh(), name)) throw readOnlyError(name);
    return (await this.connection(name, call)).runAgent(call);
  }

  /** The host by the agent that keeps this run; it is the caller's to release. Errors: run-not-kept. */
  async adopt(name: string, run: string, call: CallOptions = {}): Promise<ConnectedHost> {
    return (await this.connection(name, call)).adopt(run, call);
  }

  /** Ends a run's agent. `unused`: it loaded nothing, and another run may have it. Never throws. */
  async release(host: ConnectedHost, unused: boolean): Promise<void> {
    try {
      await this.entries.get(host.name)?.connection?.release(host, unused);
      // Of a connection that is not there any more.
      if (!unused) await host.agent.close();
    } catch (error) {
      this.options.log.warn(`The agent of a run on ${host.name} did not end in order: ${String(error)}`);
    }
  }

  /**
   * Callers that ask at the same time share one connection attempt; it is given up when the last of them has
   * cancelled.
   */
  private async connection(name: string, call: CallOptions): Promise<HostConnection> {
    const entry = this.entry(name);
    if (entry.connection?.alive) return entry.connection;
    if (!entry.opening) {
      const attempt = new SharedAttempt((inner) => this.begin(name, entry, inner), call.progress);
      entry.opening = attempt;
      attempt.onEnd(() => (entry.opening = undefined));
    }
    return entry.opening.join(call.signal);
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (!entry) {
      const state: HostState = { name, state: 'disconnected', info: null, error: null };
      entry = { state, connection: undefined, opening: undefined };
      this.entries.set(name, entry);
    }
    return entry;
  }

  private setState(entry: Entry, state: ConnectionState, change: Partial<HostState> = {}): void {
    entry.state = { ...entry.state, ...change, state };
    this.options.onState(entry.state);
  }

  private async begin(name: string, entry: Entry, call: CallOptions): Promise<HostConnection> {
    const onState = (state: ConnectionState): void => this.setState(entry, state, { error: null });
    try {
      onState(entry.state.state === 'lost' ? 'reconnecting' : 'connecting');
      call.progress?.({ step: name === 'local' ? 'Starting the agent on this machine' : `Connecting to ${name}` });
      const { connection, info } = await HostConnection.open(
        name,
        { ...this.options, onState, onLost: (error) => this.onLost(entry, error) },
        call,
      );
      entry.connection = connection;
      this.setState(entry, 'ready', { info, error: null });
      return connection;
    } catch (error) {
      const failure = RingsideError.from(error);
      this.setState(entry, 'disconnected', { error: failure.code === 'cancelled' ? null : failure.toData() });
      throw failure;
    }
  }

  private onLost(entry: Entry, error: RingsideError): void {
    entry.connection = undefined;
    this.setState(entry, 'lost', { error: error.toData() });
  }

  /** Tells when a run's agent ends without having been released, whoever ended it. */
  onConnectionEnd(host: ConnectedHost, listener: (error: RingsideError) => void): () => void {
    return host.agent.onClose((error) =>
      listener(error ?? new RingsideError('cancelled', `${host.name} was disconnected.`)),
    );
  }

  async disconnect(name: string): Promise<void> {
    const entry = this.entries.get(name);
    if (!entry) return;
    entry.opening?.cancel();
    const { connection } = entry;
    entry.connection = undefined;
    await connection?.close();
    if (entry.state.state !== 'disconnected' && !entry.opening) this.setState(entry, 'disconnected', { error: null });
  }

  async dispose(): Promise<void> {
    await Promise.allSettled([...this.entries.keys()].map((name) => this.disconnect(name)));
  }
}
