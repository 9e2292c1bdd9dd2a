/**
 * The packet language: `eth(dst=02:00:00:00:00:05)/ip(dst=10.0.0.1,ttl=3)/tcp(dport=443,flags=SA)/"hello"`. Layers as
 * they follow on the wire, fields as they are called in their RFCs; whatever is not said has a sensible value, and lengths,
 * checksums and the numbers of what follows are computed unless they are given.
 */
import { findLayer, layerNames, nextNumber, writeBits, type Layer, type LayerField } from './layers.ts';
import { foldChecksum, sumWords } from './checksum.ts';
import { parseFieldValue, wantedText } from './values.ts';

/** What is wrong with a packet, and at which character of its text. */
export class PacketError extends Error {
  constructor(
    message: string,
    readonly at: number,
    readonly remedy: string,
  ) {
    super(message);
    this.name = 'PacketError';
  }
}

/** The largest packet that one IPv4 header can announce. */
const MOST_BYTES = 65535;

interface Part {
  /** null = bytes of the payload. */
  layer: Layer | null;
  given: Map<string, bigint>;
  /** Of the header with its options, or the payload. */
  bytes: Uint8Array;
  at: number;
}

/** The bytes of a packet. @throws PacketError */
export function buildPacket(text: string): Uint8Array {
  const parts = new Parser(text).parts();
  const starts: number[] = [];
  let length = 0;
  for (const part of parts) {
    starts.push(length);
    length += part.bytes.length;
    if (length > MOST_BYTES) throw new PacketError(`The packet has more than ${MOST_BYTES} bytes.`, part.at, '');
  }
  const packet = new Uint8Array(length);
  parts.forEach((part, i) => packet.set(part.bytes, starts[i]));
  // From the inside out: a checksum covers what lies within, and its own header as it will be.
  for (let i = parts.length - 1; i >= 0; i--) complete(parts, starts, i, packet);
  return packet;
}

/** Computes what was not given. */
function complete(parts: readonly Part[], starts: readonly number[], index: number, packet: Uint8Array): void {
  const { layer, given, bytes } = parts[index]!;
  if (layer === null) return;
  const at = starts[index]!;
  const set = (name: string, value: number): void => {
    if (!given.has(name)) writeBits(packet, at, fieldOf(layer, name), BigInt(value));
  };
  const next = nextNumber(layer.name, parts[index + 1]?.layer?.name);
  if (next) set(next.field, next.value);
  const rest = packet.length - at;
  switch (layer.name) {
    case 'ipv4':
      set('ihl', bytes.length / 4);
      set('len', rest);
      set('checksum', foldChecksum(sumWords(packet, at, at + bytes.length) - given0(packet, at, layer, 'checksum')));
      break;
    case 'ipv6':
      set('len', rest - bytes.length);
      break;
    case 'tcp':
      set('offset', bytes.length / 4);
      set('checksum', transportChecksum(parts, starts, index, packet, 6));
      break;
    case 'udp': {
      set('len', rest);
      // Zero would say that there is none.
      const sum = transportChecksum(parts, starts, index, packet, 17);
      set('checksum', sum === 0 ? 0xffff : sum);
      break;
    }
    case 'icmp':
      set('checksum', foldChecksum(sumWords(packet, at) - given0(packet, at, layer, 'checksum')));
      break;
    case 'icmpv6':
      set('checksum', transportChecksum(parts, starts, index, packet, 58));
      break;
  }
}

/** What stands in the field now: a checksum is computed as if that were zero. */
function given0(packet: Uint8Array, at: number, layer: Layer, name: string): number {
  const place = at + (fieldOf(layer, name).bit >> 3);
  return (packet[place]! << 8) | packet[place + 1]!;
}

/** With the pseudo header of the IP header that is next outside; without one, over the segment alone. */
function transportChecksum(
  parts: readonly Part[],
  starts: readonly number[],
  index: number,
  packet: Uint8Array,
  protocol: number,
): number {
  const at = starts[index]!;
  const length = packet.length - at;
  let sum = sumWords(packet, at) - given0(packet, at, parts[index]!.layer!, 'checksum');
  const outer = parts[index - 1]?.layer?.name;
  const outerAt = starts[index - 1] ?? 0;
  if (outer === 'ipv4') sum += sumWords(packet, outerAt + 12, outerAt + 20) + protocol + length;
  if (outer === 'ipv6') sum += sumWords(packet, outerAt + 8, outerAt + 40) + protocol + length;
  return foldChecksum(sum);
}

function fieldOf(layer: Layer, name: string): LayerField {
  return layer.fields.find((field) => field.name === name)!;
}

class Parser {
  #at = 0;

  constructor(private readonly text: string) {}

