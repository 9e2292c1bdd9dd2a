import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfObject, decodeInsns, INSN_BYTES, jumpTarget, type Insn } from '../../bpf/index.ts';
import { stripDwarf } from '../../build/index.ts';
import { RingsideError } from '../../errors.ts';
import { blocksOf, freeRegister, liveBefore } from './liveness.ts';
import { markObject, RAN_MAP } from './markedObject.ts';
import { CELL_BYTES, MARK_SLOTS, marksOf, Moved, withMarks } from './marks.ts';
import { RanLines } from './ranLines.ts';

const fixtures = join(import.meta.dirname, '../../../../test/fixtures/verifier');
const objects = readdirSync(fixtures)
  .filter((f) => f.endsWith('.o'))
  .map((f) => readFileSync(join(fixtures, f)));

/** Code, destination, source, offset, immediate. */
const insns = (...all: [number, number, number, number, number][]): Uint8Array => {
  const code = Buffer.alloc(all.length * INSN_BYTES);
  all.forEach(([op, dst, src, off, imm], i) => {
    code.writeUInt8(op, i * 8);
    code.writeUInt8((src << 4) | dst, i * 8 + 1);
    code.writeInt16LE(off, i * 8 + 2);
    code.writeInt32LE(imm, i * 8 + 4);
  });
  return code;
};

/** r0 = r1; if r2 == 0 goto +1; r0 = r3; exit */
const SMALL = insns([0xbf, 0, 1, 0, 0], [0x15, 2, 0, 1, 0], [0xbf, 0, 3, 0, 0], [0x95, 0, 0, 0, 0]);

describe('liveness', () => {
  it('is what instructions further on read, on any way', () => {
    const code = decodeInsns(SMALL);
    const blocks = blocksOf(code)!;
    expect(blocks).toEqual([
      { first: 0, last: 1, next: [2, 1] },
      { first: 2, last: 2, next: [2] },
      { first: 3, last: 3, next: [] },
    ]);
    expect([...liveBefore(code, blocks)]).toEqual([0b1110, 0b1101, 0b1000, 0b0001]);
    expect(freeRegister(0b1110)).toBe(0);
    expect(freeRegister(0b1111)).toBe(4);
    expect(freeRegister(0x3ff)).toBeNull();
  });

  it('of a function with a jump that leads anywhere is not known', () => {
    expect(blocksOf(decodeInsns(insns([0x0d, 1, 0, 0, 0], [0x95, 0, 0, 0, 0])))).toBeNull();
    expect(blocksOf(decodeInsns(insns([0x05, 0, 0, 9, 0], [0x95, 0, 0, 0, 0])))).toBeNull();
  });
});

describe('marks', () => {
  it('stand at the beginning of each block, and what jumps to it meets its mark first', () => {
    const marks = marksOf(decodeInsns(SMALL), 5);
    expect(marks.map(({ slot, cell, from, to }) => [slot, cell, from, to])).toEqual([
      [0, 5, 0, 1],
      [2, 6, 2, 2],
      [3, 7, 3, 3],
    ]);
    const code = decodeInsns(withMarks(SMALL, marks, new Moved(marks), new Set())!);
    expect(code.map(({ code: op }) => op)).toEqual([0x18, 0x7a, 0xbf, 0x15, 0x18, 0x7a, 0xbf, 0x18, 0x7a, 0x95]);
    expect(jumpTarget(code[3]!)).toBe(code[7]!.index);
    expect(code[7]!.imm).toBe(7 * CELL_BYTES);
  });

  it('are not put in where a jump would get too long', () => {
    const far = insns(
      [0x15, 2, 0, 0x7ffe, 0],
      ...Array.from({ length: 0x7ffe }, (): [number, number, number, number, number] => [0xb7, 0, 0, 0, 1]),
      [0x95, 0, 0, 0, 0],
    );
    const marks = marksOf(decodeInsns(far), 0);
    expect(marks.length).toBeGreaterThan(1);
    expect(withMarks(far, marks, new Moved(marks), new Set())).toBeNull();
  });
});

describe('a marked object', () => {
  const marked = objects.flatMap((bytes) => {
    const stripped = stripDwarf(bytes);
    const found = markObject(stripped);
    return found === null ? [] : [{ before: BpfObject.parse(stripped), found, after: BpfObject.parse(found.bytes) }];
  });

  it('has every instruction of the old one in its order, and its marks between them', () => {
    expect(marked.length).toBe(objects.length);
    const bare = ({ code, dst, src }: Insn): string => `${code} ${dst} ${src}`;
    for (const { before, after, found } of marked) {
      expect(after.elf.section(RAN_MAP)!.data.length).toBe(found.cells * CELL_BYTES);
      expect(after.functions.map(({ name }) => name)).toEqual(before.functions.map(({ name }) => name));
      const cells = new Set<number>();
      for (const [i, fn] of after.functions.entries()) {
        const code = decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size));
        const own: Insn[] = [];
        const relocated = new Map(after.elf.relocations(fn.section).map((r) => [r.offset, r.symbol]));
        for (let at = 0; at < code.length; at++) {
          const insn = code[at]!;
          const symbol = relocated.get(fn.offset + insn.index * INSN_BYTES);
          if (symbol !== undefined && after.elf.sections[symbol.section]?.name === RAN_MAP) {
            expect(code[at + 1]!.code).toBe(0x7a);
            cells.add(insn.imm / CELL_BYTES);
            at++;
          } else own.push(insn);
        }
        const old = before.functions[i]!;
        const was = decodeInsns(old.section.data.subarray(old.offset, old.offset + old.size));
        expect(own.map(bare)).toEqual(was.map(bare));
        // The line of each is the line that it had.
        expect(own.map(({ index }) => after.line(fn.section, fn.offset + index * INSN_BYTES)?.line)).toEqual(
          was.map(({ index }) => before.line(old.section, old.offset + index * INSN_BYTES)?.line),
        );
        expect(fn.size - old.size).toBe((code.length - own.length) * (MARK_SLOTS / 2) * INSN_BYTES);
      }
      expect([...cells].sort((a, b) => a - b)).toEqual(Array.from({ length: found.cells }, (_, cell) => cell));
    }
  });

  it('tells which lines ran by its cells, and says no to cells of another', () => {
    const { before, found } = marked[0]!;
    const lines = new RanLines(before, found, '/src/a.bpf.c');
    expect(
      lines
        .files()
        .flatMap((file) => file.lines.map(({ ran }) => ran))
        .every((ran) => ran === 0),
    ).toBe(true);
    const cells = new Uint8Array(found.cells * CELL_BYTES);
    cells[0] = 1;
    expect(lines.add(cells.subarray(1))).toBe(false);
    expect(lines.add(cells)).toBe(true);
    const all = lines.files().flatMap((file) => file.lines);
    expect(all.some(({ ran }) => ran > 0)).toBe(true);
    expect(all.every(({ ran, told, instructions }) => ran <= told && told <= instructions)).toBe(true);
    lines.add(new Uint8Array(cells.length).fill(1));
    expect(
      lines
        .files()
        .flatMap((file) => file.lines)
        .every(({ ran, told }) => ran === told),
    ).toBe(true);
  });

  it('or an error comes of damaged bytes, nothing else', () => {
    const whole = stripDwarf(objects[0]!);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          markObject(bytes);
        } catch (error) {
          if (!(error instanceof RingsideError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
