/**
 * The agents of one connected host. Questions about the host go to one that all share; a run has an agent for itself, so
 * that it can give up every right that its object does not need, and live and die alone. All of them are channels of one
 * ssh connection, or of a further one where the server allows no more of them (MaxSessions).
 */
import { AgentClient } from '../agent/client.ts';
import type { HostFacts } from '../agent/generated/agent_pb.ts';
import { deployAgent, type AgentProcess } from '../deploy/index.ts';
import { RingsideError } from '../errors.ts';
import type { HostNames } from '../events/index.ts';
import type { Log } from '../log.ts';
import type { ConnectionState, HostInfo } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { Prompter } from '../prompt.ts';
import { openTransport, RememberedAnswers } from '../ssh/index.ts';
import { isReadOnly, type SshOptions } from '../ssh/options.ts';
import type { Transport } from '../ssh/transport.ts';
import { AttemptSlot } from './sharedAttempt.ts';

/** A host that is ready: an agent that answers, and what it said of the host. */
export interface ConnectedHost {
  readonly name: string;
  readonly agent: AgentClient;
  readonly transport: Transport;
  readonly process: AgentProcess;
  readonly info: HostInfo;
  readonly facts: HostFacts;
  /** The agent looks and changes nothing. */
  readonly readOnly: boolean;
  /** Its root allows objects by the hash of their files (docs/allow-list.md). */
  readonly listsObjects: boolean;
  /** Of a host that a recording stands for. */
  readonly recorded?: RecordedFigures;
}

/** What a recording says of its run. */
export interface RecordedFigures {
  /** Rows of a stream that had arrived from this host when it was recorded; null = nothing says so. */
  delivered(stream: string): number | null;
  readonly maps: {
    /** When its maps were read, and the time that is shown (ms since the epoch); null when they were not. */
    kept(): { times: number[]; at: number } | null;
    showAt(ms: number): Promise<void>;
  };
  /** What its users, addresses and stacks were called. */
  readonly names: HostNames;
}

export interface ConnectionOptions {
  resourceDir: string;
  /** As they are now: settings may change while the host is connected. */
  ssh: () => SshOptions;
  prompter: Prompter;
  log: Log;
  /** Heartbeat and lease; tests shorten them. */
  heartbeatMs?: number;
  leaseMs?: number;
  /** An agent waits for the next run when the one before was taken: for programs that stay. */
  keepSpare?: boolean;
  onState: (state: ConnectionState) => void;
  /** Called once, when nothing of the connection is left and nobody here closed it. */
  onLost: (error: RingsideError) => void;
}

/** One ssh connection, with the agents that run over it. */
interface Lane {
  readonly transport: Transport;
  readonly agents: Set<ConnectedHost>;
  /** The server opened no further session; until one ends. */
  full: boolean;
}

/** The next agent is started when the present attach has had the link and the CPUs for itself. */
const SPARE_DELAY_MS = 1_000;

export class HostConnection {
  private readonly lanes: Lane[] = [];
  private readonly answers: RememberedAnswers;
  private shared: ConnectedHost | undefined;
  /** An agent that was asked for facts only: the next who needs one takes it. */
  private fresh: ConnectedHost | undefined;
  private readonly opening = new AttemptSlot<void>();
  private sudoAsks = false;
  private spareTimer: NodeJS.Timeout | undefined;
  private over = false;

  private constructor(
    readonly name: string,
    private readonly options: ConnectionOptions,
  ) {
    this.answers = new RememberedAnswers(options.prompter);
  }

  /** Connects and starts the first agent. On any error nothing stays open. */
  static async open(
    name: string,
    options: ConnectionOptions,
    call: CallOptions,
  ): Promise<{ connection: HostConnection; info: HostInfo }> {
    const connection = new HostConnection(name, options);
    try {
      connection.fresh = await connection.start(call);
      return { connection, info: connection.fresh.info };
    } catch (error) {
      connection.drop();
      throw error;
    }
  }

  /** Nothing may be loaded, attached or written there. */
  get readOnly(): boolean {
    return isReadOnly(this.options.ssh(), this.name);
  }

