/** The file: what a golden one looks like, and what a reader makes of one that was cut, damaged, or is none. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorData } from '../errors.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkBytes,
  ChunkType,
  decodeFrames,
  decodeParts,
  encodeChunk,
  encodeParts,
  encodePreamble,
  encodeTrailer,
  framedBytes,
  putFrame,
  readChunkHeader,
} from './format.ts';
import { RecordingFile, type RecordingHandle } from './file.ts';
import { headIs } from './contents.ts';
import { damageText, MemorySource, RecordingReader, type Chunk } from './reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-recording-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const frame = (payload: Uint8Array, sequence: number) => ({ type: 9, flags: 0, stream: 1, aux: 0, sequence, payload });

/** A chunk of frames in its buffer, as a recorder makes it. */
function framesChunk(payloads: Uint8Array[]): { chunk: Uint8Array; payloadBytes: number } {
  const payloadBytes = payloads.reduce((sum, p) => sum + framedBytes(p.length), 0);
  const chunk = new Uint8Array(chunkBytes(payloadBytes));
  let at = CHUNK_HEADER_BYTES;
  for (const [i, payload] of payloads.entries()) at += putFrame(chunk, at, i, frame(payload, i));
  return { chunk, payloadBytes };
}

async function write(path: string, close: boolean): Promise<Uint8Array> {
  const file = await RecordingFile.create(path);
  file.add({ type: ChunkType.run, host: 0, timeNs: 1n }, encodeParts({ name: 'golden' }));
  for (let i = 0; i < 5; i++) {
    const { chunk, payloadBytes } = framesChunk([new Uint8Array(16).fill(i), new Uint8Array(21).fill(0x40 + i)]);
    expect(file.addFrames({ type: ChunkType.frames, host: 0, timeNs: 100n + BigInt(i) }, chunk, payloadBytes, 3)).toBe(
      true,
    );
    file.add({ type: ChunkType.figures, host: 0, timeNs: 200n }, encodeParts({ i }, new Uint8Array([i])));
  }
  await file.flush();
  const open = new Uint8Array(readFileSync(path));
  await file.close(300n);
  return close ? new Uint8Array(readFileSync(path)) : open;
}

let whole: Uint8Array;
let cut: Uint8Array;
beforeAll(async () => {
  whole = await write(join(folder, 'whole'), true);
  cut = await write(join(folder, 'cut'), false);
});

async function read(bytes: Uint8Array): Promise<{ chunks: Chunk[]; reader: RecordingReader }> {
  const reader = await RecordingReader.over(new MemorySource(bytes), 'test.ringside');
  const chunks: Chunk[] = [];
  for await (const chunk of reader.chunks()) chunks.push(chunk);
  return { chunks, reader };
}

const plain = (chunks: Chunk[]): string[] =>
  chunks.map(({ type, number, payload }) => `${type} ${number} ${Buffer.from(payload).toString('hex')}`);

describe('the bytes', () => {
  it('begin with a preamble and a chunk header that never change', () => {
    expect(Buffer.from(encodePreamble()).toString('hex')).toBe('8b5253520d0a1a0a0100030000000000');
    const chunk = encodeChunk(
      { type: 5, flags: 0, host: 2, number: 7, timeNs: 0x0102030405060708n },
      Uint8Array.of(1, 2, 3),
    );
    expect(Buffer.from(chunk).toString('hex')).toBe(
      '5253434b03000000050002000700000008070605040302011d80bc55' + '63f20418' + '0102030000000000',
    );
    expect(Buffer.from(encodeTrailer(4096)).toString('hex')).toBe(
      '0010000000000000' + 'a743fc02' + '00000000' + '5253494e4445580a',
    );
  });

  it('give frames back as the agent wrote them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), (payloads) => {
        const { chunk, payloadBytes } = framesChunk(payloads);
        const frames = decodeFrames(chunk.subarray(CHUNK_HEADER_BYTES, CHUNK_HEADER_BYTES + payloadBytes), 1_000n);
        expect(frames).toHaveLength(payloads.length);
        for (const [i, { bytes, timeNs }] of frames!.entries()) {
          expect(timeNs).toBe(1_000n + 1_000n * BigInt(i));
          expect(bytes.subarray(16)).toEqual(payloads[i]);
          expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)).toBe(i);
        }
      }),
    );
  });

  it('are refused where they are none, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.anything(), (bytes, value) => {
        decodeFrames(bytes, 0n);
        decodeParts(bytes);
        readChunkHeader(bytes, 0);
        for (const is of Object.values(headIs)) is(value);
      }),
    );
  });
});

