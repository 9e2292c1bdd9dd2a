/** A recording that keeps the last minutes: bounded, whole at every moment, and right about what is missing. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  CHUNK_HEADER_BYTES,
  chunkBytes,
  ChunkType,
  decodeParts,
  encodeParts,
  framedBytes,
  putFrame,
} from './format.ts';
import { carriedOver, LastMinutesFile } from './lastMinutes.ts';
import { isWhole, MemorySource, RecordingReader, type Chunk } from './reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-last-minutes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECOND = 1_000_000_000n;
const head = {
  ...{ ringside: '1', name: 'x', startedAt: 0, later: false, source: null },
  spec: { file: 'x.bpf.c', programs: [], targets: [], set: {}, where: '' },
};
const map = (name: string) => ({ map: name, entries: 0, valueBytes: 0, truncated: false });

/** What is recorded at a second of the run: so many records, and perhaps a map. */
interface Step {
  records: number;
  map: string | null;
}
const steps = fc.array(fc.record({ records: fc.nat(5), map: fc.option(fc.constantFrom('a', 'b'), { nil: null }) }), {
  minLength: 1,
  maxLength: 40,
});

function frames(records: number): { chunk: Uint8Array; payloadBytes: number } {
  const payload = new Uint8Array(16 * (1 + records));
  const payloadBytes = framedBytes(payload.length);
  const chunk = new Uint8Array(chunkBytes(payloadBytes));
  putFrame(chunk, CHUNK_HEADER_BYTES, 0, { type: 9, flags: 0, stream: 1, aux: records, sequence: 0, payload });
  return { chunk, payloadBytes };
}

let files = 0;

/** Records the steps second by second, and gives the bytes of the file before it was closed and after. */
async function record(all: readonly Step[], seconds: number, mostBytes?: number) {
  const path = join(folder, `${++files}.ringside`);
  const file = await LastMinutesFile.create(path, { seconds, ...(mostBytes !== undefined && { mostBytes }) });
  file.add({ type: ChunkType.run, host: 0, timeNs: 0n }, encodeParts(head));
  file.add({ type: ChunkType.host, host: 0, timeNs: 0n }, encodeParts({}));
  let delivered = 0;
  let largest = 0;
  for (const [i, step] of all.entries()) {
    const timeNs = SECOND * BigInt(i + 1);
    const { chunk, payloadBytes } = frames(step.records);
    expect(file.addFrames({ type: ChunkType.frames, host: 0, timeNs }, chunk, payloadBytes, step.records)).toBe(true);
    delivered += step.records;
    if (step.map !== null) file.add({ type: ChunkType.map, host: 0, timeNs }, encodeParts(map(step.map)));
    const figures = { delivered: { events: delivered }, final: false };
    file.add({ type: ChunkType.figures, host: 0, timeNs }, encodeParts(figures));
    await file.flush();
    await new Promise((resolve) => setImmediate(resolve));
    largest = Math.max(largest, file.bytes);
  }
  await file.flush();
  const open = new Uint8Array(readFileSync(path));
  await file.close(0n);
  expect(file.failure).toBeNull();
  expect(existsSync(`${path}.trim`)).toBe(false);
  expect(statSync(path).size).toBe(file.bytes);
  return { open, closed: new Uint8Array(readFileSync(path)), largest };
}

async function read(bytes: Uint8Array): Promise<{ chunks: Chunk[]; reader: RecordingReader }> {
  const reader = await RecordingReader.over(new MemorySource(bytes), 'test.ringside');
  const chunks: Chunk[] = [];
  for await (const chunk of reader.chunks()) chunks.push(chunk);
  return { chunks, reader };
}

const of = (chunks: readonly Chunk[], type: number): Chunk[] => chunks.filter((chunk) => chunk.type === type);
const recordsOf = (chunk: Chunk): number =>
  new DataView(chunk.payload.buffer, chunk.payload.byteOffset).getUint32(20, true);
const delivered = (chunk: Chunk): number =>
  (decodeParts(chunk.payload)!.head as { delivered: { events: number } }).delivered.events;

/** Of whole chunks up to anywhere: what the figures count and is not there is what has left the file. */
function expectRight(chunks: readonly Chunk[], all: readonly Step[]): void {
  const last = of(chunks, ChunkType.figures).at(-1);
  if (last === undefined) return;
  const until = chunks.slice(0, chunks.indexOf(last));
  const kept = of(until, ChunkType.frames);
  const second = Number(last.timeNs / SECOND);
  const from = kept.length === 0 ? second : Number(kept[0]!.timeNs / SECOND) - 1;
  const gone = all.slice(0, from).reduce((sum, step) => sum + step.records, 0);
  expect(delivered(last) - kept.reduce((sum, chunk) => sum + recordsOf(chunk), 0)).toBe(gone);
}

