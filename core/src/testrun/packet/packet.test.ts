import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureError, capturedPacket, capturedPackets } from './capture.ts';
import { foldChecksum, sumWords } from './checksum.ts';
import { dissect, packetSummary } from './dissect.ts';
import { buildPacket, hexBytes, PacketError } from './language.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const field = (bytes: Uint8Array, path: string) => dissect(bytes).fields.find((f) => f.path === path)?.text;

describe('the packet language', () => {
  it('builds what a network card would see, with lengths and checksums', () => {
    const packet = buildPacket('eth(dst=02:00:00:00:00:05)/ip(dst=10.0.0.1,ttl=3)/tcp(dport=443,flags=SA)/"hello"');
    expect(hex(packet)).toBe(
      '02000000000502000000000108004500002d000000000306' +
        'ebc9c00002010a000001' +
        '9c4001bb00000001000000005012ffff' +
        '01fd0000' +
        '68656c6c6f',
    );
    expect(foldChecksum(sumWords(packet, 14, 34))).toBe(0);
    const pseudo = sumWords(packet, 26, 34) + 6 + (packet.length - 34);
    expect(foldChecksum(sumWords(packet, 34) + pseudo)).toBe(0);
  });

  it('takes what is given in place of what it would compute', () => {
    const packet = buildPacket(
      'eth(type=0x1234)/ipv4(len=1,checksum=0xbeef,ihl=7,options=01010101)/udp(len=9,checksum=0)',
    );
    expect(hex(packet.subarray(12, 18))).toBe('123447000001');
    expect(hex(packet.subarray(24, 26))).toBe('beef');
    expect(hex(packet.subarray(38))).toBe('9c40003500090000');
  });

  it('knows every layer', () => {
    const all = 'eth/vlan(vid=7,pcp=3)/ip6(hop=2)/icmpv6/zeros(3)';
    expect(packetSummary(buildPacket(all))).toBe('eth / vlan 7 / ipv6 2001:db8::1 → 2001:db8::2 / icmpv6 / 3 bytes');
    expect(packetSummary(buildPacket('eth/arp(op=reply)'))).toBe('eth / arp');
    expect(field(buildPacket('eth/arp(op=reply)'), 'arp.op')).toBe('reply');
    expect(packetSummary(buildPacket('eth/ip/ip(src=1.2.3.4)/icmp'))).toBe(
      'eth / ipv4 192.0.2.1 → 192.0.2.2 / ipv4#2 1.2.3.4 → 192.0.2.2 / icmp',
    );
    expect(field(buildPacket('eth/ip(flags=DF)/tcp(flags=FPU)'), 'tcp.flags')).toBe('FPU');
    expect(hex(buildPacket("'a\\n'/hex(c0 ff:ee)"))).toBe('610ac0ffee');
  });

  it.each([
    ['eth/ipx', 4, /"ipx" is no layer/, /ipv4, ipv6/],
    ['eth/ip(tll=3)', 7, /"tll" is no field of ipv4/, /ttl/],
    ['eth/ip(ttl=256)', 11, /"256" is no value for ipv4.ttl/, /0 to 255/],
    ['eth/ip(dst=10.0.0)', 11, /ipv4.dst/, /192\.0\.2\.1/],
    ['eth/ip(ttl=1,ttl=2)', 13, /twice/, /one/],
    ['eth/tcp(flags=SX)', 14, /tcp.flags/, /FSRPAUEWN/],
    ['eth ip', 4, /"i" stands/, /\//],
    ['eth/"open', 4, /no end/, /"/],
    ['eth/hex(abc)', 8, /no hexadecimal/, /hex/],
    ['eth/zeros(70000)', 10, /no number of bytes/, /65535/],
    ['', 0, /empty/, /eth/],
    ['eth/ip(ttl', 10, /The end stands/, /=/],
    ['eth/ip(ttl=1', 12, /The end stands/, /\)/],
    ['eth/tcp(options=0101)', 16, /tcp.options/, /4, 8/],
  ])('says where %s is wrong', (text, at, message, remedy) => {
    const error = failure(() => buildPacket(text));
    expect(error).toBeInstanceOf(PacketError);
    expect(error).toMatchObject({ at });
    expect((error as PacketError).message).toMatch(message);
    expect((error as PacketError).remedy).toMatch(remedy);
  });

  it('reads back every field that it wrote', () => {
    const port = fc.integer({ min: 0, max: 0xffff });
    const address = fc.ipV4();
    fc.assert(
      fc.property(
        address,
        address,
        port,
        port,
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array(),
        (a, b, s, d, ttl, p) => {
          const packet = buildPacket(`eth/ip(src=${a},dst=${b},ttl=${ttl})/udp(sport=${s},dport=${d})/hex(${hex(p)})`);
          const read = (path: string) => field(packet, path);
          expect([read('ipv4.src'), read('ipv4.dst'), read('ipv4.ttl')]).toEqual([a, b, String(ttl)]);
          expect([read('udp.sport'), read('udp.dport')]).toEqual([String(s), String(d)]);
          expect(packet.length).toBe(42 + p.length);
          const pseudo = sumWords(packet, 26, 34) + 17 + 8 + p.length;
          expect([0, 0xffff]).toContain(foldChecksum(sumWords(packet, 34) + pseudo));
        },
      ),
    );
  });

  it('fails in no other way than with a place, whatever it reads', () => {
    const words = fc.constantFrom(
      'eth',
      'ip',
      'tcp',
      '(',
      ')',
      '/',
      '=',
      ',',
      '"',
      "'",
      '\\',
      'ttl',
      'hex',
      '5',
      ' ',
      'x',
    );
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 14 }).map((parts) => parts.join('')),
        (text) => {
          try {
            expect(buildPacket(text).length).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(PacketError);
            expect((error as PacketError).at).toBeGreaterThanOrEqual(0);
            expect((error as PacketError).at).toBeLessThanOrEqual(text.length);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('dissects any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { layers, payload } = dissect(bytes);
        expect(payload).toBeLessThanOrEqual(bytes.length);
        expect(layers.reduce((sum, layer) => sum + layer.bytes, 0)).toBe(payload);
      }),
    );
  });

  it('reads hexadecimal digits as people copy them', () => {
    expect(hex(hexBytes('0x45 0x00\n00:1c')!)).toBe('4500001c');
    expect(hexBytes('4')).toBeNull();
  });
});

