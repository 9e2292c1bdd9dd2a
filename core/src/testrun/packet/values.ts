/** Values of header fields as text, both ways. */
import { ipv4Text, ipv6Text, parseIpv4, parseIpv6 } from '../../events/address.ts';
import { tcpFlagLetters, type Layer, type LayerField } from './layers.ts';

const toBigInt = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

function toBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function parseMac(text: string): bigint | null {
  return /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text) ? BigInt(`0x${text.replace(/[:-]/g, '')}`) : null;
}

/** The field's value; null for what is none of it. */
export function parseFieldValue(layer: Layer, field: LayerField, text: string): bigint | null {
  const value = parseAny(layer, field, text);
  return value !== null && value >= 0n && value < 1n << BigInt(field.bits) ? value : null;
}

function parseAny(layer: Layer, field: LayerField, text: string): bigint | null {
  if (field.kind === 'mac') return parseMac(text);
  if (field.kind === 'ipv4' || field.kind === 'ipv6') {
    const bytes = field.kind === 'ipv4' ? parseIpv4(text) : parseIpv6(text);
    return bytes === null ? null : toBigInt(bytes);
  }
  if (Object.hasOwn(field.names, text)) return BigInt(field.names[text]!);
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text)) return BigInt(text);
  return isTcpFlags(layer, field) ? parseFlags(text) : null;
}

const isTcpFlags = (layer: Layer, field: LayerField): boolean => layer.name === 'tcp' && field.name === 'flags';

function parseFlags(text: string): bigint | null {
  const bits = Array.from(text.toUpperCase()).map((letter) => tcpFlagLetters.indexOf(letter));
  return text === '' || bits.includes(-1) ? null : bits.reduce((flags, bit) => flags | (1n << BigInt(bit)), 0n);
}

/** As the packet language spells it. */
export function fieldText(layer: Layer, field: LayerField, value: bigint): string {
  switch (field.kind) {
    case 'mac':
      return toBytes(value, 6).reduce((text, byte) => `${text}${text && ':'}${byte.toString(16).padStart(2, '0')}`, '');
    case 'ipv4':
      return ipv4Text(toBytes(value, 4), 0);
    case 'ipv6':
      return ipv6Text(toBytes(value, 16), 0);
    case 'uint': {
      const named = Object.entries(field.names).find(([, known]) => BigInt(known) === value);
      if (named) return named[0];
      if (isTcpFlags(layer, field) && value > 0n)
        return Array.from(tcpFlagLetters)
          .filter((_, bit) => (value >> BigInt(bit)) & 1n)
          .join('');
      return /^(checksum|type)$/.test(field.name) ? `0x${value.toString(16)}` : value.toString();
    }
  }
}

/** What a field takes, for errors. */
export function wantedText(layer: Layer, field: LayerField): string {
  if (field.kind === 'mac') return 'a MAC address like 02:00:00:00:00:01';
  if (field.kind === 'ipv4') return 'an address like 192.0.2.1';
  if (field.kind === 'ipv6') return 'an address like 2001:db8::1';
  const named = Object.keys(field.names);
  const letters = isTcpFlags(layer, field) ? [`letters of ${tcpFlagLetters} (FIN, SYN, RST, PSH, ACK …)`] : [];
  const most = (1n << BigInt(field.bits)) - 1n;
  return [...named, ...letters, `a number from 0 to ${most}`].join(', ');
}