describe('a recording of the last minutes', () => {
  it('holds the last seconds whole, says what the run is, and the maps as they were when it begins', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 12 }), async (all, seconds) => {
        const { closed } = await record(all, seconds);
        const { chunks, reader } = await read(closed);
        expect(isWhole(reader.damage)).toBe(true);
        expect(chunks.slice(0, 2).map(({ type }) => type)).toEqual([ChunkType.run, ChunkType.host]);
        const kept = of(chunks, ChunkType.frames).map(({ timeNs }) => Number(timeNs / SECOND));
        const first = Math.max(1, all.length - seconds);
        expect(kept).toEqual(Array.from({ length: all.length - first + 1 }, (_, i) => first + i));
        expect(reader.index!.frames.records).toBe(all.slice(first - 1).reduce((sum, { records }) => sum + records, 0));
        for (const name of ['a', 'b']) {
          const before = all.slice(0, first).some((step) => step.map === name);
          const found = of(chunks, ChunkType.map).some(
            ({ payload }) => (decodeParts(payload)!.head as { map: string }).map === name,
          );
          expect(found).toBe(before || all.some((step) => step.map === name));
        }
        expect((decodeParts(chunks[0]!.payload)!.head as { later: boolean }).later).toBe(first > 1);
        expectRight(chunks, all);
        for (const [type, host, at] of reader.index!.places)
          expect(chunks.find((chunk) => chunk.at === at)).toMatchObject({ type, host });
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('opens wherever it is cut, and what it says is missing is right', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 12 }), fc.nat(), async (all, seconds, cut) => {
        const { open } = await record(all, seconds);
        const length = 16 + (cut % (open.length - 15));
        const { chunks, reader } = await read(open.subarray(0, length));
        expect(reader.damage).toMatchObject({ cut: true, lostChunks: 0 });
        const bytes = chunks.reduce((sum, { payloadBytes }) => sum + chunkBytes(payloadBytes), 16);
        expect(reader.damage.lostBytes).toBe(length - bytes);
        expectRight(chunks, all);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('does not become larger than it may, however long the time', async () => {
    const all = Array.from({ length: 200 }, () => ({ records: 20, map: null }));
    const { largest, closed } = await record(all, 10_000, 20_000);
    expect(largest).toBeLessThan(30_000);
    const { chunks, reader } = await read(closed);
    expect(isWhole(reader.damage)).toBe(true);
    expect(of(chunks, ChunkType.frames).at(-1)!.timeNs).toBe(200n * SECOND);
    expectRight(chunks, all);
  });

  it('counts its seconds from the moment when its end was asked for, however long ending takes', async () => {
    const path = join(folder, `${++files}.ringside`);
    const file = await LastMinutesFile.create(path, { seconds: 3 });
    file.add({ type: ChunkType.run, host: 0, timeNs: 0n }, encodeParts(head));
    file.add({ type: ChunkType.host, host: 0, timeNs: 0n }, encodeParts({}));
    for (let second = 1n; second <= 10n; second++) {
      const { chunk, payloadBytes } = frames(1);
      file.addFrames({ type: ChunkType.frames, host: 0, timeNs: SECOND * second }, chunk, payloadBytes, 1);
    }
    file.endsAt(10n * SECOND);
    const figures = encodeParts({ delivered: { events: 10 }, final: true });
    file.add({ type: ChunkType.figures, host: 0, timeNs: 60n * SECOND }, figures);
    await file.close(61n * SECOND);
    const { chunks } = await read(new Uint8Array(readFileSync(path)));
    const kept = chunks.filter(({ type }) => type === ChunkType.frames).map(({ timeNs }) => timeNs / SECOND);
    expect(kept).toEqual([7n, 8n, 9n, 10n]);
  });

  it('lets go of older chunks of names, but for what still holds of them', async () => {
    const path = join(folder, `${++files}.ringside`);
    const asked: [bigint, bigint][] = [];
    const name = (text: string) => encodeParts({ text });
    const carriedNames = (fromNs: bigint, untilNs: bigint) => {
      asked.push([fromNs / SECOND, untilNs / SECOND]);
      return Promise.resolve([name('still'), name('too')].map((payload) => ({ host: 0, payload })));
    };
    const file = await LastMinutesFile.create(path, { seconds: 3, carriedNames });
    file.add({ type: ChunkType.run, host: 0, timeNs: 0n }, encodeParts(head));
    file.add({ type: ChunkType.host, host: 0, timeNs: 0n }, encodeParts({}));
    for (let second = 1n; second <= 10n; second++) {
      const { chunk, payloadBytes } = frames(1);
      file.add({ type: ChunkType.names, host: 0, timeNs: SECOND * second }, name(`of ${second}`));
      file.addFrames({ type: ChunkType.frames, host: 0, timeNs: SECOND * second }, chunk, payloadBytes, 1);
    }
    await file.close(11n * SECOND);
    const { chunks, reader } = await read(new Uint8Array(readFileSync(path)));
    expect(isWhole(reader.damage)).toBe(true);
    expect(chunks.slice(0, 4).map(({ type }) => type)).toEqual([1, 2, ChunkType.names, ChunkType.names]);
    const names = of(chunks, ChunkType.names);
    const texts = names.map(({ payload }) => (decodeParts(payload)!.head as { text: string }).text);
    expect(texts).toEqual(['still', 'too', 'of 7', 'of 8', 'of 9', 'of 10']);
    expect(asked.at(-1)).toEqual([7n, 6n]);
    const places = reader.index!.places.filter(([type]) => type === ChunkType.names);
    expect(places.map(([, , at]) => at)).toEqual(names.map(({ at }) => at));
  });

  it('carries the first figures of each version, and the newest of figures and maps', () => {
    const { run, host, figures, swap, frames: data, map: entries } = ChunkType;
    const older = [run, host, figures, data, figures, entries, swap, figures, entries, figures].map((type, i) => ({
      ...{ type, host: 0, i },
      map: type === entries ? 'm' : '',
    }));
    expect(carriedOver(older).map(({ i }) => i)).toEqual([0, 1, 2, 6, 7, 8, 9]);
  });
});
