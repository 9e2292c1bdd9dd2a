/** The headers that the packet language knows, field by field, in the order in which they lie on the wire. */

export type LayerFieldKind = 'uint' | 'mac' | 'ipv4' | 'ipv6';

export interface LayerField {
  name: string;
  /** From the header's first bit, as RFCs draw it. */
  bit: number;
  bits: number;
  kind: LayerFieldKind;
  /** Unless it is given or computed. */
  default: bigint;
  /** Names that stand for values. */
  names: Readonly<Record<string, number>>;
}

export interface Layer {
  name: string;
  /** Without options. */
  bytes: number;
  fields: readonly LayerField[];
  /** It takes `options`, which end at a multiple of 4. */
  options: boolean;
}

type FieldRest = Partial<Pick<LayerField, 'kind' | 'default' | 'names'>>;
type FieldSpec = [name: string, bits: number, rest?: FieldRest];

function layer(name: string, specs: readonly FieldSpec[], options = false): Layer {
  let bit = 0;
  const fields = specs.map(([field, bits, rest]) => {
    const made: LayerField = { name: field, bit, bits, kind: 'uint', default: 0n, names: {}, ...rest };
    bit += bits;
    return made;
  });
  return { name, bytes: bit / 8, fields, options };
}

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, qinq: 0x88a8, ipv6: 0x86dd } as const;
export const ipProtocols = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, icmpv6: 58, none: 59 } as const;

const mac = (value: bigint): FieldRest => ({ kind: 'mac', default: value });
const ipv4 = (value: bigint): FieldRest => ({ kind: 'ipv4', default: value });
const ipv6 = (value: bigint): FieldRest => ({ kind: 'ipv6', default: value });
const number = (value: number, names: Readonly<Record<string, number>> = {}): FieldRest => ({
  default: BigInt(value),
  names,
});

/** Addresses of documentation (RFC 5737, RFC 3849) and locally administered MACs, so that nothing real is meant. */
const layerList: readonly Layer[] = [
  layer('eth', [
    ['dst', 48, mac(0x0200_0000_0002n)],
    ['src', 48, mac(0x0200_0000_0001n)],
    ['type', 16, number(0x88b5, etherTypes)],
  ]),
  layer('vlan', [
    ['pcp', 3],
    ['dei', 1],
    ['vid', 12, number(1)],
    ['type', 16, number(0x88b5, etherTypes)],
  ]),
  layer('arp', [
    ['htype', 16, number(1)],
    ['ptype', 16, number(0x0800, etherTypes)],
    ['hlen', 8, number(6)],
    ['plen', 8, number(4)],
    ['op', 16, number(1, { request: 1, reply: 2 })],
    ['sha', 48, mac(0x0200_0000_0001n)],
    ['spa', 32, ipv4(0xc000_0201n)],
    ['tha', 48, mac(0n)],
    ['tpa', 32, ipv4(0xc000_0202n)],
  ]),
  layer(
    'ipv4',
    [
      ['version', 4, number(4)],
      ['ihl', 4, number(5)],
      ['dscp', 6],
      ['ecn', 2],
      ['len', 16],
      ['id', 16],
      ['flags', 3, number(0, { DF: 2, MF: 1 })],
      ['frag', 13],
      ['ttl', 8, number(64)],
      ['proto', 8, number(ipProtocols.none, ipProtocols)],
      ['checksum', 16],
      ['src', 32, ipv4(0xc000_0201n)],
      ['dst', 32, ipv4(0xc000_0202n)],
    ],
    true,
  ),
  layer('ipv6', [
    ['version', 4, number(6)],
    ['class', 8],
    ['flow', 20],
    ['len', 16],
    ['next', 8, number(ipProtocols.none, ipProtocols)],
    ['hop', 8, number(64)],
    ['src', 128, ipv6(0x2001_0db8_0000_0000_0000_0000_0000_0001n)],
    ['dst', 128, ipv6(0x2001_0db8_0000_0000_0000_0000_0000_0002n)],
  ]),
  layer('icmp', [
    ['type', 8, number(8, { 'echo-reply': 0, unreachable: 3, echo: 8, 'time-exceeded': 11 })],
    ['code', 8],
    ['checksum', 16],
    ['id', 16, number(1)],
    ['seq', 16, number(1)],
  ]),
  layer('icmpv6', [
    ['type', 8, number(128, { unreachable: 1, 'packet-too-big': 2, 'time-exceeded': 3, echo: 128, 'echo-reply': 129 })],
    ['code', 8],
    ['checksum', 16],
    ['id', 16, number(1)],
    ['seq', 16, number(1)],
  ]),
  layer(
    'tcp',
    [
      ['sport', 16, number(40000)],
      ['dport', 16, number(80)],
      ['seq', 32, number(1)],
      ['ack', 32],
      ['offset', 4, number(5)],
      ['reserved', 3],
      ['flags', 9, number(0x002)],
      ['window', 16, number(65535)],
      ['checksum', 16],
      ['urgent', 16],
    ],
    true,
  ),
  layer('udp', [
    ['sport', 16, number(40000)],
    ['dport', 16, number(53)],
    ['len', 16],
    ['checksum', 16],
  ]),
];

