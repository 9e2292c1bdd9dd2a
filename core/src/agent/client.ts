/**
 * The engine's end of the agent's protocol: requests with answers, blobs, streams with credits, heartbeat and lease.
 * One client per agent process; it ends when the agent, the connection or the lease does.
 */
import { constants } from 'node:os';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { cancelled, isErrorCode, RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallOptions } from '../progress.ts';
import type { ExecChannel } from '../ssh/transport.ts';
import {
  BLOB_LAST,
  encodeFrame,
  FrameReader,
  FrameType,
  printable,
  type Frame,
  type FrameHeader,
  type SeenFrame,
} from './frames.ts';
import {
  ByeSchema,
  EventSchema,
  HelloAckSchema,
  HelloSchema,
  ProgressSchema,
  RequestSchema,
  ResponseSchema,
  type Event,
  type Hello,
  type Response,
} from './generated/agent_pb.ts';

export const PROTOCOL_MAJOR = 1;
export const PROTOCOL_MINOR = 0;

const MAX_BLOB = 64 << 20;
const STARTUP_MS = 20_000;
/** Bytes of a stream that may be on their way before the store has taken them; see `credits` in the protocol. */
export const STREAM_CREDITS = 8 << 20;

export interface AgentClientOptions {
  log: Log;
  /** How often both sides show that they live. */
  heartbeatMs?: number;
  /** Silence after which both sides give up. */
  leaseMs?: number;
  /** The agent refuses whatever loads, attaches or writes. */
  readOnly?: boolean;
  signal?: AbortSignal;
}

/**
 * Takes the payloads of one stream. `commit` is called when the memory that `reserve` gave is filled. The consumer says
 * with AgentClient.consumed() when the bytes have been dealt with: that is what the agent may send anew.
 */
export interface StreamConsumer {
  reserve(length: number): Uint8Array;
  commit(length: number): void;
}

type ResponseBody = Exclude<Response['response'], { case: undefined; value?: undefined }>;
type ResponseCase = ResponseBody['case'];
type ResponseOf<C extends ResponseCase> = Extract<ResponseBody, { case: C }>['value'];
type RequestInit = Exclude<
  MessageInitShape<typeof RequestSchema>['request'],
  undefined | { case: undefined; value?: undefined }
>;

interface Pending {
  /** Runs before the next frame is read: what must be in place for it. */
  atOnce: ((response: ResponseBody) => void) | undefined;
  resolve(response: ResponseBody): void;
  reject(error: RingsideError): void;
  progress: CallOptions['progress'];
}

export class AgentClient {
  hello!: Hello;
  private readonly reader: FrameReader;
  private readonly pending = new Map<number, Pending>();
  private readonly streams = new Map<number, StreamConsumer>();
  /** Bytes consumed since the last grant, per stream. */
  private readonly granting = new Map<number, number>();
  private readonly blobs = new Map<number, Uint8Array[]>();
  private newerClocks: { realtimeMinusMonotonicNs: bigint; realtimeMinusBoottimeNs: bigint } | undefined;
  private readonly eventListeners = new Set<(event: Event) => void>();
  private readonly wireListeners = new Set<(frame: SeenFrame) => void>();
  private readonly closeListeners = new Set<(error: RingsideError | undefined) => void>();
  private readonly helloGate = gate<Hello>();
  /** The agent has let go of us and lives on with its run. */
  private readonly keptGate = gate<undefined>();
  private readonly heartbeatMs: number;
  private readonly leaseMs: number;
  private readonly log: Log;
  private timer: NodeJS.Timeout | undefined;
  private sequence = 0;
  private nextId = 1;
  private lastFrameAt = performance.now();
  private stderrTail = '';
  private ended = false;
  private endReason: RingsideError | undefined;
  private saidBye = false;
  private byeText: string | undefined;

