import { describe, expect, it } from 'vitest';
import { decodeInsns, disassemble } from './insns.ts';
import { BpfObject } from './object.ts';
import { goldenObject } from './testObjects.ts';

describe('decodeInsns', () => {
  it('disassembles a program as the verifier prints it', () => {
    const tcp = BpfObject.parse(goldenObject('tcp.bpf')).programs[0]!;
    expect(decodeInsns(tcp.section.data).map((i) => `${i.index}: ${disassemble(i)}`)).toEqual([
      '0: r1 = 0x0',
      '2: r2 = 64',
      '3: r3 = 0',
      '4: call helper#131',
      '5: r6 = r0',
      '6: if r6 == 0x0 goto pc+6',
      '7: call helper#5',
      '8: r0 /= 1000',
      '9: *(u64 *)(r6 +0) = r0',
      '10: r1 = r6',
      '11: r2 = 0',
      '12: call helper#132',
      '13: w0 = 0',
      '14: exit',
    ]);
  });

  it.each([
    ['63 2a c4 ff 00 00 00 00', '*(u32 *)(r10 -60) = r2'],
    ['72 01 08 00 07 00 00 00', '*(u8 *)(r1 +8) = 7'],
    ['db 12 00 00 00 00 00 00', 'lock *(u64 *)(r2 +0) += r1'],
    ['dc 01 00 00 10 00 00 00', 'r1 = be16 r1'],
    ['87 03 00 00 00 00 00 00', 'r3 = -r3'],
    ['c7 02 00 00 20 00 00 00', 'r2 s>>= 32'],
    ['ae 21 05 00 00 00 00 00', 'if w1 < w2 goto pc+5'],
    ['05 00 fe ff 00 00 00 00', 'goto pc-2'],
    ['06 00 00 00 10 00 00 00', 'gotol pc+16'],
    ['85 10 00 00 03 00 00 00', 'call pc+3'],
    ['85 20 00 00 09 00 00 00', 'call kfunc#9'],
    ['91 12 04 00 00 00 00 00', 'r2 = *(s8 *)(r1 +4)'],
    ['30 00 00 00 0e 00 00 00', 'r0 = *skb[14]'],
  ])('%s is %s', (hex, text) => {
    const bytes = Uint8Array.from(hex.split(' ').map((byte) => parseInt(byte, 16)));
    expect(disassemble(decodeInsns(bytes)[0]!)).toBe(text);
  });

  it('refuses half an instruction', () => {
    expect(() => decodeInsns(new Uint8Array(12))).toThrow(expect.objectContaining({ code: 'object-malformed' }));
    const half = new Uint8Array(8);
    half[0] = 0x18;
    expect(() => decodeInsns(half)).toThrow(expect.objectContaining({ code: 'object-malformed' }));
  });
});
