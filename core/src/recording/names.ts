/**
 * Names in a recording: what the host called its users, groups and addresses, and what stood on the stacks that rows speak
 * of. They are hints for showing rows: whoever reads them takes what is well formed and bounded, and nothing else.
 */
import { decodeParts, encodeParts } from './format.ts';

/** What a host told. */
export interface FoundNames {
  user: Map<bigint, string>;
  group: Map<bigint, string>;
  /** By address: "schedule+0x4". */
  symbol: Map<bigint, string>;
  /** By stack map: addresses by the number of the stack, the innermost first. */
  stacks: Map<string, Map<number, readonly bigint[]>>;
}

export type NameKind = 'user' | 'group' | 'symbol';
export const nameKinds: readonly NameKind[] = ['user', 'group', 'symbol'];

export const noNames = (): FoundNames => ({
  user: new Map(),
  group: new Map(),
  symbol: new Map(),
  stacks: new Map(),
});

/** Characters of a name; longer ones are not kept. A symbol of the kernel has 512 at most, and its module 64. */
export const MOST_NAME_LENGTH = 1024;
/** A chunk is closed when it has so many bytes. */
const CHUNK_BYTES = 1 << 20;
const ADDRESS_BYTES = 8;
/** Number of the stack, and of its addresses. */
const STACK_HEAD_BYTES = 8;

/** Of a name in a chunk, at most: its digits, quotes and commas. */
export const nameBytes = (name: string): number => 28 + 3 * name.length;
export const stackBytes = (frames: number): number => STACK_HEAD_BYTES + ADDRESS_BYTES * frames;

interface NamesHead {
  /** Pairs of a decimal number and its name. */
  user: [string, string][];
  group: [string, string][];
  symbol: [string, string][];
  /** Stack maps, and how many stacks of each stand in the bytes, one after the other. */
  stacks: [string, number][];
}

export const sameFrames = (a: readonly bigint[], b: readonly bigint[]): boolean =>
  a === b || (a.length === b.length && a.every((frame, i) => frame === b[i]));

/** The payloads of chunks with these names, none when there are none; each is made when it is asked for. */
export function* encodeNames(found: FoundNames): Generator<Uint8Array> {
  let open = new OpenChunk();
  for (const kind of nameKinds) {
    for (const [id, name] of found[kind]) {
      if (name.length > MOST_NAME_LENGTH) continue;
      if (open.isFullFor(nameBytes(name))) {
        yield open.close();
        open = new OpenChunk();
      }
      open.name(kind, id, name);
    }
  }
  for (const [map, stacks] of found.stacks) {
    if (map.length > MOST_NAME_LENGTH) continue;
    for (const [id, frames] of stacks) {
      if (open.isFullFor(stackBytes(frames.length))) {
        yield open.close();
        open = new OpenChunk();
      }
      open.stack(map, id, frames);
    }
  }
  if (!open.isEmpty) yield open.close();
}

export function countNames({ user, group, symbol, stacks }: FoundNames): number {
  const ofStacks = [...stacks.values()].reduce((sum, { size }) => sum + size, 0);
  return user.size + group.size + symbol.size + ofStacks;
}

class OpenChunk {
  private bytes = 0;
  private readonly head: NamesHead = { user: [], group: [], symbol: [], stacks: [] };
  private readonly tail: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  isFullFor(bytes: number): boolean {
    return !this.isEmpty && this.bytes + bytes > CHUNK_BYTES;
  }

  name(kind: NameKind, id: bigint, name: string): void {
    this.bytes += nameBytes(name);
    this.head[kind].push([String(id), name]);
  }

  stack(map: string, id: number, frames: readonly bigint[]): void {
    this.bytes += stackBytes(frames.length);
    const last = this.head.stacks.at(-1);
    if (last?.[0] === map) last[1]++;
    else this.head.stacks.push([map, 1]);
    const bytes = new Uint8Array(stackBytes(frames.length));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, id, true);
    view.setUint32(4, frames.length, true);
    frames.forEach((frame, i) => view.setBigUint64(STACK_HEAD_BYTES + ADDRESS_BYTES * i, frame, true));
    this.tail.push(bytes);
  }

  close(): Uint8Array {
    return encodeParts(this.head, Buffer.concat(this.tail));
  }
}

/** The names of a chunk; null when its bytes are none. */
export function decodeNames(payload: Uint8Array): FoundNames | null {
  const parts = decodeParts(payload);
  if (parts === null || !isNamesHead(parts.head)) return null;
  const { head, tail } = parts;
  const found = noNames();
  for (const kind of nameKinds) found[kind] = new Map(head[kind].map(([id, name]) => [BigInt(id), name]));
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  let at = 0;
  for (const [map, count] of head.stacks) {
    const stacks = found.stacks.get(map) ?? new Map<number, readonly bigint[]>();
    found.stacks.set(map, stacks);
    for (let i = 0; i < count; i++) {
      if (at + STACK_HEAD_BYTES > tail.length) return null;
      const [id, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      at += STACK_HEAD_BYTES;
      if (at + ADDRESS_BYTES * length > tail.length) return null;
      const begin = at;
      stacks.set(
        id,
        Array.from({ length }, (_, frame) => view.getBigUint64(begin + ADDRESS_BYTES * frame, true)),
      );
      at += ADDRESS_BYTES * length;
    }
  }
  return at === tail.length ? found : null;
}

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MOST_NAME_LENGTH;

const isNames = (value: unknown): value is [string, string][] =>
  Array.isArray(value) &&
  value.every((pair: unknown) => isPair(pair) && isName(pair[1]) && /^\d{1,20}$/.test(String(pair[0])));

const isStacks = (value: unknown): value is [string, number][] =>
  Array.isArray(value) &&
  value.every(
    (pair: unknown) => isPair(pair) && isName(pair[0]) && Number.isSafeInteger(pair[1]) && Number(pair[1]) > 0,
  );

const isPair = (value: unknown): value is [unknown, unknown] => Array.isArray(value) && value.length === 2;

function isNamesHead(head: unknown): head is NamesHead {
  if (typeof head !== 'object' || head === null) return false;
  const { stacks, ...names } = head as Record<string, unknown>;
  return nameKinds.every((kind) => isNames(names[kind])) && isStacks(stacks);
}