const packets = [buildPacket('eth/ip/udp/"one"'), buildPacket('eth/ip6/tcp'), buildPacket('eth/arp')];

function pcap(little: boolean, magic: number): Buffer {
  const parts: Buffer[] = [];
  const u32 = (...values: number[]) => {
    const buffer = Buffer.alloc(4 * values.length);
    values.forEach((value, i) =>
      little ? buffer.writeUInt32LE(value >>> 0, i * 4) : buffer.writeUInt32BE(value >>> 0, i * 4),
    );
    parts.push(buffer);
  };
  u32(magic, 0x00040002, 0, 0, 65535, 1);
  for (const packet of packets) {
    u32(1, 2, packet.length, packet.length + 1);
    parts.push(Buffer.from(packet));
  }
  return Buffer.concat(parts);
}

function pcapng(little: boolean): Buffer {
  const parts: Buffer[] = [];
  const u32 = (value: number) => {
    const buffer = Buffer.alloc(4);
    if (little) buffer.writeUInt32LE(value >>> 0);
    else buffer.writeUInt32BE(value >>> 0);
    return buffer;
  };
  const block = (kind: number, ...body: Buffer[]) => {
    const inner = Buffer.concat(body);
    const padded = Buffer.concat([inner, Buffer.alloc((4 - (inner.length % 4)) % 4)]);
    parts.push(u32(kind), u32(padded.length + 12), padded, u32(padded.length + 12));
  };
  const link = little ? Buffer.from([1, 0, 0, 0]) : Buffer.from([0, 1, 0, 0]);
  block(0x0a0d0d0a, u32(0x1a2b3c4d), u32(1), u32(0xffffffff), u32(0xffffffff));
  block(1, link, u32(0));
  block(0x0bad, Buffer.from('skipped'));
  block(6, u32(0), u32(0), u32(0), u32(packets[0]!.length), u32(packets[0]!.length), Buffer.from(packets[0]!));
  block(3, u32(packets[1]!.length), Buffer.from(packets[1]!));
  block(2, u32(0), u32(0), u32(0), u32(packets[2]!.length), u32(packets[2]!.length), Buffer.from(packets[2]!));
  return Buffer.concat(parts);
}

const captures: [string, Buffer][] = [
  ['pcap', pcap(true, 0xa1b2c3d4)],
  ['big-endian pcap', pcap(false, 0xa1b2c3d4)],
  ['pcap with nanoseconds', pcap(true, 0xa1b23c4d)],
  ['big-endian pcap with nanoseconds', pcap(false, 0xa1b23c4d)],
  ['pcapng', pcapng(true)],
  ['big-endian pcapng', pcapng(false)],
];

describe('capture files', () => {
  it.each(captures)('%s', (_, file) => {
    expect([...capturedPackets(file)].map(({ bytes, linkType }) => [hex(bytes), linkType])).toEqual(
      packets.map((packet) => [hex(packet), 1]),
    );
    expect(hex(capturedPacket(file, 2).bytes)).toBe(hex(packets[1]!));
    expect(() => capturedPacket(file, 4)).toThrow(/has 3 packets, and no number 4/);
  });

  it('that are cut or changed anywhere give packets or say that they are damaged', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...captures.map(([, file]) => file)),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (file, cut, changes) => {
          const bytes = Uint8Array.from(file.subarray(0, cut % (file.length + 1)));
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          try {
            for (const packet of capturedPackets(bytes)) expect(packet.bytes.length).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(CaptureError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('that are none say so', () => {
    expect(() => [...capturedPackets(Buffer.from('GIF89a'))]).toThrow(/neither/);
    expect(() => [...capturedPackets(Buffer.alloc(0))]).toThrow(/damaged/);
  });
});

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