describe('a reader', () => {
  it('reads every chunk, and the index of a file that was closed in order', async () => {
    const { chunks, reader } = await read(whole);
    expect(chunks.map((c) => c.type)).toEqual([1, 5, 6, 5, 6, 5, 6, 5, 6, 5, 6, ChunkType.index]);
    expect(reader.index?.frames).toMatchObject({ chunks: 5, records: 15, first: '100', last: '104' });
    expect(reader.index?.places).toHaveLength(6);
    expect(damageText(reader.damage)).toBe('');
  });

  it('reads a file that was cut anywhere up to the cut, and says so', async () => {
    const all = plain((await read(whole)).chunks);
    for (let length = 16; length < whole.length; length++) {
      const { chunks, reader } = await read(whole.subarray(0, length));
      expect(reader.damage.cut).toBe(true);
      expect(damageText(reader.damage)).toContain('not closed in order');
      expect(all.slice(0, chunks.length)).toEqual(plain(chunks));
      const bytes = chunks.reduce((sum, c) => sum + chunkBytes(c.payload.length), 16);
      expect(reader.damage.lostBytes).toBe(length - bytes);
    }
    for (let length = 0; length < 16; length++)
      await expect(read(whole.subarray(0, length))).rejects.toMatchObject({ code: 'not-a-recording' });
    expect(plain((await read(cut)).chunks)).toEqual(all.slice(0, -1));
  });

  it('never takes damage for something else: what it gives was written, what is missing it counts', async () => {
    const all = new Set(plain((await read(whole)).chunks));
    const flips = fc.array(fc.record({ at: fc.nat(whole.length - 17), bit: fc.nat(7) }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(flips, async (flipped) => {
        const bytes = whole.slice();
        for (const { at, bit } of flipped) bytes[16 + at]! ^= 1 << bit;
        const { chunks, reader } = await read(bytes);
        for (const chunk of plain(chunks)) expect(all.has(chunk)).toBe(true);
        const { lostBytes, cut: isCut } = reader.damage;
        if (chunks.length < all.size) expect(lostBytes > 0 || isCut).toBe(true);
      }),
    );
  });

  it('goes on behind a damaged piece', async () => {
    const second = [...whole.subarray(16).entries()].findIndex(
      ([at]) => at > 0 && readChunkHeader(whole, 16 + at)?.number === 1,
    );
    const bytes = whole.slice();
    bytes[16 + second + 5]! ^= 0xff;
    const { chunks, reader } = await read(bytes);
    expect(chunks.map((c) => c.number)).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(reader.damage).toMatchObject({ lostChunks: 1, cut: false });
  });

  it('refuses a newer version and what is none, and reads past chunks that it does not know', async () => {
    const newer = whole.slice();
    newer[8] = 2;
    await expect(read(newer)).rejects.toMatchObject({
      code: 'recording-newer',
      remedy: expect.stringContaining('Update Ringside') as string,
    });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        await expect(read(bytes)).rejects.toMatchObject({ code: 'not-a-recording' });
      }),
    );
    const unknown = encodeChunk({ type: 99, flags: 0, host: 0, number: 0, timeNs: 0n }, new Uint8Array(3));
    const known = encodeChunk({ type: 1, flags: 0, host: 0, number: 1, timeNs: 0n }, new Uint8Array(3));
    const { chunks, reader } = await read(Uint8Array.from([...encodePreamble(), ...unknown, ...known]));
    expect(chunks.map((c) => c.number)).toEqual([1]);
    expect(damageText(reader.damage)).toContain('later version');
  });
});

