import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BpfObject, INSN_BYTES } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { ProgramCode } from '../model/index.ts';
import { listCode } from './listing.ts';
import { readCode, type RawCode } from './programCode.ts';

const object = BpfObject.parse(readFileSync(join(import.meta.dirname, '../../../test/fixtures/verifier/accepted.o')));
const [program] = object.programs;
const xlated = program!.section.data.slice(program!.offset, program!.offset + program!.size);
const BASE = 0xffffffffc0001000n;

/** As a kernel would tell it, with four bytes of machine code for each instruction. */
function rawCode(): RawCode {
  const lines = object.btfExt!.lines.get(program!.section.name)!.filter((line) => line.offset < program!.size);
  const strings = lineStrings();
  const lineInfo = Buffer.alloc(lines.length * 16);
  lines.forEach((line, i) => {
    lineInfo.writeUInt32LE(line.offset / INSN_BYTES, i * 16);
    lineInfo.writeUInt32LE(strings.get(line.file)!, i * 16 + 4);
    lineInfo.writeUInt32LE(line.textOffset, i * 16 + 8);
    lineInfo.writeUInt32LE(((line.line << 10) | line.column) >>> 0, i * 16 + 12);
  });
  const funcInfo = Buffer.alloc(8);
  funcInfo.writeUInt32LE(object.btf!.findByNameKind(program!.name, 'func')!, 4);
  return {
    xlated,
    jited: Uint8Array.from({ length: xlated.length / 2 }, (_, i) => i & 0xff),
    functionAddresses: [BASE],
    functionBytes: [xlated.length / 2],
    ...{ funcInfo, funcInfoRecord: 8, lineInfo, lineInfoRecord: 16 },
    jitedLines: lines.map((line) => BASE + BigInt(line.offset / 2)),
  };
}

/** Offsets of file names in the BTF strings. */
function lineStrings(): Map<string, number> {
  const found = new Map<string, number>();
  for (let at = 0; at < object.btf!.stringBytes; at += object.btf!.name(at).length + 1)
    found.set(object.btf!.name(at), at);
  return found;
}

const names = { btf: object.btf, helper: () => 'bpf_ktime_get_ns', map: (id: number) => `m${id}` };

describe('the code of a loaded program', () => {
  const functions = readCode(rawCode(), names);

  it('has every instruction and every byte once, by lines of the source', () => {
    expect(functions.map((fn) => [fn.name, fn.address])).toEqual([[program!.name, `0x${BASE.toString(16)}`]]);
    const { lines } = functions[0]!;
    expect(lines.flatMap((line) => line.xlated.map((insn) => insn.bytes)).join('')).toBe(
      Buffer.from(xlated).toString('hex'),
    );
    expect(lines.map((line) => line.jited?.bytes ?? '').join('')).toBe(Buffer.from(rawCode().jited).toString('hex'));
    expect(lines.every((line) => line.source !== null && line.source.line > 0)).toBe(true);
    expect(lines.length).toBeGreaterThan(2);
  });

  const code: ProgramCode = {
    ...{ host: 'h', id: 7, name: program!.name, type: 'xdp', arch: 'x86_64' },
    ...{ xlatedBytes: xlated.length, jitedBytes: 100, functions, xlatedUnknown: '', jitedUnknown: '' },
  };

  it('is listed with the source between, and with the reason where something is not shown', () => {
    const { text, places } = listCode(code, 'both');
    const lines = text.split('\n');
    for (const [at, { line }] of places) expect(lines[at]).toMatch(new RegExp(`^; .* @ .*:${line}$`));
    expect(places.size).toBeGreaterThan(2);
    expect(text).toContain('(95) exit');
    expect(listCode(code, 'xlated').text).not.toContain('ffffffffc0001');
    expect(listCode(code, 'jited').text).not.toContain('(95) exit');
    const hidden = listCode({ ...code, jitedBytes: null, jitedUnknown: 'The kernel hides it.' }, 'jited').text;
    expect(hidden).toContain('not shown. The kernel hides it.');
  });

  it('reads what is damaged, or says that it is', () => {
    const damaged = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    };
    const part = fc.constantFrom('xlated', 'jited', 'funcInfo', 'lineInfo');
    fc.assert(
      fc.property(part, fc.nat(), fc.nat(255), fc.nat(40), fc.nat(3), (which, at, value, record, cut) => {
        const raw = rawCode();
        const changed = { ...raw, [which]: damaged(raw[which as 'xlated'], at, value), lineInfoRecord: record };
        try {
          readCode({ ...changed, jitedLines: raw.jitedLines.slice(cut), functionBytes: [cut * 9] }, names);
        } catch (error) {
          expect(error).toBeInstanceOf(RingsideError);
          expect((error as RingsideError).code).toBe('object-malformed');
        }
      }),
    );
  });
});
