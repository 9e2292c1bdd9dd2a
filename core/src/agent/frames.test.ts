import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  encodeFrame,
  FrameReader,
  FrameType,
  HEADER_BYTES,
  MAGIC,
  MAX_PAYLOAD,
  type Frame,
  type FrameSink,
} from './frames.ts';

class Recorder implements FrameSink {
  frames: Frame[] = [];
  data: { stream: number; bytes: Uint8Array }[] = [];
  private pending: Uint8Array | undefined;
  dataTarget(_stream: number, length: number): Uint8Array {
    this.pending = new Uint8Array(length);
    return this.pending;
  }
  dataEnd(stream: number): void {
    this.data.push({ stream, bytes: this.pending! });
  }
  frame(frame: Frame): void {
    this.frames.push(frame);
  }
}

const concat = (parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

function feed(bytes: Uint8Array, cuts: number[], expectMagic = false): { sink: Recorder; reader: FrameReader } {
  const sink = new Recorder();
  const reader = new FrameReader(sink, expectMagic);
  const ends = [...new Set(cuts.map((c) => c % (bytes.length + 1)))].sort((a, b) => a - b);
  let at = 0;
  for (const end of [...ends, bytes.length]) {
    reader.push(bytes.subarray(at, end));
    at = end;
  }
  return { sink, reader };
}

describe('FrameReader', () => {
  it('gives every frame back, however the bytes are cut', () => {
    const frame = fc.record({
      type: fc.constantFrom(...Object.values(FrameType)),
      flags: fc.nat(255),
      stream: fc.nat(65535),
      aux: fc.nat(0xffffffff),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(5000), { maxLength: 30 }), (frames, cuts) => {
        const bytes = concat(frames.map((f, i) => encodeFrame(f, i, f.payload)));
        const { sink } = feed(bytes, cuts);
        const control = frames.filter((f) => f.type !== FrameType.data);
        expect(sink.frames.map((f) => ({ ...f, payload: [...f.payload] }))).toEqual(
          control.map((f) => ({ ...f, payload: [...f.payload] })),
        );
        expect(sink.data.map((d) => [d.stream, ...d.bytes])).toEqual(
          frames.filter((f) => f.type === FrameType.data).map((f) => [f.stream, ...f.payload]),
        );
      }),
    );
  });

  it('finds the magic after noise, also when it is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(400), { maxLength: 12 }), (noise, cuts) => {
        fc.pre(!Buffer.from(noise).includes(Buffer.from(MAGIC)));
        const hello = encodeFrame({ type: FrameType.hello, flags: 0, stream: 0, aux: 7 }, 0, Uint8Array.of(1, 2));
        const { sink, reader } = feed(concat([noise, MAGIC, hello]), cuts, true);
        expect(reader.started).toBe(true);
        expect([...reader.preamble]).toEqual([...noise]);
        expect(sink.frames).toHaveLength(1);
        expect(sink.frames[0]!.aux).toBe(7);
      }),
    );
  });

  it('gives up after 64 KiB without a magic and shows what came instead', () => {
    const reader = new FrameReader(new Recorder(), true);
    const line = Buffer.from('/bin/sh: ringside-agent: Exec format error\n'.repeat(2000));
    expect(() => reader.push(line)).toThrow(
      expect.objectContaining({ code: 'agent-start', detail: expect.stringContaining('Exec format error') }),
    );
  });

  it('refuses a payload above the cap before it allocates', () => {
    const bytes = encodeFrame({ type: FrameType.response, flags: 0, stream: 0, aux: 1 }, 0);
    new DataView(bytes.buffer).setUint32(0, MAX_PAYLOAD + 1, true);
    expect(() => new FrameReader(new Recorder(), false).push(bytes)).toThrow(
      expect.objectContaining({ code: 'protocol' }),
    );
  });

  it('notices a missing frame by its sequence', () => {
    const bytes = concat([0, 2].map((s) => encodeFrame({ type: FrameType.pong, flags: 0, stream: 0, aux: 0 }, s)));
    expect(() => new FrameReader(new Recorder(), false).push(bytes)).toThrow(/Frame 2 came where frame 1/);
  });

  it('never throws anything but a RingsideError on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 * HEADER_BYTES }), (bytes) => {
        try {
          new FrameReader(new Recorder(), false).push(bytes);
        } catch (e) {
          expect(e).toMatchObject({ name: 'RingsideError', code: 'protocol' });
        }
      }),
    );
  });
});

/** Written by the agent's own tests (host-agent/crates/proto): both sides must read the same bytes the same way. */
describe('the golden frames', () => {
  interface Golden {
    magic: boolean;
    error: null | string;
    frames: { type: number; flags: number; stream: number; sequence: number; aux: number; payload: string }[];
  }
  const folder = join(import.meta.dirname, '..', '..', '..', 'test', 'fixtures', 'frames');
  const names = readdirSync(folder)
    .filter((f) => f.endsWith('.json'))
    .map((f) => f.slice(0, -5));

  it.each(names)('%s', (name) => {
    const bytes = readFileSync(join(folder, `${name}.bin`));
    const golden = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Golden;
    const sink = new Recorder();
    const reader = new FrameReader(sink, golden.magic);
    let failed = false;
    try {
      reader.push(bytes);
    } catch (error) {
      failed = true;
      expect(error).toMatchObject({ name: 'RingsideError' });
    }
    // Types that this side does not know are refused by the client, not by the reader.
    expect(failed).toBe(golden.error !== null && golden.error !== 'unknown-type');
    const read = sink.frames.map((f) => ({
      type: f.type,
      flags: f.flags,
      stream: f.stream,
      aux: f.aux,
      payload: Buffer.from(f.payload).toString('hex'),
    }));
    const wanted = golden.frames.filter((f) => f.type !== FrameType.data);
    expect(read.slice(0, wanted.length)).toEqual(
      wanted.map(({ type, flags, stream, aux, payload }) => ({ type, flags, stream, aux, payload })),
    );
    expect(sink.data.map((d) => Buffer.from(d.bytes).toString('hex'))).toEqual(
      golden.frames.filter((f) => f.type === FrameType.data).map((f) => f.payload),
    );
  });
});
