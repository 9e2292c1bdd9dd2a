import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeGlobal } from './encodeGlobal.ts';
import { inspectObject } from './inspect.ts';
import { BpfObject } from './object.ts';
import { goldenObject } from './testObjects.ts';

const object = BpfObject.parse(goldenObject('exec.bpf'));
const set = (name: string, value: string) => [...encodeGlobal(object, name, value).bytes];

describe('globals', () => {
  it('lists variables with their initial values', () => {
    expect(
      inspectObject(goldenObject('exec.bpf')).globals.map((g) => [
        g.name,
        g.section,
        g.type,
        g.size,
        g.value,
        g.constVolatile,
      ]),
    ).toEqual([
      ['min_duration_ns', '.rodata', 'unsigned long long', 8, 0, true],
      ['target_pid', '.rodata', 'int', 4, -1, true],
      ['verbose', '.rodata', 'bool', 1, true, true],
      ['only_comm', '.rodata', 'char[16]', 16, 'nginx', true],
      ['level', '.rodata', 'enum level', 4, 'LEVEL_HIGH', true],
      ['ratio', '.rodata', 'double', 8, 0.25, true],
      ['limits', '.data', 'int[3]', 12, '{ 1, 2, 3 }', false],
      ['config', '.data', 'struct {…}', 8, '{ .port = 80, .on = true }', false],
      ['counters', '.bss', '__u64[4]', 32, null, false],
    ]);
  });
});

describe('encodeGlobal', () => {
  it.each([
    ['target_pid', '4242', [0x92, 0x10, 0, 0]],
    ['target_pid', '-1', [255, 255, 255, 255]],
    ['target_pid', '0x7fffffff', [255, 255, 255, 127]],
    ['min_duration_ns', '18446744073709551615', Array(8).fill(255)],
    ['min_duration_ns', '0777', [0xff, 1, 0, 0, 0, 0, 0, 0]],
    ['verbose', 'false', [0]],
    ['verbose', '1', [1]],
    ['level', 'LEVEL_LOW', [1, 0, 0, 0]],
    ['level', '5', [5, 0, 0, 0]],
    ['ratio', '1', [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
    ['only_comm', 'bash', [0x62, 0x61, 0x73, 0x68, ...Array<number>(12).fill(0)]],
    ['limits', '7,-1', [7, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]],
  ])('%s=%s', (name, value, bytes) => {
    expect(set(name, value)).toEqual(bytes);
  });

  it.each([
    ['target_pid', '2147483648', '-2147483648 to 2147483647'],
    ['target_pid', '12abc', 'integer'],
    ['target_pid', '', 'integer'],
    ['min_duration_ns', '-1', '0 to 18446744073709551615'],
    ['min_duration_ns', '18446744073709551616', '0 to 18446744073709551615'],
    ['verbose', '2', 'true or false'],
    ['level', 'LEVEL_NONE', 'LEVEL_LOW, LEVEL_HIGH'],
    ['ratio', 'much', 'number'],
    ['only_comm', '0123456789abcdef', 'at most 15 bytes'],
    ['limits', '1,2,3,4', 'at most 3'],
    ['config', '1', 'cannot be set'],
  ])('%s=%s is refused', (name, value, remedy) => {
    expect(() => set(name, value)).toThrow(
      expect.objectContaining({ code: 'bad-value', remedy: expect.stringContaining(remedy) }),
    );
  });

  it('names the known variables when asked for another one', () => {
    expect(() => set('min_us', '1')).toThrow(
      expect.objectContaining({ code: 'unknown-variable', remedy: expect.stringContaining('target_pid') }),
    );
  });

  it('writes every 32-bit integer as the machine would', () => {
    fc.assert(
      fc.property(fc.integer(), (n) => {
        const view = new DataView(new ArrayBuffer(4));
        view.setInt32(0, n, true);
        expect(set('target_pid', String(n))).toEqual([...new Uint8Array(view.buffer)]);
      }),
    );
  });
});