describe('a writer', () => {
  /** A disk with so many bytes; writes take `slow` turns. */
  function disk(
    size: number,
    gate: Promise<void> = Promise.resolve(),
  ): { handle: RecordingHandle; content: () => Uint8Array } {
    let bytes = new Uint8Array(0);
    const handle = {
      write: async (from: Uint8Array, offset: number, length: number, at: number) => {
        await gate;
        const room = Math.min(length, Math.max(0, size - at));
        if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        const next = new Uint8Array(Math.max(bytes.length, at + room));
        next.set(bytes);
        next.set(from.subarray(offset, offset + room), at);
        bytes = next;
        return { bytesWritten: room, buffer: from };
      },
      truncate: (length: number) => Promise.resolve(void (bytes = bytes.slice(0, length))),
      datasync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    return { handle: handle as unknown as RecordingHandle, content: () => bytes };
  }

  it('keeps whole chunks when the disk is full, wherever that happens, and says why', async () => {
    const all = plain((await read(whole)).chunks);
    for (let size = 16; size < 400; size += 7) {
      const { handle, content } = disk(size);
      let said: ErrorData | undefined;
      const file = await RecordingFile.create('x', {
        openFile: () => Promise.resolve(handle),
        onFailed: (e) => (said = e),
      });
      file.add({ type: ChunkType.run, host: 0, timeNs: 1n }, encodeParts({ name: 'golden' }));
      for (let i = 0; i < 5; i++) {
        const { chunk, payloadBytes } = framesChunk([new Uint8Array(16).fill(i), new Uint8Array(21).fill(0x40 + i)]);
        file.addFrames({ type: ChunkType.frames, host: 0, timeNs: 100n + BigInt(i) }, chunk, payloadBytes, 3);
        file.add({ type: ChunkType.figures, host: 0, timeNs: 200n }, encodeParts({ i }, new Uint8Array([i])));
      }
      await file.flush();
      await file.close(1n);
      expect(said).toMatchObject({
        code: 'recording-failed',
        message: expect.stringContaining('the disk is full') as string,
      });
      const { chunks, reader } = await read(content());
      expect(plain(chunks)).toEqual(all.slice(0, chunks.length));
      expect(reader.damage).toMatchObject({ cut: true, lostBytes: 0 });
      expect(file.bytes).toBe(content().length);
    }
  });

  it('refuses frames beyond what may wait for a slow disk, and takes what is small', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { handle, content } = disk(1 << 20, gate);
    const file = await RecordingFile.create('x', { openFile: () => Promise.resolve(handle), mostWaitingBytes: 4_096 });
    const taken = Array.from({ length: 20 }, () => {
      const { chunk, payloadBytes } = framesChunk([new Uint8Array(960)]);
      return file.addFrames({ type: ChunkType.frames, host: 0, timeNs: 1n }, chunk, payloadBytes, 1);
    });
    expect(taken.filter(Boolean)).toHaveLength(4);
    file.add({ type: ChunkType.dropped, host: 0, timeNs: 2n }, encodeParts({ frames: 16, records: { 1: 16 } }));
    open();
    await file.close(3n);
    const { chunks, reader } = await read(content());
    expect(chunks.map((c) => c.type)).toEqual([5, 5, 5, 5, ChunkType.dropped, ChunkType.index]);
    expect(damageText(reader.damage)).toBe('');
  });

  it('takes no file’s place', async () => {
    const path = join(folder, 'whole');
    await expect(RecordingFile.create(path)).rejects.toMatchObject({ code: 'file-exists' });
    await expect(RecordingFile.create(join(folder, 'no', 'where'))).rejects.toMatchObject({
      code: 'recording-failed',
      message: expect.stringContaining('the folder does not exist') as string,
    });
  });
});
