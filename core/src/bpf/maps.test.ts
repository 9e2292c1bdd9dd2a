import { describe, expect, it } from 'vitest';
import { inspectObject, mapTypes } from './inspect.ts';
import { mapMemory } from './mapTypes.ts';
import { readMaps } from './maps.ts';
import { BpfObject } from './object.ts';
import { goldenObject } from './testObjects.ts';

const bytes = goldenObject('maps.bpf');
const object = BpfObject.parse(bytes);

describe('maps', () => {
  it('reads declared maps and those of global variables', () => {
    expect(
      inspectObject(bytes).maps.map((m) => [
        m.name,
        m.type,
        m.keySize,
        m.valueSize,
        m.maxEntries,
        m.key?.name,
        m.value?.name,
      ]),
    ).toEqual([
      ['packets', 'percpu_array', 4, 8, 5, 'enum xdp_action', '__u64'],
      ['stacks', 'stack_trace', 4, 1016, 1000, undefined, undefined],
      ['counts', 'hash', 12, 8, 4096, 'struct stack_key', '__u64'],
      ['procs', 'hash', 20, 24, 1024, 'struct proc_key', 'struct proc_stat'],
      ['hists', 'array', 4, 108, 1, '__u32', 'struct hist'],
      ['ports', 'percpu_hash', 2, 4, 64, '__u16', '__u32'],
      ['recent', 'lru_hash', 4, 8, 500, '__be32', '__u64'],
      ['outer', 'hash_of_maps', 4, 4, 2, '__u32', undefined],
      ['commands', 'user_ringbuf', 0, 0, 4096, undefined, undefined],
      ['.rodata', 'array', 4, 24, 1, undefined, undefined],
    ]);
  });

  it('knows inner maps, flags and pinning', () => {
    const maps = readMaps(object);
    expect(maps.find((m) => m.name === 'outer')?.inner).toMatchObject({ type: 'array', maxEntries: 4, valueSize: 8 });
    expect(maps.find((m) => m.name === 'counts')?.flags).toBe(1);
    expect(maps.find((m) => m.name === 'ports')?.pinned).toBe(true);
    expect(maps.find((m) => m.name === 'procs')?.pinned).toBe(false);
  });

  it('gives the fields of keys and values, per CPU where they are', () => {
    const procs = mapTypes(object, 'procs');
    expect(procs.perCpu).toBe(false);
    expect(procs.key).toMatchObject({
      kind: 'struct',
      size: 20,
      fields: [{ name: 'pid' }, { name: 'comm', kind: 'chars' }],
    });
    expect(procs.value.fields?.map((f) => [f.name, f.format])).toEqual([
      ['calls', 'plain'],
      ['read_bytes', 'bytes'],
      ['total_ns', 'ns'],
    ]);
    expect(mapTypes(object, 'packets')).toMatchObject({
      perCpu: true,
      key: { kind: 'enum', values: { '2': 'XDP_PASS' } },
      value: { kind: 'uint', size: 8 },
    });
    expect(mapTypes(object, 'hists').value.fields?.[0]).toMatchObject({
      kind: 'array',
      count: 27,
      element: { kind: 'uint', size: 4 },
    });
    expect(mapTypes(object, 'stacks').value).toMatchObject({ kind: 'bytes', size: 1016 });
    expect(mapTypes(object, 'recent').key).toMatchObject({ bigEndian: true });
    expect(() => mapTypes(object, 'nothing')).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('procs') }),
    );
  });
});

describe('mapMemory', () => {
  // bpftool's memlock of these maps on Linux 6.18 with two CPUs, less the second CPU's share; `counts` is not
  // preallocated and counts 66432 while it is empty.
  it('is what the kernel counts', () => {
    expect(Object.fromEntries(inspectObject(bytes).maps.map((m) => [m.name, m.bytes]))).toEqual({
      packets: 432 - 5 * 8,
      stacks: 1040512,
      counts: 66432 + 4096 * 72,
      procs: 115792 - 96 - 8,
      hists: 424,
      ports: 7040 - 64 * 8,
      recent: 41088,
      outer: 1072 - 16,
      commands: 16728,
      '.rodata': 8192,
    });
  });

  const shape = { keySize: 4, valueSize: 8, maxEntries: 1024, flags: 0, extra: 0 };
  it('grows with the entries and knows what it cannot know', () => {
    expect(mapMemory({ ...shape, type: 'array' })).toBeGreaterThan(1024 * 8);
    expect(
      mapMemory({ ...shape, type: 'hash' })! / mapMemory({ ...shape, type: 'hash', maxEntries: 512 })!,
    ).toBeCloseTo(2, 1);
    expect(mapMemory({ ...shape, type: 'hash', maxEntries: 0 })).toBeNull();
    expect(mapMemory({ ...shape, type: 'task_storage' })).toBeNull();
    expect(mapMemory({ ...shape, type: 'arena' })).toBeNull();
  });
});
