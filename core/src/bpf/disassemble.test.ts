/** Against what the kernel itself printed: every instruction of every recorded verifier log, with the object beside it. */
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programLayout } from '../verifier/programLayout.ts';
import { kernelText } from './disassemble.ts';
import { decodeInsns, type Insn } from './insns.ts';
import { BpfObject } from './object.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures');

/** The program that a log is about: its head names it, or the object has no other. */
function programOf(log: string, object: BpfObject): string {
  return /^==== \S+ (\S+) \(/.exec(log)?.[1] ?? object.programs[0]!.name;
}

/** Instructions of the loaded program by their number, as libbpf lays them out. */
function loadedInsns(object: BpfObject, program: string): Map<number, Insn> {
  const insns = new Map<number, Insn>();
  for (const { function: fn, start } of programLayout(object, program)) {
    const changed = new Set((object.btfExt?.relocations.get(fn.section.name) ?? []).map(({ offset }) => offset));
    for (const insn of decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size)))
      // CO-RE changes offsets and values.
      if (!changed.has(fn.offset + insn.index * 8)) insns.set(start + insn.index, insn);
  }
  return insns;
}

/** What loading fills in: addresses of maps and variables, offsets of calls, what helpers are called. */
const relocated = (text: string): string =>
  text.replace(/^(\(18\) r\d+ = ).*/, '$1…').replace(/^(\(85\) call ).*/, '$1…');

describe("the kernel's notation", () => {
  it('is that of every instruction in every recorded log', () => {
    let compared = 0;
    const forms = new Set<string>();
    for (const folder of ['verifier', 'rejected'].map((name) => join(fixtures, name))) {
      const names = readdirSync(folder).filter((file) => file.endsWith('.log') && !file.endsWith('.libbpf.log'));
      for (const file of names) {
        const log = readFileSync(join(folder, file), 'utf8');
        const object = BpfObject.parse(readFileSync(join(folder, file.replace(/\.log$/, '.o'))));
        const insns = loadedInsns(object, programOf(log, object));
        for (const [, number, printed] of log.matchAll(/^(\d+): (\([0-9a-f]{2}\) .*?)\s*(?:;.*| \d+: .*)?$/gm)) {
          const insn = insns.get(Number(number));
          if (!insn) continue;
          expect(relocated(kernelText(insn)), `${file}: ${number}`).toBe(relocated(printed!));
          forms.add(printed!.slice(0, 4));
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(600);
    expect(forms.size).toBeGreaterThan(30);
  });

  const insn = (code: number, more: Partial<Insn> = {}): Insn => ({
    ...{ index: 0, slots: 1, code, dst: 1, src: 2, off: 0, imm: 0, imm64: null },
    ...more,
  });
  it.each([
    [insn(0x3f, { off: 1 }), '(3f) r1 s/= r2'],
    [insn(0x94, { off: 1, imm: 7 }), '(94) w1 s%= 7'],
    [insn(0xbf, { off: 8 }), '(bf) r1 = (s8)r2'],
    [insn(0xbc, { off: 16 }), '(bc) w1 = (s16)w2'],
    [insn(0xbf, { off: 1, imm: 0x10000 }), '(bf) r1 = addr_space_cast(r2, 1, 0)'],
    [insn(0xbf, { off: -1 }), '(bf) r1 = &(void __percpu *)(r2)'],
    [insn(0x87), '(87) r1 = -r1'],
    [insn(0xdc, { imm: 16 }), '(dc) r1 = be16 r1'],
    [insn(0xd4, { imm: 64 }), '(d4) r1 = le64 r1'],
    [insn(0xd7, { imm: 32 }), '(d7) r1 = bswap32 r1'],
    [insn(0xdb, { off: -8 }), '(db) lock *(u64 *)(r1 -8) += r2'],
    [insn(0xc3, { imm: 0x51 }), '(c3) r2 = atomic_fetch_and((u32 *)(r1 +0), r2)'],
    [insn(0xdb, { imm: 0xe1 }), '(db) r2 = atomic64_xchg((u64 *)(r1 +0), r2)'],
    [insn(0xdb, { imm: 0xf1 }), '(db) r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)'],
    [insn(0xd3, { imm: 0x100 }), '(d3) r1 = load_acquire((u8 *)(r2 +0))'],
    [insn(0xcb, { imm: 0x110 }), '(cb) store_release((u16 *)(r1 +0), r2)'],
    [insn(0x81, { off: 4 }), '(81) r1 = *(s32 *)(r2 +4)'],
    [insn(0x28, { imm: 12 }), '(28) r0 = *(u16 *)skb[12]'],
    [insn(0x50, { imm: 14 }), '(50) r0 = *(u8 *)skb[r2 + 14]'],
    [insn(0x06, { imm: -5 }), '(06) gotol pc-5'],
    [insn(0xe5, { off: 3 }), '(e5) may_goto pc+3'],
    [insn(0x16, { imm: -1, off: 2 }), '(16) if w1 == 0xffffffff goto pc+2'],
    [insn(0x45, { imm: 4, off: 2 }), '(45) if r1 & 0x4 goto pc+2'],
    [insn(0xc2), '(c2) nospec'],
    [insn(0xff), '(ff) BUG_ff'],
  ])('%o', (one, text) => {
    expect(kernelText(one)).toBe(text);
  });

  it('takes names from whoever knows them', () => {
    const names = { call: () => 'bpf_ktime_get_ns#5', imm64: () => 'map[id:7]' };
    expect(kernelText(insn(0x85), names)).toBe('(85) call bpf_ktime_get_ns#5');
    expect(kernelText(insn(0x18, { imm64: 7n }), names)).toBe('(18) r1 = map[id:7]');
    expect(kernelText(insn(0x85, { src: 1, imm: -4 }))).toBe('(85) call pc-4');
  });

  it('has a text for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        // The second half of an ld_imm64 in the last slot.
        const whole = new Uint8Array([...bytes, ...new Uint8Array(8)]);
        for (const one of decodeInsns(whole)) expect(kernelText(one)).toMatch(/^\([0-9a-f]{2}\) \S/);
      }),
      { examples: [[new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0])]] },
    );
  });
});