  private constructor(
    private readonly channel: ExecChannel,
    private readonly options: AgentClientOptions,
  ) {
    this.log = options.log;
    this.heartbeatMs = options.heartbeatMs ?? 5_000;
    this.leaseMs = options.leaseMs ?? 30_000;
    this.reader = new FrameReader(
      {
        dataTarget: (stream, length) => this.streams.get(stream)?.reserve(length),
        dataEnd: (stream, length) => this.onData(stream, length),
        frame: (frame) => this.onFrame(frame),
        seen: (frame) => this.onSeen(frame),
      },
      true,
    );
    this.helloGate.promise.catch(() => undefined);
  }

  /** Waits for the agent's Hello and answers it. Errors: agent-start, agent-version, agent-exited, cancelled. */
  static async start(channel: ExecChannel, options: AgentClientOptions): Promise<AgentClient> {
    throwIfAborted(options.signal);
    const client = new AgentClient(channel, options);
    client.listen();
    const onAbort = (): void => client.fail(cancelled());
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timeout = setTimeout(() => {
      client.fail(
        new RingsideError('agent-start', 'The agent did not answer within 20 seconds of its start.', {
          remedy: 'Look at the detail for what the host said instead.',
          detail: printable(client.reader.preamble.subarray(0, 4096)) + client.stderrTail,
        }),
      );
    }, STARTUP_MS);
    try {
      client.hello = await client.helloGate.promise;
    } finally {
      clearTimeout(timeout);
      options.signal?.removeEventListener('abort', onAbort);
    }
    client.acknowledge();
    return client;
  }

  private listen(): void {
    const { stdout, stderr, exit, stdin } = this.channel;
    stdout.on('data', (chunk: Uint8Array) => {
      if (this.ended) return;
      this.lastFrameAt = performance.now();
      try {
        this.reader.push(chunk);
      } catch (error) {
        this.fail(RingsideError.from(error));
      }
    });
    stderr.on('data', (chunk: Uint8Array) => this.onStderr(chunk));
    stdin.on('error', () => undefined); // the exit below tells
    stdout.on('error', () => undefined);
    void exit.then(({ code, signal }) => this.onExit(code, signal));
  }

  private acknowledge(): void {
    if (this.hello.protocolMajor !== PROTOCOL_MAJOR) {
      const error = new RingsideError(
        'agent-version',
        `The agent speaks protocol ${this.hello.protocolMajor}, this Ringside ${PROTOCOL_MAJOR}.`,
        {
          remedy: 'Remove the agent with `ringside agent remove HOST`; the right one is installed at the next connect.',
        },
      );
      this.fail(error);
      throw error;
    }
    this.send(
      { type: FrameType.helloAck, flags: 0, stream: 0, aux: 0 },
      toBinary(
        HelloAckSchema,
        create(HelloAckSchema, {
          protocolMajor: PROTOCOL_MAJOR,
          protocolMinor: PROTOCOL_MINOR,
          heartbeatMs: this.heartbeatMs,
          leaseMs: this.leaseMs,
          readOnly: this.options.readOnly === true,
        }),
      ),
    );
    this.timer = setInterval(() => this.beat(), this.heartbeatMs);
    this.timer.unref();
  }

  private beat(): void {
    const silence = performance.now() - this.lastFrameAt;
    if (silence > this.leaseMs) {
      this.fail(
        new RingsideError(
          'host-lost',
          `Nothing was heard from the agent for ${Math.round(silence / 1000)} s; it has detached everything by now.`,
          {
            remedy: 'Connect again when the host can be reached.',
          },
        ),
      );
      return;
    }
    this.send({ type: FrameType.ping, flags: 0, stream: 0, aux: 0 });
  }

  private send(header: FrameHeader, payload?: Uint8Array): void {
    if (this.ended) return;
    this.channel.stdin.write(encodeFrame(header, this.sequence, payload));
    this.sequence = (this.sequence + 1) >>> 0;
  }

