/**
 * Writes one run into a recording: the frames of its agents as they come, and beside them what a replay needs to answer for
 * a host that is not there. What the disk is too slow for is left out and counted; the run never waits.
 */
import { setImmediate } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  HelloSchema,
  RunDescriptionSchema,
  StatsSchema,
  SwapResultSchema,
  type Stats,
} from '../../agent/generated/agent_pb.ts';
import type { SwapResult } from '../../agent/generated/agent_pb.ts';
import { FrameType, type SeenFrame } from '../../agent/frames.ts';
import type { EventStore } from '../../events/index.ts';
import type { AttachSpec, IteratorText } from '../../model/index.ts';
import {
  CHUNK_HEADER_BYTES,
  chunkBytes,
  ChunkType,
  encodeParts,
  framedBytes,
  putFrame,
} from '../../recording/format.ts';
import type { AttachedHead, Counts, EndHead, FiguresHead, HostHead, RunHead } from '../../recording/contents.ts';
import { encodeNames, type FoundNames } from '../../recording/names.ts';
import type { CarriedNames, ChunkSink } from '../../recording/sink.ts';
import type { HostRun, MapDumpBytes } from '../hostRun.ts';
import type { HostDump } from '../mapWatch.ts';
import { keptDetails } from '../keptRun.ts';
import type { NamedIds } from '../namedIds.ts';
import type { PreparedObject } from '../prepare.ts';
import { WrittenNames } from './writtenNames.ts';

/** Frames are handed to the sink when so many bytes are there … */
const CHUNK_BYTES = 256 << 10;
const FIRST_BYTES = 4 << 10;
/** … or so long after the first of them. */
const CHUNK_MS = 250;
/** A map that somebody looks at is read several times a second; so often it is kept. */
const MAP_MS = 1_000;
/** A microsecond counter of 32 bits holds this long. */
const LONGEST_CHUNK_NS = 4_000_000_000_000n;

/** What of a run is recorded. */
export interface RecordedRun {
  readonly hostRuns: readonly HostRun[];
  readonly store: EventStore;
  readonly spec: AttachSpec;
}

/** Frames of one host that wait for their chunk. */
interface Gathering {
  chunk: Uint8Array;
  payloadBytes: number;
  timeNs: bigint;
  records: number;
  frames: number;
  byStream: Counts;
}

interface RecordedMap {
  /** The newest. */
  dump: MapDumpBytes;
  /** What stands in the recording last. */
  kept: MapDumpBytes | null;
  keptAt: number;
}

interface Recorded {
  hostRun: HostRun;
  index: number;
  gathering: Gathering | null;
  /** Refused by the sink since the last chunk that it took. */
  dropped: { frames: number; records: Counts };
  maps: Map<string, RecordedMap>;
  names: WrittenNames;
  missingNames: number;
  /** A version took over whose first figures are not in the recording: what it costs is counted from them. */
  firstMissing: boolean;
  stop(): void;
}

export class Recorder {
  /** Records whose frames the sink refused. */
  droppedRecords = 0;
  /** Records whose frames it took. */
  records = 0;
  private readonly hosts: Recorded[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly run: RecordedRun,
    private readonly sink: ChunkSink,
    /** ns since the Unix epoch, never going back. */
    private readonly now: () => bigint,
    /** Of a recording that keeps the last minutes: how much it keeps. */
    private readonly windowNs?: bigint,
  ) {}

  /** Says what is recorded, and listens to every host from now on. */
  begin(head: RunHead): void {
    this.sink.add({ type: ChunkType.run, host: 0, timeNs: this.now() }, encodeParts(head));
    for (const hostRun of this.run.hostRuns) this.addHost(hostRun);
    this.timer = setInterval(() => this.flushOld(), CHUNK_MS);
    this.timer.unref();
  }

  private addHost(hostRun: HostRun): void {
    const { agent, info } = hostRun.host;
    const index = this.hosts.length;
    // The clocks that count for the first frame, not those of long ago.
    const hello = create(HelloSchema, { ...agent.hello, ...agent.clocks });
    const head: HostHead = { info };
    this.put(ChunkType.host, index, encodeParts(head, toBinary(HelloSchema, hello)));
    this.put(ChunkType.program, index, keptDetails(this.run.spec, hostRun.object));
    const stop = agent.onWire((frame) => this.frame(recorded, frame));
    const dropped = { frames: 0, records: {} };
    const recorded: Recorded = {
      ...{ hostRun, index, gathering: null, dropped, firstMissing: false, stop },
      ...{ maps: new Map(), names: new WrittenNames({ windowNs: this.windowNs }), missingNames: 0 },
    };
    this.hosts.push(recorded);
  }

  private of(hostRun: HostRun): Recorded | undefined {
    return this.hosts.find((h) => h.hostRun === hostRun);
  }

  private put(type: number, host: number, payload: Uint8Array): void {
    this.sink.add({ type, host, timeNs: this.now() }, payload);
  }

