/** Names from the recorder through the file to its reader, with more of them than a recording takes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, expect, it } from 'vitest';
import { StatsSchema } from '../../agent/generated/agent_pb.ts';
import { RecordingFile } from '../../recording/file.ts';
import { ChunkType } from '../../recording/format.ts';
import { LastMinutesFile } from '../../recording/lastMinutes.ts';
import { decodeNames, noNames } from '../../recording/names.ts';
import { isWhole, MemorySource, RecordingReader } from '../../recording/reader.ts';
import type { CarriedNames } from '../../recording/sink.ts';
import type { HostRun } from '../hostRun.ts';
import { KnownNames } from '../knownNames.ts';
import { figuresOf } from '../replay/opened.ts';
import { Recorder, type RecordedRun } from './recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-recorded-names-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECOND = 1_000_000_000n;
/** 3,097 bytes each in the account: 5,417 have room. */
const nameOf = (id: number): string => `${id} `.padEnd(1_022, 'x').concat(String(id % 10));
const named = (from: number, to: number) => ({
  ...noNames(),
  user: new Map(Array.from({ length: to - from }, (_, i) => [BigInt(from + i), nameOf(from + i)])),
});

/** A run of one host that has figures and no rows. */
function runOfOne(): { run: RecordedRun; hostRun: HostRun } {
  const stats = create(StatsSchema, {});
  const agent = { hello: {}, clocks: {}, onWire: () => () => undefined };
  const object = { cpu: '', full: new Uint8Array(8) };
  const hostRun = {
    host: { agent, info: { name: 'h' } },
    object,
    stats,
    first: stats,
    lastWord: true,
  } as unknown as HostRun;
  const spec = { file: 'x.bpf.c', programs: [], targets: [], set: {} };
  return { hostRun, run: { hostRuns: [hostRun], store: { streams: [] }, spec } as unknown as RecordedRun };
}

const head = {
  ...{ ringside: '1', name: 'x', startedAt: 0, later: false, source: null },
  spec: { file: 'x.bpf.c', programs: [], targets: [], set: {}, where: '' },
};

/** Every second rows need the next 300 names. Gives what a reader knows of it, and what the figures say is missing. */
async function record(seconds: number, lastSeconds?: number) {
  let clock = 0n;
  const path = join(folder, `${lastSeconds ?? 'all'}.ringside`);
  const { run, hostRun } = runOfOne();
  const carriedNames = (from: bigint, until: bigint): Promise<CarriedNames[]> => recorder.carriedNames(from, until);
  const file: RecordingFile = await (lastSeconds === undefined
    ? RecordingFile.create(path)
    : LastMinutesFile.create(path, { seconds: lastSeconds, carriedNames }));
  const windowNs = lastSeconds === undefined ? undefined : BigInt(lastSeconds) * SECOND;
  const recorder: Recorder = new Recorder(run, file, () => clock++, windowNs);
  recorder.begin(head);
  for (let second = 0; second < seconds; second++) {
    clock = BigInt(second) * SECOND;
    recorder.names(hostRun, named(second * 300, (second + 1) * 300));
    recorder.figures();
    await file.flush();
    await new Promise((resolve) => setImmediate(resolve));
  }
  recorder.end({ reason: 'interrupt', runGoesOn: false, seconds, error: null });
  const missing = recorder.missingNames;
  await file.close(clock);
  expect(file.failure).toBeNull();
  const reader = await RecordingReader.over(new MemorySource(new Uint8Array(readFileSync(path))), path);
  const known = new KnownNames();
  let told = 0;
  for await (const { type, payload } of reader.chunks()) {
    if (type === ChunkType.names) known.add(decodeNames(payload)!);
    if (type === ChunkType.figures) told = figuresOf(payload)!.missingNames ?? 0;
  }
  expect(isWhole(reader.damage)).toBe(true);
  const ids = Array.from({ length: seconds * 300 }, (_, id) => id).filter((id) => known.user(id) === nameOf(id));
  return { ids, missing, told };
}

it('of a recording are those that came first; the figures count the others', async () => {
  const { ids, missing, told } = await record(30);
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, id) => id));
  expect(ids.length).toBeGreaterThan(4_000);
  expect([missing, told]).toEqual([9_000 - ids.length, 9_000 - ids.length]);
});

it('of the last minutes are those that their rows need, the newest whole', async () => {
  const { ids, missing, told } = await record(60, 10);
  const needed = ids.filter((id) => id >= 50 * 300);
  expect(needed).toHaveLength(10 * 300);
  expect([missing, told]).toEqual([0, 0]);
  expect(ids[0]).toBeGreaterThan(10_000);
});

it('of the last minutes are the newest ones, when they need more than there is room for', async () => {
  const { ids } = await record(60, 40);
  expect(ids.filter((id) => id >= 45 * 300)).toHaveLength(15 * 300);
});
