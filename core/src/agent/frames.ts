/**
 * Frames of the agent's protocol (host-agent/proto/agent.proto, top comment): a 16-byte little-endian header and a
 * payload of at most 1 MiB. DATA payloads go straight into the event store's memory, without a copy in between.
 */
import { RingsideError } from '../errors.ts';

export const FrameType = {
  hello: 1,
  helloAck: 2,
  request: 3,
  response: 4,
  progress: 5,
  cancel: 6,
  ping: 7,
  pong: 8,
  data: 9,
  credit: 10,
  blob: 11,
  event: 12,
  bye: 13,
} as const;
export type FrameTypeName = keyof typeof FrameType;

export const HEADER_BYTES = 16;
export const MAX_PAYLOAD = 1 << 20;
/** Flag of the last BLOB frame of a blob. */
export const BLOB_LAST = 1;
/** Bytes that come before the agent's first frame. */
export const MAGIC = Uint8Array.of(0x00, 0xe2, 0x52, 0x49, 0x4e, 0x47, 0x1a, 0x0a);
/** Most bytes that may come before the magic: motd, sudo's lecture, an echo from a startup file. */
export const MAX_NOISE = 64 << 10;

export interface FrameHeader {
  type: number;
  flags: number;
  stream: number;
  aux: number;
}

export interface Frame extends FrameHeader {
  payload: Uint8Array;
}

/** A frame as it stood on the wire. */
export interface SeenFrame extends Frame {
  sequence: number;
}

/** Who receives what a FrameReader finds. */
export interface FrameSink {
  /** Memory of exactly `length` bytes for a DATA payload; undefined when nobody wants this stream any more. */
  dataTarget(stream: number, length: number): Uint8Array | undefined;
  /** The memory given by dataTarget is filled. */
  dataEnd(stream: number, length: number): void;
  /** Any other frame, whole; the payload is the sink's to keep. */
  frame(frame: Frame): void;
  /** Every frame that somebody wants, before it is taken; its payload is lent. */
  seen?(frame: SeenFrame): void;
}

/** One frame as bytes. `sequence` counts the frames of this direction. */
export function encodeFrame(
  header: FrameHeader,
  sequence: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  if (payload.length > MAX_PAYLOAD) {
    throw new RingsideError('too-large', `A frame of ${payload.length} bytes is larger than the protocol allows.`);
  }
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint8(4, header.type);
  view.setUint8(5, header.flags);
  view.setUint16(6, header.stream, true);
  view.setUint32(8, sequence >>> 0, true);
  view.setUint32(12, header.aux >>> 0, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

const protocolError = (message: string): RingsideError =>
  new RingsideError('protocol', message, {
    remedy: 'Connect again; if it comes back, remove the agent with `ringside agent remove HOST` and report it.',
  });

/**
 * Cuts a byte stream into frames. Feed it chunks of any size; it throws `protocol` on the first thing that cannot be a
 * frame and must not be fed again after that.
 */
export class FrameReader {
  private readonly header = new Uint8Array(HEADER_BYTES);
  private readonly headerView = new DataView(this.header.buffer);
  private headerFilled = 0;
  private noise: Uint8Array[] = [];
  private noiseBytes = 0;
  private matched = 0;
  private sawMagic: boolean;
  private current: (FrameHeader & { length: number }) | null = null;
  private target: Uint8Array | undefined;
  private filled = 0;
  private expected = 0;

  /** `expectMagic`: the agent's direction begins with MAGIC after at most 64 KiB of noise. */
  constructor(
    private readonly sink: FrameSink,
    expectMagic: boolean,
  ) {
    this.sawMagic = !expectMagic;
  }

  /** True once the magic was seen. */
  get started(): boolean {
    return this.sawMagic;
  }

  /** What came before the magic: the words of a login script, or an error of the loader. */
  get preamble(): Uint8Array {
    return concat(this.noise, this.noiseBytes);
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    if (!this.sawMagic) at = this.scanMagic(chunk);
    while (at < chunk.length) {
      if (this.current === null) {
        const take = Math.min(HEADER_BYTES - this.headerFilled, chunk.length - at);
        this.header.set(chunk.subarray(at, at + take), this.headerFilled);
        this.headerFilled += take;
        at += take;
        if (this.headerFilled < HEADER_BYTES) return;
        this.begin();
      } else {
        const take = Math.min(this.current.length - this.filled, chunk.length - at);
        this.target?.set(chunk.subarray(at, at + take), this.filled);
        this.filled += take;
        at += take;
      }
      const current: (FrameHeader & { length: number }) | null = this.current;
      if (current !== null && this.filled === current.length) this.end(current);
    }
  }

  /** Looks for the magic, which may be cut by chunk ends; returns where the frames begin. */
  private scanMagic(chunk: Uint8Array): number {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      // Only the magic's first byte is 0x00, so a failed match can restart at most with the byte itself.
      if (byte === MAGIC[this.matched]) this.matched++;
      else this.matched = byte === MAGIC[0] ? 1 : 0;
      if (this.matched === MAGIC.length) {
        this.keepNoise(chunk.subarray(0, i + 1));
        this.noiseBytes = Math.max(0, this.noiseBytes - MAGIC.length);
        this.sawMagic = true;
        return i + 1;
      }
    }
    this.keepNoise(chunk);
    if (this.noiseBytes > MAX_NOISE) {
      throw new RingsideError('agent-start', 'The host wrote more than 64 KiB before the agent began to speak.', {
        remedy: 'A startup file of the login shell prints too much; make it silent for non-interactive shells.',
        detail: printable(this.preamble.subarray(0, 2048)),
      });
    }
    return chunk.length;
  }

  private keepNoise(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.noise.push(bytes.slice());
    this.noiseBytes += bytes.length;
  }

  private begin(): void {
    const view = this.headerView;
    const length = view.getUint32(0, true);
    if (length > MAX_PAYLOAD)
      throw protocolError(`The agent announced a frame of ${length} bytes; at most 1 MiB is allowed.`);
    const sequence = view.getUint32(8, true);
    if (sequence !== this.expected) {
      throw protocolError(
        `Frame ${sequence} came where frame ${this.expected} was expected: bytes were lost or added on the way.`,
      );
    }
    this.expected = (this.expected + 1) >>> 0;
    const type = view.getUint8(4);
    const stream = view.getUint16(6, true);
    this.current = { type, flags: view.getUint8(5), stream, aux: view.getUint32(12, true), length };
    this.headerFilled = 0;
    this.filled = 0;
    this.target = type === FrameType.data ? this.sink.dataTarget(stream, length) : new Uint8Array(length);
  }

  private end(current: FrameHeader & { length: number }): void {
    const target = this.target;
    this.current = null;
    this.target = undefined;
    this.filled = 0;
    const { type, flags, stream, aux } = current;
    if (target && this.sink.seen)
      this.sink.seen({ type, flags, stream, aux, payload: target, sequence: (this.expected - 1) >>> 0 });
    if (current.type === FrameType.data) {
      if (target) this.sink.dataEnd(current.stream, current.length);
      return;
    }
    this.sink.frame({ type, flags, stream, aux, payload: target ?? new Uint8Array(0) });
  }
}

function concat(chunks: Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
  let at = 0;
  for (const c of chunks) {
    all.set(c, at);
    at += c.length;
  }
  return all.subarray(0, length);
}

/** Bytes from a host as text that is safe to show: control characters (but line feeds and tabs) become spaces. */
export function printable(bytes: Uint8Array | string): string {
  const text = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
  // eslint-disable-next-line no-control-regex -- control characters are what is removed here
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