  /** True until it was closed or lost. */
  get alive(): boolean {
    return !this.over;
  }

  /** The agent for questions about the host. */
  async sharedAgent(call: CallOptions): Promise<ConnectedHost> {
    this.leaveOthers();
    while (this.shared === undefined) {
      if (this.fresh === undefined) {
        await this.refresh(call);
        continue;
      }
      this.shared = this.takeFresh();
    }
    return this.shared;
  }

  /** An agent that nobody else uses, until it is released. */
  async runAgent(call: CallOptions): Promise<ConnectedHost> {
    if (this.readOnly) throw readOnlyError(this.name);
    this.leaveOthers();
    for (;;) {
      const fresh = this.takeFresh();
      if (fresh) return fresh;
      await this.refresh(call);
    }
  }

  /** The agent that keeps this run, taken over. */
  async adopt(run: string, call: CallOptions): Promise<ConnectedHost> {
    return this.start(call, run);
  }

  /** Ends a run's agent. One that has loaded nothing (`unused`) is kept for the next. */
  async release(host: ConnectedHost, unused: boolean): Promise<void> {
    if (unused && !this.over && !host.agent.closed && this.fresh === undefined) {
      this.fresh = host;
      return;
    }
    await endAgent(host);
    this.forget(host);
  }

  /** Ends in order: every agent detaches and exits, what is ephemeral is removed. */
  async close(): Promise<void> {
    if (this.over) return;
    this.over = true;
    this.opening.present?.cancel();
    await Promise.allSettled(this.agents().map(endAgent));
    this.drop();
  }

  /** Agents that were started as read-only, or not, and are to be the other now. */
  private leaveOthers(): void {
    for (const host of [this.shared, this.fresh]) {
      if (host === undefined || host.readOnly === this.readOnly) continue;
      this.forget(host);
      void endAgent(host);
    }
  }

  private agents(): ConnectedHost[] {
    return this.lanes.flatMap((lane) => [...lane.agents]);
  }

  private takeFresh(): ConnectedHost | undefined {
    const host = this.fresh;
    this.fresh = undefined;
    if (host && this.options.keepSpare) this.warm();
    return host;
  }

  private warm(): void {
    clearTimeout(this.spareTimer);
    this.spareTimer = setTimeout(() => {
      if (this.over || this.fresh) return;
      this.refresh({}).catch((error: unknown) => {
        this.options.log.debug(`${this.name}: no agent in reserve: ${RingsideError.from(error).message}`);
      });
    }, SPARE_DELAY_MS);
    this.spareTimer.unref();
  }

  /** Starts an agent as the fresh one; who asks meanwhile waits for the same. */
  private async refresh(call: CallOptions): Promise<void> {
    if (this.over) throw this.gone();
    const start = async (inner: CallOptions): Promise<void> => {
      const host = await this.start(inner);
      if (this.alive) this.fresh = host;
      else await endAgent(host);
    };
    await this.opening.share(start, call.progress).join(call.signal);
    if (!this.alive) throw this.gone();
  }

  private gone(): RingsideError {
    return new RingsideError('host-lost', `The connection to ${this.name} is closed.`, { remedy: 'Connect again.' });
  }

  /** A new agent over the connections that there are; over a further one where the server opens no more sessions. */
  private async start(call: CallOptions, adopt?: string): Promise<ConnectedHost> {
    for (const lane of this.lanes) {
      if (lane.full) continue;
      try {
        return await this.startOn(lane, call, adopt);
      } catch (error) {
        if (RingsideError.from(error).code !== 'ssh-sessions') throw error;
        lane.full = true;
        this.options.log.info(`${this.name}: no further session on this connection; another one is opened`);
      }
    }
    const lane = await this.openLane(call);
    try {
      return await this.startOn(lane, call, adopt);
    } catch (error) {
      this.lanes.splice(this.lanes.indexOf(lane), 1);
      lane.transport.dispose();
      throw error;
    }
  }