  /**
   * Sends a request and waits for its answer of the expected kind. The signal cancels it on the host as well.
   * Errors: what the agent answers, `agent-exited`, `host-lost`, `cancelled`.
   */
  async request<C extends Exclude<ResponseCase, 'error'>>(
    body: RequestInit,
    expect: C,
    call: CallOptions = {},
    atOnce?: (response: ResponseBody) => void,
  ): Promise<ResponseOf<C>> {
    throwIfAborted(call.signal);
    if (this.endReason) throw this.endReason;
    const id = this.nextId++;
    const answer = new Promise<ResponseBody>((resolve, reject) => {
      this.pending.set(id, { atOnce, resolve, reject, progress: call.progress });
    });
    const onAbort = (): void => this.send({ type: FrameType.cancel, flags: 0, stream: 0, aux: id });
    call.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const message = create(RequestSchema, { request: body });
      this.send({ type: FrameType.request, flags: 0, stream: 0, aux: id }, toBinary(RequestSchema, message));
      const response = await answer;
      if (response.case === 'error') {
        // An agent that ends gives up what it works on; nobody here has asked for that.
        if (response.value.code === 'cancelled' && call.signal?.aborted !== true) throw endedMeanwhile();
        throw this.errorFrom(response.value);
      }
      if (response.case !== expect) {
        throw new RingsideError('protocol', `The agent answered "${response.case}" where "${expect}" was expected.`);
      }
      return response.value as ResponseOf<C>;
    } finally {
      this.pending.delete(id);
      call.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** An error as the agent put it, also of one part of an answer. */
  errorFrom(error: ResponseOf<'error'>): RingsideError {
    const log = error.logBlob === 0 ? '' : printable(this.takeBlob(error.logBlob));
    if (error.code === 'cancelled') return cancelled();
    const code = error.code;
    const known = isErrorCode(code);
    return new RingsideError(known ? code : 'agent-internal', error.message, {
      remedy: error.hint,
      findings: error.findings.map(({ rule, program, target, reason, cutting }) => ({
        rule,
        program,
        target,
        reason,
        cutting,
      })),
      detail: [known ? '' : `code ${code}`, error.errno ? `errno ${error.errno}` : '', log].filter(Boolean).join('\n'),
    });
  }

  /** Sends bytes that a following request refers to by the returned id. */
  async sendBlob(bytes: Uint8Array, call: CallOptions = {}): Promise<number> {
    if (bytes.length > MAX_BLOB)
      throw new RingsideError(
        'too-large',
        `An object of ${bytes.length} bytes is larger than the agent accepts (64 MiB).`,
      );
    const id = this.nextId++;
    const chunk = 256 << 10;
    for (let at = 0; at === 0 || at < bytes.length; at += chunk) {
      throwIfAborted(call.signal);
      const part = bytes.subarray(at, at + chunk);
      const last = at + chunk >= bytes.length;
      this.send({ type: FrameType.blob, flags: last ? BLOB_LAST : 0, stream: 0, aux: id }, part);
      if (this.channel.stdin.writableNeedDrain) {
        await Promise.race([new Promise((resolve) => this.channel.stdin.once('drain', resolve)), this.channel.exit]);
      }
    }
    return id;
  }

  /** A blob that the agent sent before the answer which names it; it is handed out once. */
  takeBlob(id: number): Uint8Array {
    const chunks = this.blobs.get(id);
    if (!chunks) throw new RingsideError('protocol', `The agent named blob ${id}, which it did not send.`);
    this.blobs.delete(id);
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /**
   * Opens a stream of a loaded object. `consumer` may be called before this resolves: its first records may stand in
   * the same chunk as the answer.
   */
  async openStream(
    request: { objectId: number; map: string; perfPages?: number; drainMs?: number; policy?: string },
    consumer: StreamConsumer,
    call: CallOptions = {},
  ): Promise<ResponseOf<'streamOpened'>> {
    return this.request(
      { case: 'openStream', value: { ...request, credits: BigInt(STREAM_CREDITS) } },
      'streamOpened',
      call,
      (response) => {
        if (response.case === 'streamOpened') this.streams.set(response.value.stream, consumer);
      },
    );
  }

  /** A new version takes a loaded object's place. Streams that it opens go to the `consumers` of their maps. */
  async swapObject(
    request: Omit<Extract<RequestInit, { case: 'swapObject' }>['value'], 'streams' | '$typeName'>,
    consumers: ReadonlyMap<string, StreamConsumer>,
    call: CallOptions,
    swapped: (result: ResponseOf<'swap'>) => void,
  ): Promise<ResponseOf<'swap'>> {
    const streams = [...consumers.keys()].map((map) => ({ map, credits: BigInt(STREAM_CREDITS) }));
    return this.request({ case: 'swapObject', value: { ...request, streams } }, 'swap', call, (response) => {
      if (response.case !== 'swap') return;
      for (const stream of response.value.endedStreams) this.streams.delete(stream);
      for (const { map, stream } of response.value.openedStreams) {
        const consumer = consumers.get(map);
        if (consumer && stream) this.streams.set(stream.stream, consumer);
      }
      swapped(response.value);
    });
  }

  /** Takes a stream that the agent has already; it sends nothing before it is granted its first credits. */
  takeStream(stream: number, consumer: StreamConsumer): void {
    this.streams.set(stream, consumer);
  }

  /** The first credits of a stream that was taken over. */
  begin(stream: number): void {
    this.send({ type: FrameType.credit, flags: 0, stream, aux: STREAM_CREDITS });
  }

  private onData(stream: number, length: number): void {
    this.streams.get(stream)?.commit(length);
  }

  /** Grants the agent these bytes again. Small grants are gathered: one frame per quarter of the window. */
  consumed(stream: number, bytes: number): void {
    const sum = (this.granting.get(stream) ?? 0) + bytes;
    if (sum >= STREAM_CREDITS / 4) this.send({ type: FrameType.credit, flags: 0, stream, aux: sum });
    this.granting.set(stream, sum >= STREAM_CREDITS / 4 ? 0 : sum);
  }

  private onFrame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.hello:
        this.helloGate.resolve(fromBinary(HelloSchema, frame.payload));
        break;
      case FrameType.response: {
        let response = fromBinary(ResponseSchema, frame.payload).response;
        if (response.case === 'large')
          response = fromBinary(ResponseSchema, this.takeBlob(response.value.blob)).response;
        if (response.case !== undefined) {
          const pending = this.pending.get(frame.aux);
          pending?.atOnce?.(response);
          pending?.resolve(response);
        } else throw new RingsideError('protocol', 'The agent answered with something this Ringside does not know.');
        break;
      }
      case FrameType.progress: {
        const { step, done, total } = fromBinary(ProgressSchema, frame.payload);
        this.pending.get(frame.aux)?.progress?.({ step: printable(step), done: Number(done), total: Number(total) });
        break;
      }
      case FrameType.ping:
        this.send({ type: FrameType.pong, flags: 0, stream: 0, aux: frame.aux });
        break;
      case FrameType.pong:
        break;
      case FrameType.blob:
        this.onBlob(frame);
        break;
      case FrameType.event: {
        const event = fromBinary(EventSchema, frame.payload);
        if (event.event.case === 'clocks') {
          const { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs } = event.event.value;
          this.newerClocks = { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs };
        }
        for (const listener of this.eventListeners) listener(event);
        break;
      }
      case FrameType.bye: {
        const bye = fromBinary(ByeSchema, frame.payload);
        this.byeText = `${bye.code}: ${bye.message}`;
        if (bye.code === 'kept' && this.saidBye) this.keptGate.resolve(undefined);
        if (bye.code === 'agent-denied') this.fail(denied(bye.message));
        if (bye.code === 'adopted') this.fail(new RingsideError('run-adopted', bye.message));
        break;
      }
      default:
        throw new RingsideError('protocol', `The agent sent a frame of the unknown type ${frame.type}.`);
    }
  }

