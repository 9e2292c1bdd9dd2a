/** Whatever the bytes, reading ends soon, in a report or in one of the named errors. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { Btf } from './btf.ts';
import { Elf } from './elf.ts';
import { inspectObject, mapTypes } from './inspect.ts';
import { readMaps } from './maps.ts';
import { BpfObject } from './object.ts';
import { goldenNames, goldenObject } from './testObjects.ts';

const allowed = new Set(['object-malformed', 'not-elf', 'not-bpf', 'legacy-maps', 'object-without-btf']);

function endsWell(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof RingsideError) || !allowed.has(error.code)) throw error;
  }
}

function readEverything(bytes: Uint8Array): void {
  endsWell(() => inspectObject(bytes));
  endsWell(() => {
    const object = BpfObject.parse(bytes);
    for (const map of readMaps(object)) mapTypes(object, map.name);
  });
}

const objects = new Map(goldenNames.map((name) => [name, goldenObject(name)]));
/** Bytes that damage most: sizes and offsets at their limits. */
const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), byte), {
  minLength: 1,
  maxLength: 24,
});

describe('damaged objects', () => {
  it('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4096 }), readEverything), { numRuns: 100 });
  });

  it('random bytes after a good ELF header', () => {
    const header = goldenObject('exec.bpf').slice(0, 64);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (rest) => {
        readEverything(Uint8Array.from([...header, ...rest]));
      }),
      { numRuns: 100 },
    );
  });

  it('real objects with some bytes changed', { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(fc.constantFrom(...goldenNames), edits, (name, changes) => {
        const bytes = objects.get(name)!.slice();
        for (const [at, value] of changes) bytes[Math.floor(at * bytes.length)] = value;
        readEverything(bytes);
      }),
      { numRuns: 600 },
    );
  });

  it.each(['.BTF', '.BTF.ext', '.symtab', '.debug_info', '.debug_abbrev', '.debug_rnglists', '.debug_str_offsets'])(
    'real objects with %s changed',
    { timeout: 30_000 },
    (section) => {
      fc.assert(
        fc.property(fc.constantFrom(...goldenNames), edits, (name, changes) => {
          const bytes = objects.get(name)!.slice();
          const data = Elf.parse(bytes).section(section)?.data;
          if (!data || data.length === 0) return;
          for (const [at, value] of changes) data[Math.floor(at * data.length)] = value;
          readEverything(bytes);
        }),
        { numRuns: 200 },
      );
    },
  );

  it('BTF with some bytes changed, every type read', { timeout: 30_000 }, () => {
    const btf = Elf.parse(goldenObject('maps.bpf')).section('.BTF')!.data;
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = btf.slice();
        for (const [at, value] of changes) bytes[Math.floor(at * bytes.length)] = value;
        endsWell(() => {
          const types = Btf.parse(bytes);
          for (let id = 0; id < types.typeCount; id++) {
            endsWell(() => types.type(id));
            endsWell(() => types.sizeOf(id));
            endsWell(() => types.cName(id));
          }
        });
      }),
      { numRuns: 300 },
    );
  });
});
