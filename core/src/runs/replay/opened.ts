/** A recording that was opened: who was attached where, before anything of it is played. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  HelloSchema,
  RunDescriptionSchema,
  StatsSchema,
  SwapResultSchema,
  type RunDescription,
  type Stats,
  type SwapResult,
} from '../../agent/generated/agent_pb.ts';
import { RingsideError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Chunk, ChunkPlace, RecordingReader } from '../../recording/reader.ts';
import { damageText } from '../../recording/reader.ts';
import { ChunkType, decodeParts } from '../../recording/format.ts';
import { countNames, decodeNames } from '../../recording/names.ts';
import { headIs, type AttachedHead, type FiguresHead, type RunHead, type SwapHead } from '../../recording/contents.ts';
import type { ConnectedHost } from '../hostConnection.ts';
import { readDetails } from '../keptRun.ts';
import { KnownNames } from '../knownNames.ts';
import type { PreparedObject } from '../prepare.ts';
import { RecordedAgent } from './recordedAgent.ts';
import { RecordedCounts, recordedHost } from './recordedHost.ts';

/** More than any run has; each is a client with its buffers. */
const MOST_HOSTS = 256;
/** Bytes of names at the beginning of a file and at its end. */
const MOST_FIRST_NAME_BYTES = 16 << 20;
const MOST_LAST_NAME_BYTES = 48 << 20;

export interface ReplayedHost {
  host: ConnectedHost;
  agent: RecordedAgent;
  counts: RecordedCounts;
  object: PreparedObject;
  attached: AttachedHead;
  description: RunDescription;
}

export interface SwapFound {
  head: SwapHead;
  result: SwapResult;
  object: PreparedObject;
}

/** Where a version took over, and its first figures. */
export interface SwapPlace extends ChunkPlace {
  figures: ChunkPlace | null;
}

export interface OpenedRecording {
  reader: RecordingReader;
  head: RunHead;
  hosts: ReplayedHost[];
  /** Versions that took over, host by host in their order. */
  swaps: SwapPlace[];
  /** What cannot be read, in words. */
  damage: string;
  /** It has an end: its figures are complete. */
  ended: boolean;
}

/** What one host says of itself, until all of it was found. */
interface Parts {
  /** Where names are: rows have theirs as soon as they are played. */
  names: ChunkPlace[];
  host?: Chunk;
  program?: Chunk;
  attached?: Chunk;
  stats?: Stats;
}

/** Errors: recording-damaged, when not even the program and what was attached can be read; object-malformed. */
export async function openReplay(reader: RecordingReader, log: Log): Promise<OpenedRecording> {
  const found: { run?: RunHead; ended: boolean } = { ended: false };
  const parts: Parts[] = [];
  const swaps: SwapPlace[] = [];
  for await (const place of reader.places()) {
    if (place.type === ChunkType.end) found.ended = true;
    if (place.type === ChunkType.swap) swaps.push({ ...place, figures: null });
    if (place.type === ChunkType.figures) {
      const swap = swaps.findLast((one) => one.host === place.host);
      if (swap) swap.figures ??= place;
    }
    if (place.host >= MOST_HOSTS) continue;
    await take(reader, place, parts, found);
  }
  const damage = damageText(reader.damage);
  if (found.run === undefined) throw damaged(reader.file, 'what was recorded');
  const hosts = await Promise.all(parts.map((one) => startHost(reader, one, log)));
  if (hosts.length === 0) throw damaged(reader.file, 'the hosts');
  return { reader, head: found.run, hosts, swaps, damage, ended: found.ended };
}

/** The first of each kind is what the run began with; of names the last counts. */
async function take(
  reader: RecordingReader,
  place: ChunkPlace,
  parts: Parts[],
  found: { run?: RunHead },
): Promise<void> {
  const names = { [ChunkType.host]: 'host', [ChunkType.program]: 'program', [ChunkType.attached]: 'attached' } as const;
  if (place.type === ChunkType.run && found.run === undefined) {
    const payload = await reader.payload(place);
    const head = payload && decodeParts(payload)?.head;
    if (headIs.run(head)) found.run = head;
    return;
  }
  if (place.type === ChunkType.host) parts[place.host] ??= { names: [] };
  const own = parts[place.host];
  if (own === undefined) return;
  if (place.type === ChunkType.names) {
    own.names.push(place);
    return;
  }
  if (own.host && own.program && own.attached && own.stats) return;
  if (place.type === ChunkType.figures && own.stats === undefined) {
    const payload = await reader.payload(place);
    const figures = payload && figuresOf(payload);
    if (figures) own.stats = figures.stats;
    return;
  }
  const name = names[place.type as keyof typeof names] as (typeof names)[keyof typeof names] | undefined;
  if (name === undefined || own[name] !== undefined) return;
  const payload = await reader.payload(place);
  if (payload !== null) own[name] = { ...place, payload };
}