  private onBlob(frame: Frame): void {
    const chunks = this.blobs.get(frame.aux) ?? [];
    chunks.push(frame.payload);
    if (chunks.reduce((n, c) => n + c.length, 0) > MAX_BLOB) {
      throw new RingsideError('too-large', 'The agent sent more than 64 MiB in one piece.');
    }
    this.blobs.set(frame.aux, chunks);
  }

  private onStderr(chunk: Uint8Array): void {
    const text = printable(chunk);
    this.stderrTail = (this.stderrTail + text).slice(-8192);
    for (const line of text.split('\n')) if (line.trim() !== '') this.log.debug(`agent: ${line.slice(0, 1000)}`);
  }

  private onExit(code: number | null, exitSignal: string | null): void {
    if (this.saidBye) {
      this.end(undefined);
      return;
    }
    const signal = exitSignal ?? signalOfStatus(code);
    const how = signal
      ? `was killed by signal ${signal}`
      : code === null
        ? 'went away with its connection'
        : `ended with status ${code}`;
    const detail = [
      this.byeText ?? '',
      this.reader.started ? '' : printable(this.reader.preamble.subarray(0, 4096)),
      this.stderrTail,
    ]
      .filter(Boolean)
      .join('\n');
    const started = this.timer !== undefined;
    const cut = code === null && signal === null;
    this.end(
      new RingsideError(cut ? 'host-lost' : started ? 'agent-exited' : 'agent-start', `The agent ${how}.`, {
        remedy: started
          ? 'Everything it had attached is detached. Connect again to go on.'
          : cut
            ? 'Nothing was attached yet. Connect again when the host can be reached.'
            : 'The detail shows what the host said.',
        detail,
      }),
    );
  }

