/** Connections to hosts: opened on demand, one a host; what a host's agents are for is in hostConnection.ts. */
import { cancelled, RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectionState, HostState } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { noPrompter, type Prompter } from '../prompt.ts';
import { isReadOnly, type SshOptions } from '../ssh/options.ts';
import { HostConnection, readOnlyError, type ConnectedHost } from './hostConnection.ts';
import { mayPass, Reconnect, type ReconnectTimes } from './reconnect.ts';
import { AttemptSlot, type SharedAttempt } from './sharedAttempt.ts';

type Cancellable = CallOptions & { signal: AbortSignal };

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
  /** A host that was lost is connected again by itself, without a question to anybody: for programs that stay. */
  reconnect?: ReconnectTimes;
}

interface Entry {
  state: HostState;
  connection: HostConnection | undefined;
  readonly opening: AttemptSlot<HostConnection>;
  /** The present attempt is ours: nobody waits for it, and nobody is asked. */
  unattended: boolean;
  reconnect: Reconnect | undefined;
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

  /** The same of a host that is connected: nobody is asked to connect it. Errors: host-lost. */
  async connected(name: string): Promise<ConnectedHost> {
    const connection = this.entries.get(name)?.connection;
    if (!connection?.alive) throw new RingsideError('host-lost', `${name} is not connected.`);
    return connection.sharedAgent({});
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
    entry.reconnect?.stop();
    // Somebody is there now who can be asked.
    if (entry.unattended) entry.opening.drop();
    return this.attempt(name, entry, false, call).join(call.signal);
  }

  private attempt(name: string, entry: Entry, unattended: boolean, call: CallOptions): SharedAttempt<HostConnection> {
    const { present } = entry.opening;
    if (!present || present.givenUp) entry.unattended = unattended;
    // One that was given up has the last word about the host's state until it has ended.
    return entry.opening.share((inner) => this.begin(name, entry, unattended, inner), call.progress);
  }

  /** Comes back to a host that was lost, as soon as the network lets us. */
  private comeBack(name: string, entry: Entry, lost: RingsideError): void {
    const { reconnect: times, log } = this.options;
    if (times === undefined || !mayPass(lost)) return;
    entry.reconnect?.stop();
    entry.reconnect = new Reconnect(
      () => this.attempt(name, entry, true, {}).join(),
      (error) => log.warn(`${name} is not connected again by itself: ${error.message}`),
      times,
    );
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (!entry) {
      const state: HostState = { name, state: 'disconnected', info: null, error: null };
      entry = { state, connection: undefined, opening: new AttemptSlot(), unattended: false, reconnect: undefined };
      this.entries.set(name, entry);
    }
    return entry;
  }

  private setState(entry: Entry, state: ConnectionState, change: Partial<HostState> = {}): void {
    entry.state = { ...entry.state, ...change, state };
    this.options.onState(entry.state);
  }

  private async begin(name: string, entry: Entry, unattended: boolean, call: Cancellable): Promise<HostConnection> {
    const prompter = unattended ? noPrompter : this.options.prompter;
    // One that was given up for another attempt has nothing more to say.
    const setState = (state: ConnectionState, change: Partial<HostState>): void => {
      if (!unattended || !call.signal.aborted) this.setState(entry, state, change);
    };
    const onState = (state: ConnectionState): void => setState(unattended ? 'reconnecting' : state, { error: null });
    try {
      onState(entry.state.state === 'lost' ? 'reconnecting' : 'connecting');
      call.progress?.({ step: name === 'local' ? 'Starting the agent on this machine' : `Connecting to ${name}` });
      const { connection, info } = await HostConnection.open(
        name,
        { ...this.options, prompter, onState, onLost: (error) => this.onLost(name, entry, error) },
        call,
      );
      if (call.signal.aborted) {
        await connection.close();
        throw cancelled();
      }
      entry.connection = connection;
      setState('ready', { info, error: null });
      return connection;
    } catch (error) {
      const failure = RingsideError.from(error);
      const said = failure.code === 'cancelled' ? null : failure.toData();
      setState(unattended ? 'lost' : 'disconnected', { error: said });
      throw failure;
    }
  }

  private onLost(name: string, entry: Entry, error: RingsideError): void {
    entry.connection = undefined;
    this.setState(entry, 'lost', { error: error.toData() });
    this.comeBack(name, entry, error);
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
    entry.reconnect?.stop();
    if (entry.unattended) entry.opening.drop();
    else entry.opening.present?.cancel();
    const { connection } = entry;
    entry.connection = undefined;
    await connection?.close();
    if (entry.state.state !== 'disconnected' && !entry.opening.present)
      this.setState(entry, 'disconnected', { error: null });
  }

  async dispose(): Promise<void> {
    await Promise.allSettled([...this.entries.keys()].map((name) => this.disconnect(name)));
  }
}