/** Figures and what had arrived by then; null when the bytes are none. */
export function figuresOf(payload: Uint8Array): (FiguresHead & { stats: Stats }) | null {
  const decoded = decodeParts(payload);
  if (decoded === null || !headIs.figures(decoded.head)) return null;
  try {
    return { ...decoded.head, stats: fromBinary(StatsSchema, decoded.tail) };
  } catch {
    return null;
  }
}

async function startHost(
  reader: RecordingReader,
  { names, host, program, attached, stats }: Parts,
  log: Log,
): Promise<ReplayedHost> {
  const { file } = reader;
  if (!host) throw damaged(file, 'a host');
  if (!program) throw damaged(file, 'the program');
  if (!attached) throw damaged(file, 'what was attached');
  const parts = decodeParts(host.payload);
  const attachedParts = decodeParts(attached.payload);
  if (!headIs.host(parts?.head)) throw damaged(file, 'a host');
  if (!headIs.attached(attachedParts?.head)) throw damaged(file, 'what was attached');
  const { object } = detailsOf(file, program.payload);
  let description: RunDescription;
  try {
    fromBinary(HelloSchema, parts.tail);
    description = fromBinary(RunDescriptionSchema, attachedParts.tail);
  } catch {
    throw damaged(file, 'what was attached');
  }
  const { agent, client } = await RecordedAgent.start(parts.tail, log);
  agent.stats = stats;
  agent.maps.loaded = description.maps;
  const counts = new RecordedCounts(agent.maps, await readNames(reader, names));
  const info = parts.head.info;
  return { host: recordedHost(info, client, counts), agent, counts, object, attached: attachedParts.head, description };
}

/** Of two names for the same number the later one counts. */
async function readNames(reader: RecordingReader, places: readonly ChunkPlace[]): Promise<KnownNames> {
  const names = new KnownNames();
  const kept = new Set(keptNames(places));
  for (const place of places) {
    const payload = await reader.payload(place);
    const told = payload && decodeNames(payload);
    if (told && kept.has(place)) names.add(told);
    else if (told) names.leftOut += countNames(told);
  }
  return names;
}

/**
 * Of more names than a reader takes, those in the middle are left out: a recording of the last minutes begins with those
 * that its rows need however old they are, and ends with those of the newest rows.
 */
export function keptNames<T extends Pick<ChunkPlace, 'payloadBytes'>>(places: readonly T[]): T[] {
  const upTo = (list: readonly T[], most: number): T[] => {
    let bytes = 0;
    return list.filter(({ payloadBytes }) => (bytes += payloadBytes) <= most);
  };
  const first = upTo(places, MOST_FIRST_NAME_BYTES);
  const last = upTo(places.slice(first.length).reverse(), MOST_LAST_NAME_BYTES).reverse();
  return [...first, ...last];
}

function detailsOf(file: string, details: Uint8Array): { object: PreparedObject } {
  try {
    return readDetails(details);
  } catch (error) {
    const cause = RingsideError.from(error);
    throw cause.code === 'protocol' ? damaged(file, 'the program') : cause;
  }
}

/** A version that took over; null when it cannot be read. */
export function swapOf(file: string, payload: Uint8Array): SwapFound | null {
  const decoded = decodeParts(payload);
  if (decoded === null || !headIs.swap(decoded.head)) return null;
  const { head, tail } = decoded;
  try {
    const result = fromBinary(SwapResultSchema, tail.subarray(0, head.answerBytes));
    return { head, result, object: detailsOf(file, tail.subarray(head.answerBytes)).object };
  } catch {
    return null;
  }
}

const damaged = (file: string, what: string): RingsideError =>
  new RingsideError('recording-damaged', `${file} is cut or damaged so early that ${what} cannot be read.`, {
    remedy: 'Nothing of it can be shown. If you have a copy of the file, try that.',
  });