  /** The host's clocks: as HELLO said, or as the agent told since, when the host was suspended or its clock was set. */
  get clocks(): { realtimeMinusMonotonicNs: bigint; realtimeMinusBoottimeNs: bigint } {
    const { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs } = this.hello;
    return this.newerClocks ?? { realtimeMinusMonotonicNs, realtimeMinusBoottimeNs };
  }

  onEvent(listener: (event: Event) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  /** Is shown every DATA and EVENT frame before it is taken; its payload is lent: what a recording keeps. */
  onWire(listener: (frame: SeenFrame) => void): () => void {
    this.wireListeners.add(listener);
    return () => this.wireListeners.delete(listener);
  }

  private onSeen(frame: SeenFrame): void {
    if (frame.type !== FrameType.data && frame.type !== FrameType.event) return;
    for (const listener of this.wireListeners) listener(frame);
  }

  /** Called once: without an error after an orderly `close`, with the reason otherwise. */
  onClose(listener: (error: RingsideError | undefined) => void): () => void {
    this.closeListeners.add(listener);
    return () => this.closeListeners.delete(listener);
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Ends in order: the agent detaches everything and exits; waits for that at most `waitMs`, then cuts the channel. */
  async close(waitMs = 3_000): Promise<void> {
    if (this.ended) return;
    this.send(
      { type: FrameType.bye, flags: 0, stream: 0, aux: 0 },
      toBinary(ByeSchema, create(ByeSchema, { code: 'client', message: '' })),
    );
    this.saidBye = true;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    await Promise.race([this.channel.exit, this.keptGate.promise, waited]);
    clearTimeout(timer);
    this.end(undefined);
  }

  private fail(error: RingsideError): void {
    this.end(error);
  }

  private end(error: RingsideError | undefined): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.channel.close();
    const reason = error ?? new RingsideError('agent-exited', 'The connection to the agent was closed.');
    this.endReason = reason;
    this.helloGate.reject(reason);
    for (const pending of [...this.pending.values()]) pending.reject(reason);
    this.pending.clear();
    for (const listener of this.closeListeners) listener(error);
  }
}

/** The agent's supervisor and the shell above it say by 128 + number which signal ended the worker. */
function signalOfStatus(code: number | null): string | null {
  const names = Object.entries(constants.signals);
  return names.find(([, number]) => code === 128 + number)?.[0] ?? null;
}

const denied = (message: string): RingsideError =>
  new RingsideError('agent-denied', message, {
    remedy:
      'Let the program pass what ringside-agent and ringside-superv do, or attach it to a control group that they are not in (lsm_cgroup).',
  });

const endedMeanwhile = (): RingsideError =>
  new RingsideError('agent-exited', 'The agent ended while it worked on that.', {
    remedy: 'Everything it had attached is detached. Connect again to go on.',
  });

interface Gate<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: RingsideError): void;
}

/** Promise.withResolvers, which Node 20 does not have. */
function gate<T>(): Gate<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: RingsideError) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
