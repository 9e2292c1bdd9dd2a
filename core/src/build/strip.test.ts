import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Elf } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { stripDwarf, withoutLineTable } from './strip.ts';

/** A program with DWARF: tiny.c beside it, by clang 19. */
const whole = readFileSync(join(import.meta.dirname, '../../../test/fixtures/clang/tiny.o'));

describe('stripDwarf', () => {
  it('leaves code, BTF and symbols, and nothing of the debug information', () => {
    const before = Elf.parse(whole);
    const after = Elf.parse(stripDwarf(whole));
    expect(before.sections.some((s) => s.name.startsWith('.debug_'))).toBe(true);
    expect(after.sections.some((s) => /debug/.test(s.name))).toBe(false);
    for (const name of ['.text', 'tc', '.BTF', '.BTF.ext', 'license']) {
      expect(Buffer.compare(after.section(name)!.data, before.section(name)!.data), name).toBe(0);
    }
    const names = (elf: Elf) =>
      elf.symbols.filter((s) => s.name !== '' && s.type !== 4).map((s) => [s.name, s.value, s.size]);
    expect(names(after)).toEqual(names(before));
  });

  it('keeps relocations pointing at the symbols that they pointed at', () => {
    const relocations = (bytes: Uint8Array) => {
      const elf = Elf.parse(bytes);
      return elf
        .relocations(elf.section('tc')!)
        .map((r) => [r.offset, r.type, r.symbol.name, elf.sections[r.symbol.section]!.name]);
    };
    expect(relocations(whole).length).toBeGreaterThan(0);
    expect(relocations(stripDwarf(whole))).toEqual(relocations(whole));
  });

  it('refuses what is no object', () => {
    expect(() => stripDwarf(new Uint8Array(10))).toThrow(expect.objectContaining({ code: 'not-elf' }));
  });

  it('gives an object or a RingsideError for damaged bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          stripDwarf(bytes);
        } catch (error) {
          if (!(error instanceof RingsideError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('withoutLineTable', () => {
  it('empties the line table and leaves every other section, symbol and relocation', () => {
    const before = Elf.parse(whole);
    const after = Elf.parse(withoutLineTable(whole));
    expect(after.sections.map((s) => s.name)).toEqual(before.sections.map((s) => s.name));
    expect(after.symbols).toEqual(before.symbols);
    expect(before.section('.debug_line')!.data.length).toBeGreaterThan(0);
    for (const { name, index, data } of before.sections) {
      const expected = /\.debug_line(?:_str)?$/.test(name) ? Buffer.alloc(0) : data;
      expect(Buffer.compare(after.sections[index]!.data, expected), name).toBe(0);
    }
    expect(stripDwarf(withoutLineTable(whole))).toEqual(stripDwarf(whole));
  });
});