const aliases: Readonly<Record<string, string>> = { ip: 'ipv4', ip6: 'ipv6', icmp6: 'icmpv6', ethernet: 'eth' };
const byName = new Map(layerList.map((known) => [known.name, known]));

export const layerNames: readonly string[] = layerList.map((known) => known.name);

export function findLayer(name: string): Layer | undefined {
  return byName.get(Object.hasOwn(aliases, name) ? aliases[name]! : name);
}

/** Letters of TCP's flags by bit, the lowest first: FIN SYN RST PSH ACK URG ECE CWR NS. */
export const tcpFlagLetters = 'FSRPAUEWN';

/** The number of a field, in any width, from the header that begins at `at`. */
export function readBits(bytes: Uint8Array, at: number, { bit, bits }: Pick<LayerField, 'bit' | 'bits'>): bigint {
  let value = 0n;
  const last = bit + bits - 1;
  for (let i = bit >> 3; i <= last >> 3; i++) value = (value << 8n) | BigInt(bytes[at + i] ?? 0);
  return (value >> BigInt(7 - (last & 7))) & ((1n << BigInt(bits)) - 1n);
}

/** Bits of other fields in the same bytes stay. */
export function writeBits(
  bytes: Uint8Array,
  at: number,
  { bit, bits }: Pick<LayerField, 'bit' | 'bits'>,
  value: bigint,
): void {
  const last = bit + bits - 1;
  const shift = BigInt(7 - (last & 7));
  let word = (value & ((1n << BigInt(bits)) - 1n)) << shift;
  let mask = ((1n << BigInt(bits)) - 1n) << shift;
  for (let i = last >> 3; i >= bit >> 3; i--) {
    bytes[at + i] = (bytes[at + i]! & ~Number(mask & 0xffn)) | Number(word & 0xffn);
    word >>= 8n;
    mask >>= 8n;
  }
}

/** By which field a layer says what follows, and with what number. */
export function nextNumber(of: string, next: string | undefined): { field: string; value: number } | undefined {
  const ethernet: Readonly<Record<string, number>> = etherTypes;
  const protocol: Readonly<Record<string, number>> = { ...ipProtocols, ipv4: ipProtocols.ipip };
  const pick = (field: string, table: Readonly<Record<string, number>>) =>
    next !== undefined && Object.hasOwn(table, next) ? { field, value: table[next]! } : undefined;
  switch (of) {
    case 'eth':
    case 'vlan':
      return pick('type', ethernet);
    case 'ipv4':
      return pick('proto', protocol);
    case 'ipv6':
      return pick('next', protocol);
    default:
      return undefined;
  }
}