  /** What is attached there, and which stream is which map's. */
  attached(hostRun: HostRun): void {
    const recorded = this.of(hostRun);
    if (recorded === undefined) return;
    const head: AttachedHead = { leftOut: hostRun.leftOut, notes: hostRun.notes };
    const { limits } = hostRun;
    const description = create(RunDescriptionSchema, {
      objectId: hostRun.loadedObject,
      attachments: hostRun.attachments.map(({ program, section, target, link }) => ({
        ...{ program, section, target },
        linkId: link.id,
        linkKind: link.kind,
      })),
      maps: [...hostRun.maps],
      streams: hostRun.streams.opened(),
      ...(limits && { limits: { ...limits, recordsPerSecond: BigInt(limits.recordsPerSecond) } }),
    });
    this.put(ChunkType.attached, recorded.index, encodeParts(head, toBinary(RunDescriptionSchema, description)));
  }

  private frame(recorded: Recorded, frame: SeenFrame): void {
    const bytes = framedBytes(frame.payload.length);
    const now = this.now();
    let { gathering } = recorded;
    const full =
      gathering !== null && (gathering.payloadBytes + bytes > CHUNK_BYTES || now - gathering.timeNs > LONGEST_CHUNK_NS);
    if (full) this.flushHost(recorded);
    gathering = recorded.gathering ??= {
      chunk: firstRoom,
      payloadBytes: 0,
      timeNs: now,
      records: 0,
      frames: 0,
      byStream: {},
    };
    makeRoom(gathering, bytes);
    const micros = Number((now - gathering.timeNs) / 1000n);
    putFrame(gathering.chunk, CHUNK_HEADER_BYTES + gathering.payloadBytes, micros, frame);
    gathering.payloadBytes += bytes;
    gathering.frames++;
    if (frame.type === FrameType.data) {
      const records = recordsIn(frame.payload);
      gathering.records += records;
      gathering.byStream[frame.stream] = (gathering.byStream[frame.stream] ?? 0) + records;
    }
  }

  private flushOld(): void {
    const before = this.now() - BigInt(CHUNK_MS) * 1_000_000n;
    for (const recorded of this.hosts)
      if (recorded.gathering !== null && recorded.gathering.timeNs <= before) this.flushHost(recorded);
  }

  private flushHost(recorded: Recorded): void {
    const { gathering, index, dropped } = recorded;
    if (gathering === null) return;
    recorded.gathering = null;
    const { chunk, payloadBytes, timeNs, records } = gathering;
    const whole = chunk.subarray(0, chunkBytes(payloadBytes));
    const meta = { type: ChunkType.frames, host: index, timeNs };
    if (this.sink.addFrames(meta, whole, payloadBytes, records)) {
      this.records += records;
      return;
    }
    this.droppedRecords += records;
    dropped.frames += gathering.frames;
    for (const [stream, count] of Object.entries(gathering.byStream))
      dropped.records[stream] = (dropped.records[stream] ?? 0) + count;
  }

  /** Where the gap is, once the disk takes something again. */
  private sayDropped(recorded: Recorded): void {
    const { dropped, index } = recorded;
    if (dropped.frames === 0) return;
    this.put(ChunkType.dropped, index, encodeParts(dropped));
    recorded.dropped = { frames: 0, records: {} };
  }

  /** The agents' newest figures, and what has arrived. */
  figures(): void {
    for (const recorded of this.hosts) {
      const { hostRun, index } = recorded;
      const { stats, first } = hostRun;
      const missingNames = (recorded.missingNames = recorded.names.missing(this.now()));
      if (stats === undefined) continue;
      if (recorded.firstMissing && first === undefined && !hostRun.gone) continue;
      this.flushHost(recorded);
      this.sayDropped(recorded);
      const delivered = Object.fromEntries(
        this.run.store.streams.map((stream) => [stream.name, stream.deliveredBy(hostRun.index)]),
      );
      const put = (figures: Stats, final: boolean): void => {
        const head: FiguresHead = { delivered, final, ...(missingNames > 0 && { missingNames }) };
        this.put(ChunkType.figures, index, encodeParts(head, toBinary(StatsSchema, figures)));
      };
      if (recorded.firstMissing && first !== undefined && first !== stats) put(first, false);
      recorded.firstMissing = false;
      put(stats, hostRun.lastWord);
    }
  }

  /** A map was read. */
  map(hostRun: HostRun, map: string, dump: MapDumpBytes): void {
    const recorded = this.of(hostRun);
    if (recorded === undefined) return;
    const known = recorded.maps.get(map) ?? { dump, kept: null, keptAt: -Infinity };
    known.dump = dump;
    recorded.maps.set(map, known);
    if (performance.now() - known.keptAt >= MAP_MS) this.keepMap(recorded, map, known, dump);
  }