  parts(): Part[] {
    const parts: Part[] = [];
    this.#space();
    if (this.#at >= this.text.length)
      throw new PacketError('The packet is empty.', 0, `Begin with ${layerNames.join(', ')} or a "text".`);
    for (;;) {
      parts.push(this.#part());
      this.#space();
      if (this.#at >= this.text.length) return parts;
      this.#expect('/', 'the next layer after a /');
      this.#space();
    }
  }

  #space(): void {
    while (/\s/.test(this.text[this.#at] ?? '')) this.#at++;
  }

  #expect(character: string, wanted: string): void {
    if (this.text[this.#at] === character) this.#at++;
    else throw this.#wrong(this.#at, `${this.#here()} stands where ${wanted} belongs.`, `Write ${character} there.`);
  }

  #here(): string {
    const character = this.text[this.#at];
    return character === undefined ? 'The end' : JSON.stringify(character);
  }

  #wrong(at: number, message: string, remedy: string): PacketError {
    return new PacketError(message, at, remedy);
  }

  #part(): Part {
    const at = this.#at;
    const first = this.text[at];
    if (first === '"' || first === "'") return this.#payload(at, this.#quoted(first));
    const name = this.#word();
    if (name === 'hex' || name === 'zeros') return this.#payload(at, this.#bytes(name));
    const layer = findLayer(name);
    if (!layer) {
      const what = name === '' ? this.#here() : JSON.stringify(name);
      throw this.#wrong(
        at,
        `${what} is no layer.`,
        `Layers are ${layerNames.join(', ')}; a payload is "text", hex(c0ffee) or zeros(20).`,
      );
    }
    return this.#header(layer, at);
  }

  #payload(at: number, bytes: Uint8Array): Part {
    return { layer: null, given: new Map(), bytes, at };
  }

  #word(): string {
    const word = /^[\w-]*/.exec(this.text.slice(this.#at, this.#at + 40))![0];
    this.#at += word.length;
    return word;
  }

  #header(layer: Layer, at: number): Part {
    const given = new Map<string, bigint>();
    let options = new Uint8Array(0);
    this.#space();
    if (this.text[this.#at] === '(') {
      this.#at++;
      for (;;) {
        this.#space();
        if (this.text[this.#at] === ')') break;
        const nameAt = this.#at;
        const name = this.#word();
        this.#space();
        const known = layer.fields.find((field) => field.name === name);
        if (!known && !(layer.options && name === 'options')) {
          const names = [...layer.fields.map((field) => field.name), ...(layer.options ? ['options'] : [])];
          const what = name === '' ? this.#here() : JSON.stringify(name);
          throw this.#wrong(nameAt, `${what} is no field of ${layer.name}.`, `It has ${names.join(', ')}.`);
        }
        if (given.has(name) || (name === 'options' && options.length > 0))
          throw this.#wrong(nameAt, `${layer.name}.${name} is given twice.`, 'Leave one of them out.');
        this.#expect('=', `the value of ${layer.name}.${name}`);
        this.#space();
        const valueAt = this.#at;
        const value = /^[^,)]*/.exec(this.text.slice(valueAt))![0];
        this.#at += value.length;
        if (known) given.set(name, this.#value(layer, known, value.trim(), valueAt));
        else options = Uint8Array.from(this.#options(layer, value.trim(), valueAt));
        if (this.text[this.#at] === ',') this.#at++;
        else if (this.text[this.#at] !== ')') this.#expect(')', 'the next field or the end of the layer');
      }
      this.#at++;
    }
    const bytes = new Uint8Array(layer.bytes + options.length);
    bytes.set(options, layer.bytes);
    for (const field of layer.fields) writeBits(bytes, 0, field, given.get(field.name) ?? field.default);
    return { layer, given, bytes, at };
  }

  #value(layer: Layer, field: LayerField, text: string, at: number): bigint {
    const value = parseFieldValue(layer, field, text);
    if (value !== null) return value;
    const wanted = `Give ${wantedText(layer, field)}.`;
    throw this.#wrong(at, `${JSON.stringify(text)} is no value for ${layer.name}.${field.name}.`, wanted);
  }

  #options(layer: Layer, text: string, at: number): Uint8Array {
    const bytes = hexBytes(text);
    if (bytes !== null && bytes.length % 4 === 0 && bytes.length <= 40) return bytes;
    const wanted = 'Give hexadecimal digits of 4, 8 … 40 bytes.';
    throw this.#wrong(at, `${JSON.stringify(text)} is no value for ${layer.name}.options.`, wanted);
  }

  /** `hex(…)` and `zeros(…)`. */
  #bytes(name: 'hex' | 'zeros'): Uint8Array {
    this.#expect('(', `what ${name} has`);
    const at = this.#at;
    const text = /^[^)]*/.exec(this.text.slice(at))![0];
    this.#at += text.length;
    this.#expect(')', `the end of ${name}(`);
    if (name === 'hex') {
      const bytes = hexBytes(text);
      if (bytes === null)
        throw this.#wrong(at, 'These are no hexadecimal digits of whole bytes.', 'Like hex(c0 ff ee).');
      return bytes;
    }
    const count = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : Infinity;
    if (count > MOST_BYTES)
      throw this.#wrong(at, `${JSON.stringify(text)} is no number of bytes.`, `At most ${MOST_BYTES}.`);
    return new Uint8Array(count);
  }

  #quoted(quote: string): Uint8Array {
    const from = this.#at++;
    let text = '';
    for (;;) {
      const character = this.text[this.#at];
      if (character === undefined) throw this.#wrong(from, 'This text has no end.', `Close it with ${quote}.`);
      this.#at++;
      if (character === quote) break;
      text += character === '\\' ? this.#escape() : character;
    }
    return Buffer.from(text, 'utf8');
  }

  #escape(): string {
    const at = this.#at - 1;
    const character = this.text[this.#at++] ?? '';
    const simple: Readonly<Record<string, string>> = {
      n: '\n',
      r: '\r',
      t: '\t',
      0: '\0',
      '\\': '\\',
      '"': '"',
      "'": "'",
    };
    if (Object.hasOwn(simple, character)) return simple[character]!;
    throw this.#wrong(at, `\\${character} means nothing in a text.`, 'Escapes are \\n \\r \\t \\0 \\\\ \\" \\\'.');
  }
}

/** Bytes from hexadecimal digits, with spaces, colons and 0x as people copy them; null for anything else. */
export function hexBytes(text: string): Uint8Array | null {
  const digits = text.replace(/\b0x/gi, '').replace(/[\s:]/g, '');
  return /^([0-9a-f]{2})*$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : null;
}
