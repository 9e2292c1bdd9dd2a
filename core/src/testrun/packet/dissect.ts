/** From bytes back to layers and fields, so that a difference of packets reads in their terms. Never throws. */
import { findLayer, readBits, type Layer } from './layers.ts';
import { fieldText } from './values.ts';

export interface PacketField {
  /** "ipv4.ttl"; a second header of a kind is "ipv4#2.ttl". */
  path: string;
  value: bigint;
  text: string;
}

export interface Dissection {
  layers: { name: string; at: number; bytes: number }[];
  fields: PacketField[];
  /** Where the payload begins. */
  payload: number;
}

/** Headers of one packet; nesting beyond this is damage. */
const MOST_LAYERS = 12;

/** `first`: what the packet begins with. */
export function dissect(bytes: Uint8Array, first = 'eth'): Dissection {
  const found: Dissection = { layers: [], fields: [], payload: 0 };
  const counts = new Map<string, number>();
  let layer: Layer | undefined = findLayer(first);
  let at = 0;
  while (layer !== undefined && found.layers.length < MOST_LAYERS && at + layer.bytes <= bytes.length) {
    const { name } = layer;
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    const prefix = number === 1 ? name : `${name}#${number}`;
    for (const field of layer.fields) {
      const value = readBits(bytes, at, field);
      found.fields.push({ path: `${prefix}.${field.name}`, value, text: fieldText(layer, field, value) });
    }
    const length = Math.min(headerBytes(layer, bytes, at), bytes.length - at);
    found.layers.push({ name: prefix, at, bytes: length });
    const next = nextLayer(layer, bytes, at);
    at += length;
    layer = next;
  }
  found.payload = at;
  return found;
}

function numberOf(layer: Layer, name: string, bytes: Uint8Array, at: number): number {
  return Number(
    readBits(
      bytes,
      at,
      layer.fields.find((field) => field.name === name)!,
    ),
  );
}

function headerBytes(layer: Layer, bytes: Uint8Array, at: number): number {
  if (layer.name === 'ipv4') return Math.max(layer.bytes, numberOf(layer, 'ihl', bytes, at) * 4);
  if (layer.name === 'tcp') return Math.max(layer.bytes, numberOf(layer, 'offset', bytes, at) * 4);
  return layer.bytes;
}

const byEtherType: Readonly<Record<number, string>> = {
  0x0800: 'ipv4',
  0x0806: 'arp',
  0x8100: 'vlan',
  0x88a8: 'vlan',
  0x86dd: 'ipv6',
};
const byProtocol: Readonly<Record<number, string>> = {
  1: 'icmp',
  4: 'ipv4',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  58: 'icmpv6',
};

function nextLayer(layer: Layer, bytes: Uint8Array, at: number): Layer | undefined {
  const named = (table: Readonly<Record<number, string>>, field: string): Layer | undefined =>
    findLayer(table[numberOf(layer, field, bytes, at)] ?? '');
  switch (layer.name) {
    case 'eth':
    case 'vlan':
      return named(byEtherType, 'type');
    case 'ipv4':
      // Only the first fragment has the header of what it carries.
      return numberOf(layer, 'frag', bytes, at) === 0 ? named(byProtocol, 'proto') : undefined;
    case 'ipv6':
      return named(byProtocol, 'next');
    default:
      return undefined;
  }
}

/** One line for a packet: "eth / ipv4 192.0.2.1 → 192.0.2.2 / tcp 40000 → 80 S / 5 bytes". */
export function packetSummary(bytes: Uint8Array, first = 'eth'): string {
  const { layers, fields, payload } = dissect(bytes, first);
  const text = (path: string): string => fields.find((field) => field.path === path)?.text ?? '';
  const parts = layers.map(({ name }) => {
    const kind = name.replace(/#.*/, '');
    if (kind === 'ipv4' || kind === 'ipv6') return `${name} ${text(`${name}.src`)} → ${text(`${name}.dst`)}`;
    if (kind === 'udp') return `${name} ${text(`${name}.sport`)} → ${text(`${name}.dport`)}`;
    if (kind === 'tcp')
      return `${name} ${text(`${name}.sport`)} → ${text(`${name}.dport`)} ${text(`${name}.flags`)}`.trimEnd();
    if (kind === 'vlan') return `${name} ${text(`${name}.vid`)}`;
    return name;
  });
  const left = bytes.length - payload;
  if (left > 0 || parts.length === 0) parts.push(`${left} ${left === 1 ? 'byte' : 'bytes'}`);
  return parts.join(' / ');
}