  private async openLane(call: CallOptions): Promise<Lane> {
    const { ssh, log, onState } = this.options;
    const first = this.lanes.length === 0;
    const transport = await openTransport(this.name, ssh(), this.answers, log, { ...call, ...(first && { onState }) });
    const lane: Lane = { transport, agents: new Set(), full: false };
    this.lanes.push(lane);
    transport.onClose((error) => this.laneClosed(lane, error));
    return lane;
  }

  private async startOn(lane: Lane, call: CallOptions, adopt?: string): Promise<ConnectedHost> {
    const { resourceDir, ssh, log, heartbeatMs, leaseMs, onState } = this.options;
    const first = this.agents().length === 0;
    const process = await deployAgent(lane.transport, {
      ...call,
      ...{ resourceDir, ssh: ssh(), log, prompter: this.answers, sudoAsks: this.sudoAsks },
      ...(adopt !== undefined && { adopt }),
      ...(first && { onState }),
    });
    this.sudoAsks = process.elevation === 'sudo-password';
    const agent = await AgentClient.start(process.channel, {
      log,
      ...(call.signal && { signal: call.signal }),
      ...(heartbeatMs !== undefined && { heartbeatMs }),
      ...(leaseMs !== undefined && { leaseMs }),
      readOnly: this.readOnly,
    });
    const facts = await agent
      .request({ case: 'getHostFacts', value: {} }, 'hostFacts', call)
      .catch((error: unknown) => {
        void agent.close();
        throw error;
      });
    const { name } = this;
    const host: ConnectedHost = {
      name,
      agent,
      transport: lane.transport,
      process,
      info: hostInfo(name, facts),
      facts,
      readOnly: this.readOnly,
      listsObjects: (facts.objectPolicy?.state ?? 'none') !== 'none',
    };
    lane.agents.add(host);
    agent.onClose((error) => this.agentEnded(host, error));
    return host;
  }

  private agentEnded(host: ConnectedHost, error: RingsideError | undefined): void {
    if (error === undefined) return; // who closed it does the rest, with the connection still there
    this.forget(host);
    // A run that another client has taken over says nothing of the connection.
    if (this.agents().length === 0 && !this.opening.present && error.code !== 'run-adopted') this.lost(error);
  }

  private laneClosed(lane: Lane, error: RingsideError | undefined): void {
    if (error === undefined || this.over) return;
    const at = this.lanes.indexOf(lane);
    if (at >= 0 && this.lanes.length > 1 && this.lanes.some((l) => l !== lane && l.agents.size > 0)) {
      this.lanes.splice(at, 1);
      return;
    }
    this.lost(error);
  }

  private forget(host: ConnectedHost): void {
    if (this.shared === host) this.shared = undefined;
    if (this.fresh === host) this.fresh = undefined;
    for (const [at, lane] of [...this.lanes.entries()]) {
      if (!lane.agents.delete(host)) continue;
      lane.full = false;
      // The first connection stays for whoever comes next.
      if (at > 0 && lane.agents.size === 0) {
        this.lanes.splice(at, 1);
        lane.transport.dispose();
      }
    }
  }

  private lost(error: RingsideError): void {
    if (this.over) return;
    this.over = true;
    this.opening.present?.cancel();
    this.drop();
    this.options.onLost(error);
  }

  private drop(): void {
    this.over = true;
    clearTimeout(this.spareTimer);
    this.answers.forget();
    for (const lane of this.lanes.splice(0)) lane.transport.dispose();
  }
}

/** What a host that is connected read-only answers to whatever would change something. */
export function readOnlyError(host: string): RingsideError {
  return new RingsideError('read-only', `${host} is connected read-only: nothing is loaded or attached there.`, {
    remedy: 'Connect without --read-only, or take the host out of the setting ringside.readOnlyHosts.',
  });
}

async function endAgent(host: ConnectedHost): Promise<void> {
  if (host.agent.closed) return;
  await host.agent.close();
  await host.process.cleanup();
}

/** What a host said of itself, as everybody else knows it. */
export function hostInfo(name: string, facts: HostFacts): HostInfo {
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
