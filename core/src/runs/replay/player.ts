/** Plays an opened recording into a run: chunk after chunk, as fast as it can be read or at a multiple of its own time. */
import { RingsideError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { EndReason, IteratorText } from '../../model/index.ts';
import type { Chunk, ChunkPlace } from '../../recording/reader.ts';
import { damageText, isWhole } from '../../recording/reader.ts';
import { ChunkType, decodeFrames, decodeParts } from '../../recording/format.ts';
import { decodeNames } from '../../recording/names.ts';
import { headIs, type EndHead, type MapHead } from '../../recording/contents.ts';
import type { RedeployChanges } from '../run.ts';
import { figuresOf, swapOf, type OpenedRecording, type SwapFound } from './opened.ts';
import { Pace } from './pace.ts';
import type { KeptMap } from './recordedMaps.ts';

/** What of a run the player drives. */
export interface PlayedRun {
  readonly over: boolean;
  showMaps(): Promise<void>;
  iteratorRead(host: number, program: string, pass: IteratorText): void;
  redeploy(changes: RedeployChanges): Promise<unknown>;
  ended(end: PlayedEnd): Promise<unknown>;
}

export interface PlayedEnd {
  reason: EndReason;
  /** The recording was ended before the run. */
  runGoesOn: boolean;
  /** Of the run, as far as it is recorded. */
  seconds: number;
  error: RingsideError | null;
}

/** Without a pace, answers and frames of a panel come in between after so long. */
const TURN_MS = 12;

export class Player {
  playedBytes = 0;
  damage: string;
  /** Object of each host after the swap that is being played. */
  swapping: SwapFound[] = [];
  private readonly hosts: OpenedRecording['hosts'];
  private readonly pace: Pace;
  private turnAt = performance.now();
  private redeploying: Promise<unknown> | undefined;
  /** Hosts that have the version that is being taken over. */
  private readonly answered = new Set<number>();
  private lastNs = 0n;
  private end: EndHead | undefined;
  private missing = false;

  constructor(
    private readonly opened: OpenedRecording,
    private readonly run: PlayedRun,
    speed: number | null,
    private readonly log: Log,
  ) {
    this.hosts = opened.hosts;
    this.damage = opened.damage;
    this.pace = new Pace(speed, () => run.over);
  }

  /** Resolves when the run has been ended. Never rejects. */
  async play(): Promise<void> {
    const { reader } = this.opened;
    let failure: RingsideError | null = null;
    try {
      for await (const chunk of reader.chunks()) {
        if (this.run.over) return;
        this.lastNs = chunk.timeNs;
        if (!(await this.chunk(chunk))) reader.lost(chunk);
        this.playedBytes = chunk.at;
        await this.turn();
      }
      this.playedBytes = reader.source.size;
      this.damage = damageText(reader.damage);
      if (!isWhole(reader.damage)) this.missing = true;
    } catch (error) {
      failure = RingsideError.from(error);
      this.log.error(`The recording cannot be read any further: ${failure.message}`);
    }
    await this.finish(failure);
  }

  private async finish(failure: RingsideError | null): Promise<void> {
    for (const { counts, agent } of this.hosts) {
      if (!this.missing && failure === null && this.end !== undefined) continue;
      // Rows are missing, and nobody knows how many.
      counts.counts = null;
      agent.final = false;
    }
    const seconds =
      this.end?.seconds ?? Math.max(0, Number(this.lastNs / 1_000_000n) - this.opened.head.startedAt) / 1_000;
    const said = this.end?.error ? RingsideError.fromData(this.end.error) : null;
    const reason = failure ? 'error' : (this.end?.reason ?? 'error');
    await this.run
      .ended({ reason, runGoesOn: this.end?.runGoesOn ?? false, seconds, error: failure ?? said })
      .catch((error: unknown) => this.log.error(RingsideError.from(error).message));
  }

  /** False when it is not what its type says. */
  private async chunk(chunk: Chunk): Promise<boolean> {
    const { payload, host } = chunk;
    const own = this.hosts[host];
    switch (chunk.type) {
      case ChunkType.frames:
        return this.frames(chunk);
      case ChunkType.figures: {
        const figures = figuresOf(payload);
        if (!figures || !own) return false;
        own.agent.stats = figures.stats;
        own.agent.final = figures.final;
        own.counts.counts = figures.delivered;
        own.counts.missingNames = figures.missingNames ?? 0;
        return true;
      }
      case ChunkType.map: {
        const parts = decodeParts(payload);
        if (!parts || !own || !headIs.map(parts.head)) return false;
        const { map } = parts.head;
        const { at, type, flags, number, timeNs, payloadBytes } = chunk; // not what it holds
        const place = { at, type, flags, host, number, timeNs, payloadBytes };
        own.agent.maps.put(map, keptMap(parts.head, parts.tail, chunk.timeNs));
        own.agent.maps.remember({ map, timeNs: chunk.timeNs, load: () => this.readMap(place) });
        return true;
      }
      case ChunkType.mapsShown:
        await this.pace.wait(chunk.timeNs);
        await this.run.showMaps();
        return true;
      case ChunkType.iterator: {
        const parts = decodeParts(payload);
        if (!parts || !own || !headIs.iterator(parts.head)) return false;
        const { program, truncated, time } = parts.head;
        this.run.iteratorRead(host, program, { text: new TextDecoder().decode(parts.tail), truncated, time });
        return true;
      }
      case ChunkType.names: // taken when it was opened
        return decodeNames(payload) !== null;
      case ChunkType.swap:
        return this.swap(chunk);
      case ChunkType.end: {
        const head = decodeParts(payload)?.head;
        if (!headIs.end(head)) return false;
        this.end = head;
        await this.redeploying;
        return true;
      }
      default:
        return true;
    }
  }

  /** A map's entries once more; null when they cannot be read any more. */
  private async readMap(place: ChunkPlace): Promise<KeptMap | null> {
    const payload = await this.opened.reader.payload(place);
    const parts = payload && decodeParts(payload);
    return parts && headIs.map(parts.head) ? keptMap(parts.head, parts.tail, place.timeNs) : null;
  }

  private async frames({ payload, host, timeNs }: Chunk): Promise<boolean> {
    const own = this.hosts[host];
    const frames = decodeFrames(payload, timeNs);
    if (!own || frames === null) return false;
    for (const frame of frames) {
      await this.pace.wait(frame.timeNs);
      if (this.run.over) return true;
      await own.agent.play(frame.bytes);
    }
    return true;
  }

  /** The run swaps its object once; each host's answer stands where it came. */
  private async swap(chunk: Chunk): Promise<boolean> {
    const own = this.hosts[chunk.host];
    const found = swapOf(this.opened.reader.file, chunk.payload);
    if (!own || !found) return false;
    // A host that has it gets another one only after all have: that was a version that some host did not take.
    if (this.redeploying !== undefined && this.answered.has(chunk.host)) return false;
    if (this.redeploying === undefined) {
      const others = await Promise.all(this.hosts.map((_, host) => this.nextSwap(host, chunk.at)));
      if (others.some((one) => one === null)) return false;
      this.swapping = others.map((one) => one!);
      const { programs, targets, set } = found.head;
      this.redeploying = this.run
        .redeploy({ programs, targets, set })
        .catch((error: unknown) =>
          this.log.error(`A new version cannot be shown: ${RingsideError.from(error).message}`),
        )
        .finally(() => {
          this.redeploying = undefined;
          this.answered.clear();
        });
    }
    this.answered.add(chunk.host);
    await this.firstFigures(chunk);
    own.agent.maps.loaded = found.result.maps;
    await Promise.race([own.agent.swap(found.result), this.redeploying]);
    return true;
  }

  /** The run asks for the new version's figures before the next chunk is read. */
  private async firstFigures({ at, host }: Chunk): Promise<void> {
    const place = this.opened.swaps.find((one) => one.at === at)?.figures;
    const payload = place ? await this.opened.reader.payload(place) : null;
    const figures = payload && figuresOf(payload);
    if (figures) this.hosts[host]!.agent.stats = figures.stats;
  }

  private async nextSwap(host: number, from: number): Promise<SwapFound | null> {
    const place = this.opened.swaps.find((one) => one.host === host && one.at >= from);
    const payload = place === undefined ? null : await this.opened.reader.payload(place);
    return payload === null ? null : swapOf(this.opened.reader.file, payload);
  }

  private async turn(): Promise<void> {
    if (performance.now() - this.turnAt < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.turnAt = performance.now();
  }
}

function keptMap({ entries, valueBytes, truncated }: MapHead, bytes: Uint8Array, timeNs: bigint): KeptMap {
  return { bytes, entries, valueBytes, truncated, timeNs };
}
