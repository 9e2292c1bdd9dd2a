/** How inputs are changed: what breaks readers of sizes, offsets and names, and what the target compared before. */

export type Random = (below: number) => number;

/** xorshift32: a run can be repeated by its seed. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

export interface Knowledge {
  /** Texts and numbers of the target's source. */
  words: readonly Uint8Array[];
  /** What was compared and was not the same while the parent ran: pairs of numbers or texts. */
  compared: readonly (number | string)[];
  /** Another input, to take parts of. */
  other: Uint8Array;
  longest: number;
}

const corners = [0, 1, 2, 3, 7, 8, 16, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One to a few changes at once. */
export function mutate(parent: Uint8Array, random: Random, knowledge: Knowledge): Uint8Array {
  let bytes: Uint8Array = parent.slice();
  for (let left = 1 + random(1 << random(4)); left > 0; left--) {
    bytes = mutators[random(mutators.length)]!(bytes, random, knowledge);
  }
  return bytes.subarray(0, knowledge.longest);
}

type Mutator = (bytes: Uint8Array, random: Random, knowledge: Knowledge) => Uint8Array;

const setByte: Mutator = (bytes, random) => {
  if (bytes.length > 0) bytes[random(bytes.length)] = random(4) === 0 ? corners[random(10)]! : random(256);
  return bytes;
};

const flipBit: Mutator = (bytes, random) => {
  if (bytes.length > 0) bytes[random(bytes.length)]! ^= 1 << random(8);
  return bytes;
};

/** A little-endian number changed a little, or put at a corner. */
const setNumber: Mutator = (bytes, random) => {
  const size = [2, 4, 4, 4][random(4)]!;
  if (bytes.length < size) return bytes;
  const at =
    random(2) === 0 ? random(bytes.length - size + 1) : random(Math.floor((bytes.length - size) / size) + 1) * size;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const old = size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
  const value = random(2) === 0 ? corners[random(corners.length)]! : old + random(33) - 16;
  if (size === 2) view.setUint16(at, value & 0xffff, true);
  else view.setUint32(at, value >>> 0, true);
  return bytes;
};

const replaceRange = (bytes: Uint8Array, at: number, gone: number, put: Uint8Array): Uint8Array => {
  const changed = new Uint8Array(bytes.length - gone + put.length);
  changed.set(bytes.subarray(0, at));
  changed.set(put, at);
  changed.set(bytes.subarray(at + gone), at + put.length);
  return changed;
};

const erase: Mutator = (bytes, random) => {
  const gone = Math.min(bytes.length, 1 + random(1 << random(9)));
  return replaceRange(bytes, random(bytes.length - gone + 1), gone, new Uint8Array(0));
};

const duplicate: Mutator = (bytes, random) => {
  const length = Math.min(bytes.length, 1 + random(1 << random(8)));
  const from = random(bytes.length - length + 1);
  return replaceRange(bytes, random(bytes.length + 1), 0, bytes.slice(from, from + length));
};

/** A part of another input, over this one's bytes or between them. */
const splice: Mutator = (bytes, random, { other }) => {
  const length = Math.min(other.length, 1 + random(1 << random(11)));
  const part = other.subarray(random(other.length - length + 1)).subarray(0, length);
  const at = random(bytes.length + 1);
  return replaceRange(bytes, at, random(2) === 0 ? 0 : Math.min(length, bytes.length - at), part);
};

const word: Mutator = (bytes, random, { words }) => {
  const put = words[random(Math.max(1, words.length))];
  if (!put) return bytes;
  const at = random(bytes.length + 1);
  return replaceRange(bytes, at, random(3) === 0 ? 0 : Math.min(put.length, bytes.length - at), put);
};

/** Finds one side of a failed comparison in the input and puts the other there. */
const satisfy: Mutator = (bytes, random, { compared }) => {
  if (compared.length < 2) return setNumber(bytes, random, { words: [], compared: [], other: bytes, longest: 0 });
  const pair = random(compared.length >> 1) * 2;
  const turned = random(2);
  const [from, to] = [compared[pair + turned]!, compared[pair + 1 - turned]!];
  const sizes = typeof from === 'number' ? [4, 2, 1] : [0];
  for (const size of sizes) {
    const wanted = asBytes(from, size);
    const places = occurrences(bytes, wanted);
    if (places.length === 0) continue;
    return replaceRange(bytes, places[random(places.length)]!, wanted.length, asBytes(to, size));
  }
  return bytes;
};

const mutators: readonly Mutator[] = [
  setByte,
  flipBit,
  setNumber,
  setNumber,
  erase,
  duplicate,
  splice,
  word,
  satisfy,
  satisfy,
];

export function asBytes(value: number | string, size: number): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  const bytes = new Uint8Array(size);
  let rest = Math.trunc(value);
  for (let i = 0; i < size; i++) {
    bytes[i] = ((rest % 256) + 256) % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** Where `wanted` lies; at most 64 places. */
function occurrences(bytes: Uint8Array, wanted: Uint8Array): number[] {
  const places: number[] = [];
  if (wanted.length === 0) return places;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = text.indexOf(wanted); at >= 0 && places.length < 64; at = text.indexOf(wanted, at + 1)) places.push(at);
  return places;
}
