/**
 * The agent of a recording: speaks the agent's protocol from the other end, so that everything above the wire is the same for
 * a recording as for a host. It sends the frames that were recorded, waits for credits as the agent does, and answers from
 * what stands in the recording; what would need a host it refuses.
 */
import { PassThrough, Writable } from 'node:stream';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { AgentClient, STREAM_CREDITS } from '../../agent/client.ts';
import { BLOB_LAST, encodeFrame, FrameReader, FrameType, MAGIC, type Frame } from '../../agent/frames.ts';
import {
  RequestSchema,
  ResponseSchema,
  type MapRef,
  type Request,
  type Stats,
  type SwapResult,
} from '../../agent/generated/agent_pb.ts';
import type { Log } from '../../log.ts';
import type { ExecChannel, ExitStatus } from '../../ssh/transport.ts';
import { RecordedMaps } from './recordedMaps.ts';

type Answer = NonNullable<MessageInitShape<typeof ResponseSchema>['response']>;

const BLOB_CHUNK = 256 << 10;
/** The sequence number in a frame's header. */
const SEQUENCE_AT = 8;
/** Bytes that may wait to be read by the client before we wait for it. */
const HIGH_WATER = 1 << 20;

export class RecordedAgent {
  /** What getStats answers, and detach when the recording has the last word. */
  stats: Stats | undefined;
  final = false;
  readonly maps = new RecordedMaps([]);
  private readonly toClient = new PassThrough({ writableHighWaterMark: HIGH_WATER });
  private readonly fromClient: FrameReader;
  private readonly credits = new Map<number, number>();
  private wake: (() => void) | undefined;
  private sequence = 0;
  private blob = 1;
  private exited!: (status: ExitStatus) => void;
  private readonly exit = new Promise<ExitStatus>((resolve) => (this.exited = resolve));
  private gone = false;
  private readonly swaps: SwapResult[] = [];
  private waitingSwap: number | undefined;
  private swapAnswered: (() => void) | undefined;

  private constructor() {
    const sink = {
      dataTarget: () => undefined,
      dataEnd: () => undefined,
      frame: (frame: Frame) => this.onFrame(frame),
    };
    this.fromClient = new FrameReader(sink, false);
  }

  /** Starts it, and the client that speaks with it. `hello`: as the recorded agent said it. */
  static async start(hello: Uint8Array, log: Log): Promise<{ agent: RecordedAgent; client: AgentClient }> {
    const agent = new RecordedAgent();
    const started = AgentClient.start(agent.channel(), { log });
    agent.toClient.write(MAGIC);
    agent.send({ type: FrameType.hello, flags: 0, stream: 0, aux: 0 }, hello);
    return { agent, client: await started };
  }

  private channel(): ExecChannel {
    const stdin = new Writable({
      write: (bytes: Uint8Array, _encoding, done) => {
        this.fromClient.push(bytes);
        done();
      },
    });
    const close = (): void => this.end();
    return { stdin, stdout: this.toClient, stderr: new PassThrough(), exit: this.exit, close };
  }

  private end(): void {
    if (this.gone) return;
    this.gone = true;
    this.toClient.end();
    this.exited({ code: 0, signal: null });
    this.wake?.();
    this.swapAnswered?.();
  }

  private send(header: { type: number; flags: number; stream: number; aux: number }, payload?: Uint8Array): void {
    if (this.gone) return;
    this.toClient.write(encodeFrame(header, this.sequence, payload));
    this.sequence = (this.sequence + 1) >>> 0;
  }

  /** Sends a recorded frame; resolves when the next one may follow. Its bytes are ours from now on. */
  async play(frame: Uint8Array): Promise<void> {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    if (view.getUint8(4) === FrameType.data) await this.spend(view.getUint16(6, true), frame.length - 16);
    if (this.gone) return;
    view.setUint32(SEQUENCE_AT, this.sequence, true);
    this.sequence = (this.sequence + 1) >>> 0;
    if (!this.toClient.write(frame)) await new Promise<void>((resolve) => this.toClient.once('drain', resolve));
  }

