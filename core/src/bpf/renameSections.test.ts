import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { BpfObject } from './object.ts';
import { renameSections } from './renameSections.ts';
import { goldenNames, goldenObject } from './testObjects.ts';

const newName = (name: string) => `${name}/as_libbpf_knows_it`;

/** Everything that goes by section name, under the given spelling. */
function contents(bytes: Uint8Array, rename: (name: string) => string): unknown {
  const object = BpfObject.parse(bytes);
  const named = <T>(table: Map<string, T> | undefined) => [...(table ?? [])].map(([name, v]) => [rename(name), v]);
  return {
    programs: object.programs.map((p) => [p.name, rename(p.section.name), p.offset, p.size]),
    functions: named(object.btfExt?.functions),
    // Offsets of line texts move with nothing: the strings keep their places.
    lines: named(object.btfExt?.lines),
    relocations: named(object.btfExt?.relocations),
    code: object.programs.map((p) => Buffer.from(p.section.data).toString('hex')),
    types: object.btf ? Array.from({ length: object.btf.typeCount }, (_, id) => object.btf!.type(id)) : [],
    symbols: object.elf.symbols,
  };
}

describe('renameSections', () => {
  it.each(goldenNames)('changes the names of %s and nothing else', (name) => {
    const bytes = goldenObject(name);
    const object = BpfObject.parse(bytes);
    const sections = new Map(object.programs.map((p) => [p.section.index, newName(p.section.name)]));
    const old = new Set(object.programs.map((p) => p.section.name));
    const before = bytes.slice();
    const renamed = renameSections(bytes, sections);
    expect(bytes).toEqual(before);
    expect(contents(renamed, (n) => n)).toEqual(contents(bytes, (n) => (old.has(n) ? newName(n) : n)));
  });

  it('leaves no gap in the BTF, which the kernel would refuse', () => {
    const bytes = goldenObject('exec.bpf');
    const { programs } = BpfObject.parse(bytes);
    const renamed = BpfObject.parse(renameSections(bytes, new Map([[programs[0]!.section.index, 'xdp']])));
    const { data } = renamed.elf.section('.BTF')!;
    const view = new DataView(data.buffer, data.byteOffset);
    const [header, types, typeBytes, strings, stringBytes] = [4, 8, 12, 16, 20].map((at) => view.getUint32(at, true));
    expect(types! + typeBytes!).toBe(strings);
    expect(header! + strings! + stringBytes!).toBe(data.length);
  });

  it('ends in an error that has a name when the object is damaged', () => {
    const bytes = goldenObject('exec.bpf');
    const { programs } = BpfObject.parse(bytes);
    const at = fc.nat(bytes.length - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 16 }), (edits) => {
        const damaged = bytes.slice();
        for (const [offset, value] of edits) damaged[offset] = value;
        try {
          renameSections(damaged, new Map([[programs[0]!.section.index, 'xdp']]));
        } catch (error) {
          expect(error).toBeInstanceOf(RingsideError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
