import { RingsideError } from '../errors.ts';

/** The error for every inconsistency found in an object file or in BTF. */
export function malformed(what: string): RingsideError {
  return new RingsideError('object-malformed', `The object is damaged: ${what}.`, {
    remedy: 'Build it again; if it came from somewhere else, fetch it again.',
  });
}

/** Names and source lines beyond this are damage: overlapping long strings would multiply a file's size in memory. */
const MAX_STRING_BYTES = 16 * 1024;

/** A little-endian view of untrusted bytes: every read is bounds-checked and fails with `object-malformed`. */
export class Bytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #buffer: Buffer;
  /** What is being read, for the error message. */
  readonly what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  /** Where these bytes stand next; -1 for nowhere. */
  indexOf(needle: Uint8Array, from: number): number {
    return this.#buffer.indexOf(needle, from);
  }

  check(offset: number, size: number): void {
    if (!(offset >= 0 && size >= 0 && offset + size <= this.bytes.byteLength)) {
      throw malformed(`${this.what} is cut short (offset ${offset}, ${size} bytes of ${this.bytes.byteLength})`);
    }
  }

  u8(offset: number): number {
    this.check(offset, 1);
    return this.view.getUint8(offset);
  }
  u16(offset: number): number {
    this.check(offset, 2);
    return this.view.getUint16(offset, true);
  }
  u32(offset: number): number {
    this.check(offset, 4);
    return this.view.getUint32(offset, true);
  }
  i16(offset: number): number {
    this.check(offset, 2);
    return this.view.getInt16(offset, true);
  }
  i32(offset: number): number {
    this.check(offset, 4);
    return this.view.getInt32(offset, true);
  }
  u64(offset: number): bigint {
    this.check(offset, 8);
    return this.view.getBigUint64(offset, true);
  }
  i64(offset: number): bigint {
    this.check(offset, 8);
    return this.view.getBigInt64(offset, true);
  }

  /** A 64-bit size or offset that must fit the file anyway: beyond 2^53 it is damage. */
  size64(offset: number): number {
    const value = this.u64(offset);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`${this.what} holds an impossible size`);
    return Number(value);
  }

  slice(offset: number, size: number): Uint8Array {
    this.check(offset, size);
    return this.bytes.subarray(offset, offset + size);
  }

  /** The NUL-terminated string at `offset`, at most MAX_STRING_BYTES long. */
  cString(offset: number): string {
    this.check(offset, 1);
    let end = offset; // strings are short: a plain loop beats indexOf
    const limit = Math.min(this.#buffer.length, offset + MAX_STRING_BYTES);
    while (end < limit && this.#buffer[end] !== 0) end++;
    if (end === limit) throw malformed(`${this.what} has a string without an end`);
    return end === offset ? '' : this.#buffer.toString('utf8', offset, end);
  }
}
