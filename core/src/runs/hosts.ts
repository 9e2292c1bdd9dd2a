/** Connections to hosts: one transport and one agent a host, opened on demand and shared by everything that runs there. */
import { AgentClient } from '../agent/client.ts';
import { deployAgent, type AgentProcess } from '../deploy/index.ts';
import { RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectionState, HostInfo, HostState } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import { openTransport } from '../ssh/index.ts';
import type { SshOptions } from '../ssh/options.ts';
import type { Transport } from '../ssh/transport.ts';
import type { HostFacts } from '../agent/generated/agent_pb.ts';

/** A host that is ready: an agent that answers, and what it said of the host. */
export interface ConnectedHost {
  readonly name: string;
  readonly agent: AgentClient;
  readonly transport: Transport;
  readonly process: AgentProcess;
  readonly info: HostInfo;
  readonly facts: HostFacts;
}

export interface HostPoolOptions {
  resourceDir: string;
  ssh: () => SshOptions;
  prompter: Prompter;
  log: Log;
  onState: (state: HostState) => void;
  /** Heartbeat and lease; tests shorten them. */
  heartbeatMs?: number;
  leaseMs?: number;
}

interface Entry {
  state: HostState;
  connected: ConnectedHost | undefined;
  opening: { promise: Promise<ConnectedHost>; waiters: number; abort: AbortController } | undefined;
  lostListeners: Set<(error: RingsideError) => void>;
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

  /**
   * The host, connected. Callers that ask at the same time share one connection attempt; it is given up when the last
   * of them has cancelled.
   */
  async connect(name: string, call: CallOptions = {}): Promise<ConnectedHost> {
    throwIfAborted(call.signal);
    const entry = this.entry(name);
    if (entry.connected && !entry.connected.agent.closed) return entry.connected;
    if (!entry.opening) {
      const abort = new AbortController();
      const promise = this.open(name, entry, {
        signal: abort.signal,
        ...(call.progress && { progress: call.progress }),
      }).finally(() => (entry.opening = undefined));
      promise.catch(() => undefined);
      entry.opening = { promise, waiters: 0, abort };
    }
    const opening = entry.opening;
    opening.waiters++;
    return new Promise<ConnectedHost>((resolve, reject) => {
      const leave = (): void => {
        if (--opening.waiters === 0) opening.abort.abort();
        else reject(new RingsideError('cancelled', 'Cancelled.'));
      };
      call.signal?.addEventListener('abort', leave, { once: true });
      opening.promise.then(resolve, reject).finally(() => call.signal?.removeEventListener('abort', leave));
    });
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (!entry) {
      entry = {
        state: { name, state: 'disconnected', info: null, error: null },
        connected: undefined,
        opening: undefined,
        lostListeners: new Set(),
      };
      this.entries.set(name, entry);
    }
    return entry;
  }

  private setState(entry: Entry, state: ConnectionState, change: Partial<HostState> = {}): void {
    entry.state = { ...entry.state, ...change, state };
    this.options.onState(entry.state);
  }

  private async open(name: string, entry: Entry, call: CallOptions & { signal: AbortSignal }): Promise<ConnectedHost> {
    const { log, prompter, resourceDir } = this.options;
    const ssh = this.options.ssh();
    const onState = (state: ConnectionState): void => this.setState(entry, state, { error: null });
    let transport: Transport | undefined;
    try {
      onState(entry.state.state === 'lost' ? 'reconnecting' : 'connecting');
      call.progress?.({ step: name === 'local' ? 'Starting the agent on this machine' : `Connecting to ${name}` });
      transport = await openTransport(name, ssh, prompter, log, { ...call, onState });
      const process = await deployAgent(transport, { ...call, resourceDir, ssh, prompter, log, onState });
      const { heartbeatMs, leaseMs } = this.options;
      const agent = await AgentClient.start(process.channel, {
        log,
        signal: call.signal,
        ...(heartbeatMs !== undefined && { heartbeatMs }),
        ...(leaseMs !== undefined && { leaseMs }),
      });
      const facts = await agent.request({ case: 'getHostFacts', value: {} }, 'hostFacts', call);
      const connected: ConnectedHost = { name, agent, transport, process, info: hostInfo(name, facts), facts };
      entry.connected = connected;
      agent.onClose((error) => this.onLost(entry, connected, error));
      this.setState(entry, 'ready', { info: connected.info, error: null });
      return connected;
    } catch (error) {
      transport?.dispose();
      const failure = RingsideError.from(error);
      this.setState(entry, 'disconnected', { error: failure.code === 'cancelled' ? null : failure.toData() });
      throw failure;
    }
  }

  private onLost(entry: Entry, connected: ConnectedHost, error: RingsideError | undefined): void {
    if (entry.connected !== connected) return;
    entry.connected = undefined;
    // After an orderly end the transport still has to clean up; disconnect() disposes it.
    if (error) connected.transport.dispose();
    if (error) this.setState(entry, 'lost', { error: error.toData() });
    else this.setState(entry, 'disconnected', { error: null });
    const reason = error ?? new RingsideError('cancelled', `${connected.name} was disconnected.`);
    for (const listener of [...entry.lostListeners]) listener(reason);
  }

  /** Tells when the host's connection ends, whoever ended it. */
  onConnectionEnd(name: string, listener: (error: RingsideError) => void): () => void {
    const { lostListeners } = this.entry(name);
    lostListeners.add(listener);
    return () => lostListeners.delete(listener);
  }

  async disconnect(name: string): Promise<void> {
    const entry = this.entries.get(name);
    if (!entry) return;
    entry.opening?.abort.abort();
    const connected = entry.connected;
    if (!connected) {
      if (entry.state.state !== 'disconnected') this.setState(entry, 'disconnected', { error: null });
      return;
    }
    await connected.agent.close();
    await connected.process.cleanup();
    connected.transport.dispose();
  }

  async dispose(): Promise<void> {
    await Promise.allSettled([...this.entries.keys()].map((name) => this.disconnect(name)));
  }
}

function hostInfo(name: string, facts: HostFacts): HostInfo {
  return {
    name,
    hostname: facts.hostname,
    kernel: facts.kernel,
    arch: facts.arch,
    distro: facts.distro,
    onlineCpus: facts.onlineCpus,
    possibleCpus: facts.possibleCpus,
    btf: facts.btf,
    btfSha256: facts.btfSha256,
    lockdown: facts.lockdown,
    jit: facts.jit,
    tracefs: facts.tracefs,
    bpffs: facts.bpffs,
    unprivilegedBpf: facts.unprivilegedBpfDisabled,
    uid: facts.euid,
    capabilities: facts.capabilities,
    memAvailableBytes: Number(facts.memAvailableBytes),
  };
}