  private keepMap(recorded: Recorded, map: string, known: RecordedMap, dump: MapDumpBytes): void {
    const { bytes, ...head } = dump;
    known.kept = dump;
    known.keptAt = performance.now();
    this.flushHost(recorded);
    this.put(ChunkType.map, recorded.index, encodeParts({ map, ...head }, bytes));
  }

  /** What was read of the maps last is in the recording. */
  mapsRead(): void {
    for (const recorded of this.hosts)
      for (const [map, known] of recorded.maps)
        if (known.kept !== known.dump) this.keepMap(recorded, map, known, known.dump);
  }

  /** The run has handed out these, which need not be what was read last: somebody else may look as well. */
  mapsShown(shown: readonly HostDump[]): void {
    for (const { host, map, dump } of shown) {
      const recorded = this.of(host);
      const known = recorded?.maps.get(map);
      if (recorded && known && known.kept !== dump) this.keepMap(recorded, map, known, dump);
    }
    for (const recorded of this.hosts) this.flushHost(recorded);
    this.put(ChunkType.mapsShown, 0, encodeParts({}));
  }

  iterator(hostRun: HostRun, program: string, { text, truncated, time }: IteratorText): void {
    const recorded = this.of(hostRun);
    if (recorded === undefined) return;
    this.flushHost(recorded);
    const head = { program, truncated, time };
    this.put(ChunkType.iterator, recorded.index, encodeParts(head, new TextEncoder().encode(text)));
  }

  /** The host has told names that rows need; what stands in the recording already is not written again. */
  names(hostRun: HostRun, found: FoundNames): void {
    const recorded = this.of(hostRun);
    if (recorded === undefined) return;
    const added = recorded.names.add(found, this.now());
    for (const payload of encodeNames(added)) this.put(ChunkType.names, recorded.index, payload);
  }

  /** Rows need the names of these, and nobody could be asked for them. */
  namesMissing(hostRun: HostRun, ids: NamedIds): void {
    this.of(hostRun)?.names.lack(ids, this.now());
  }

  /** Names that rows need and that are not in the recording, by the newest figures. */
  get missingNames(): number {
    return this.hosts.reduce((sum, recorded) => sum + recorded.missingNames, 0);
  }

  /** For a file that lets go of older chunks. */
  async carriedNames(fromNs: bigint, untilNs: bigint): Promise<CarriedNames[]> {
    const carried: CarriedNames[] = [];
    for (const { index, names } of this.hosts) {
      for (const payload of encodeNames(names.carry(fromNs, untilNs))) {
        carried.push({ host: index, payload });
        await setImmediate();
      }
    }
    return carried;
  }

  /** A new version took over: called before the first frame of it is read. */
  swapped(hostRun: HostRun, object: PreparedObject, spec: AttachSpec, result: SwapResult): void {
    const recorded = this.of(hostRun);
    if (recorded === undefined) return;
    this.flushHost(recorded);
    // What had to be confirmed has been; a replay asks nobody.
    const answer = toBinary(SwapResultSchema, create(SwapResultSchema, { ...result, toCommit: [], commitWithinMs: 0 }));
    const { programs, targets, set } = spec;
    const details = keptDetails(spec, object);
    const tail = new Uint8Array(answer.length + details.length);
    tail.set(answer);
    tail.set(details, answer.length);
    const head = { programs, targets, set, answerBytes: answer.length };
    this.put(ChunkType.swap, recorded.index, encodeParts(head, tail));
    recorded.firstMissing = true;
  }

  /** Frames that have come are in the sink. */
  flush(): void {
    for (const recorded of this.hosts) this.flushHost(recorded);
  }

  /** The last figures, and why it ends. Nothing is taken after that. */
  end(head: EndHead): void {
    this.flush();
    this.mapsRead();
    this.figures();
    for (const recorded of this.hosts) this.sayDropped(recorded);
    this.put(ChunkType.end, 0, encodeParts(head));
    this.stop();
  }

  /** Listens no more. */
  stop(): void {
    clearInterval(this.timer);
    for (const recorded of this.hosts) recorded.stop();
  }
}

const firstRoom = new Uint8Array(0);

/** A trickle of records takes little; a flood gets the whole chunk after some doublings. */
function makeRoom(gathering: Gathering, bytes: number): void {
  const { chunk, payloadBytes } = gathering;
  const needed = CHUNK_HEADER_BYTES + payloadBytes + bytes;
  if (needed <= chunk.length) return;
  const room = Math.max(needed, Math.min(2 * chunk.length, CHUNK_HEADER_BYTES + CHUNK_BYTES), FIRST_BYTES);
  gathering.chunk = new Uint8Array(room);
  gathering.chunk.set(chunk);
}

/** The span header's count; 0 where the bytes are no span. */
function recordsIn(payload: Uint8Array): number {
  if (payload.length < 16) return 0;
  return new DataView(payload.buffer, payload.byteOffset, 16).getUint32(8, true);
}
