import { describe, expect, it } from 'vitest';
import { Elf, RelocationType } from './elf.ts';
import { goldenObject } from './testObjects.ts';

function codeOf(bytes: Uint8Array): string {
  try {
    Elf.parse(bytes);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
}
function changed(edit: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = goldenObject('exec.bpf').slice();
  edit(bytes);
  return bytes;
}

describe('Elf', () => {
  const elf = Elf.parse(goldenObject('exec.bpf'));

  it('leaves the bytes of a file as they are when debug sections are relocated', () => {
    const bytes = Buffer.from(goldenObject('exec.bpf'));
    const before = Buffer.from(bytes);
    const file = Elf.parse(bytes);
    const changed = file.sections.filter((s) => Buffer.compare(file.relocated(s), s.data) !== 0);
    expect(changed.length).toBeGreaterThan(0);
    expect(bytes.equals(before)).toBe(true);
  });

  it('reads sections, symbols and relocations as llvm-readelf shows them', () => {
    const program = elf.section('tp/sched/sched_process_exec')!;
    expect(program.size).toBe(112 * 8);
    expect(program.data.buffer).toBe(elf.bytes.buffer);
    expect(elf.section('.bss')).toMatchObject({ size: 32 });
    expect(elf.section('.bss')!.data).toHaveLength(0);
    const maps = elf.relocations(program).filter((r) => elf.sections[r.symbol.section]?.name === '.maps');
    expect(maps.map((r) => [r.symbol.name, r.type])).toEqual([
      ['exec_start', RelocationType.ld64],
      ['events', RelocationType.ld64],
    ]);
    expect(elf.symbols.find((s) => s.name === 'handle_exec')).toMatchObject({
      value: 0,
      size: 896,
      type: 2,
      binding: 1,
    });
  });

  it('refuses what is no BPF object, and says what it is', () => {
    expect(codeOf(new Uint8Array(0))).toBe('not-elf');
    expect(codeOf(new TextEncoder().encode('#include <vmlinux.h>'))).toBe('not-elf');
    expect(codeOf(changed((b) => (b[4] = 1)))).toBe('not-bpf'); // 32 bit
    expect(codeOf(changed((b) => (b[5] = 2)))).toBe('not-bpf'); // big endian
    expect(codeOf(changed((b) => (b[18] = 62)))).toBe('not-bpf'); // x86-64
    expect(codeOf(changed((b) => (b[16] = 3)))).toBe('not-bpf'); // shared library
    expect(() => Elf.parse(changed((b) => (b[18] = 62)))).toThrow('x86-64');
  });

  it('accepts the machine number 0 of old compilers, as libbpf does', () => {
    expect(codeOf(changed((b) => (b[18] = 0)))).toBe('accepted');
  });

  it('calls every cut of a file damaged', () => {
    const whole = goldenObject('exec.bpf');
    for (let length = 4; length < whole.length; length += 97)
      expect(codeOf(whole.slice(0, length))).toBe('object-malformed');
  });
});
