import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { inspectObject } from './inspect.ts';
import { readMaps } from './maps.ts';
import { BpfObject } from './object.ts';
import { withoutRingTypes } from './ringTypes.ts';
import { goldenNames, goldenObject } from './testObjects.ts';

const members = (bytes: Uint8Array, map: string) => {
  const object = BpfObject.parse(bytes);
  const struct = object.btf!.type(readMaps(object).find((m) => m.name === map)!.declaration);
  return struct.kind === 'struct' ? struct.members : [];
};

describe('withoutRingTypes', () => {
  it.each(['tcp.bpf', 'tcp.dwarf.bpf'])('leaves a ring without the type of its records, and all else (%s)', (name) => {
    const bytes = goldenObject(name);
    const after = withoutRingTypes(bytes);
    expect(members(bytes, 'tcp_events').map((m) => m.name)).toEqual(['type', 'max_entries', 'value']);
    expect(members(after, 'tcp_events').map((m) => m.name)).toEqual(['type', 'max_entries', 'type']);
    // The kernel wants the members in the order of their places.
    expect(members(after, 'tcp_events').map((m) => m.bitOffset)).toEqual(
      members(bytes, 'tcp_events').map((m) => m.bitOffset),
    );
    expect(after.length).toBe(bytes.length);
    expect(after.filter((byte, i) => byte !== bytes[i]).length).toBeLessThanOrEqual(8);
    expect(inspectObject(after).maps).toEqual(
      inspectObject(bytes).maps.map((m) => (m.name === 'tcp_events' ? { ...m, value: null } : m)),
    );
    expect(withoutRingTypes(after)).toBe(after);
  });

  it.each(goldenNames.filter((name) => !name.startsWith('tcp')))('gives %s back as it is', (name) => {
    const bytes = goldenObject(name);
    expect(withoutRingTypes(bytes)).toBe(bytes);
  });

  it('fails with an error of its own for damaged objects', () => {
    const bytes = goldenObject('tcp.bpf');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 12 }), (changes) => {
        const damaged = Uint8Array.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        try {
          expect(withoutRingTypes(damaged).length).toBe(bytes.length);
        } catch (error) {
          if (!(error instanceof RingsideError)) throw error;
        }
      }),
    );
  });
});