  /** Waits until the client has taken enough of this stream, as the agent would. */
  private async spend(stream: number, bytes: number): Promise<void> {
    for (;;) {
      const left = this.credits.get(stream) ?? STREAM_CREDITS;
      if (left >= bytes || left >= STREAM_CREDITS || this.gone) {
        this.credits.set(stream, left - bytes);
        return;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private onFrame(frame: Frame): void {
    switch (frame.type) {
      case FrameType.request:
        this.answer(frame.aux, fromBinary(RequestSchema, frame.payload).request);
        break;
      case FrameType.credit:
        this.grant(frame.stream, frame.aux);
        break;
      case FrameType.ping:
        this.send({ type: FrameType.pong, flags: 0, stream: 0, aux: frame.aux });
        break;
      case FrameType.bye:
        this.end();
        break;
    }
  }

  /** The first credits are what we begin with. */
  private grant(stream: number, bytes: number): void {
    const left = this.credits.get(stream);
    this.credits.set(stream, left === undefined ? STREAM_CREDITS : Math.min(STREAM_CREDITS, left + bytes));
    this.wake?.();
  }

  private answer(id: number, request: Request['request']): void {
    switch (request.case) {
      case 'getStats':
        if (this.stats) this.respond(id, { case: 'stats', value: this.stats });
        else this.refuse(id, 'not-recorded', 'The recording ended before the first figures.');
        break;
      case 'dumpMap':
        this.dump(id, request.value.map);
        break;
      case 'readMap':
        this.notKept(id, nameOf(request.value.map));
        break;
      case 'watchMap':
        this.watch(id, nameOf(request.value.map), request.value.limit);
        break;
      case 'pollWatch':
        this.poll(id, request.value.watch);
        break;
      case 'closeWatch':
        this.maps.unwatch(request.value.watch);
        this.respond(id, { case: 'empty', value: {} });
        break;
      case 'readIterator': // what was read of it comes by itself
        this.respond(id, { case: 'iteratorText', value: { blob: 0, bytes: 0n, truncated: false, timeNs: 0n } });
        break;
      case 'detach':
        this.respond(id, { case: 'detach', value: this.final && this.stats ? { stats: this.stats } : {} });
        break;
      case 'setStreamFilter': // the engine filters what comes anyway
      case 'closeObject':
        this.respond(id, { case: 'empty', value: {} });
        break;
      case 'swapObject':
        this.waitingSwap = id;
        this.answerSwap();
        break;
      default:
        this.refuse(id, 'recording-without-host', 'This is a recording: there is no host that this could be asked of.');
    }
  }

  /** A new version took over here: answers the request for it, now or when it comes. Resolves when it is answered. */
  async swap(result: SwapResult): Promise<void> {
    this.swaps.push(result);
    const answered = new Promise<void>((resolve) => (this.swapAnswered = resolve));
    this.answerSwap();
    if (!this.gone) await answered;
  }

  private answerSwap(): void {
    const result = this.waitingSwap === undefined ? undefined : this.swaps.shift();
    if (result === undefined) return;
    this.respond(this.waitingSwap!, { case: 'swap', value: result });
    this.waitingSwap = undefined;
    this.swapAnswered?.();
  }

  private watch(id: number, map: string, limit: number): void {
    const [known, entry] = [this.maps.get(map), this.maps.entry(map)];
    if (known === undefined || entry === undefined) {
      this.notKept(id, map);
      return;
    }
    const { keySize } = entry;
    const value = { watch: this.maps.watch(map, limit), keySize, valueBytes: known.valueBytes };
    this.respond(id, { case: 'watchOpened', value });
  }

  private poll(id: number, watch: number): void {
    const delta = this.maps.poll(watch);
    if (delta === null) {
      this.refuse(id, 'protocol', 'There is no such watch.');
      return;
    }
    const { changed, changedCount, deleted, deletedCount, entries, truncated, timeNs } = delta;
    const blobs = {
      changedBlob: changedCount === 0 ? 0 : this.sendBlob(changed),
      deletedBlob: deletedCount === 0 ? 0 : this.sendBlob(deleted),
    };
    const counts = { changed: changedCount, deleted: deletedCount, entries: BigInt(entries) };
    this.respond(id, { case: 'mapDelta', value: { ...blobs, ...counts, truncated, timeNs } });
  }

  private notKept(id: number, map: string): void {
    this.refuse(id, 'not-recorded', `The recording holds no entries of the map ${map} up to here.`);
  }

  private dump(id: number, map: string): void {
    const known = this.maps.get(map);
    if (known === undefined) {
      this.notKept(id, map);
      return;
    }
    const { bytes, entries, valueBytes, truncated } = known;
    const blob = entries === 0 ? 0 : this.sendBlob(bytes);
    this.respond(id, { case: 'mapDump', value: { blob, entries, valueBytes, truncated } });
  }

  private sendBlob(bytes: Uint8Array): number {
    const id = this.blob++;
    for (let at = 0; at === 0 || at < bytes.length; at += BLOB_CHUNK) {
      const flags = at + BLOB_CHUNK >= bytes.length ? BLOB_LAST : 0;
      this.send({ type: FrameType.blob, flags, stream: 0, aux: id }, bytes.subarray(at, at + BLOB_CHUNK));
    }
    return id;
  }

  private respond(id: number, response: Answer): void {
    const bytes = toBinary(ResponseSchema, create(ResponseSchema, { response }));
    if (bytes.length <= BLOB_CHUNK) {
      this.send({ type: FrameType.response, flags: 0, stream: 0, aux: id }, bytes);
      return;
    }
    const large = create(ResponseSchema, { response: { case: 'large', value: { blob: this.sendBlob(bytes) } } });
    this.send({ type: FrameType.response, flags: 0, stream: 0, aux: id }, toBinary(ResponseSchema, large));
  }

  private refuse(id: number, code: string, message: string): void {
    const hint = code === 'not-recorded' ? 'Record with --maps SECONDS to keep the maps as well.' : '';
    this.respond(id, { case: 'error', value: { code, message, hint } });
  }
}

const nameOf = (map: MapRef | undefined): string => (map?.ref.case === 'loaded' ? map.ref.value.map : '');
