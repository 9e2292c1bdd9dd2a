import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgramGuards } from './guards.ts';
import type { BpfFunction, BpfObject } from './object.ts';
import { Outcomes } from './outcomes.ts';

interface Code {
  code: number;
  dst?: number;
  src?: number;
  off?: number;
  imm?: number;
}

const exit: Code = { code: 0x95 };
const mov = (dst: number, imm: number): Code => ({ code: 0xb7, dst, imm });
const call = (helper: number): Code => ({ code: 0x85, imm: helper });
const read: Code = { code: 0x79, dst: 3, src: 1 };

/** A program of these instructions, in an object of nothing else. */
function program(code: readonly Code[]): BpfFunction {
  const data = new Uint8Array(code.length * 8);
  const view = new DataView(data.buffer);
  code.forEach(({ code: opcode, dst = 0, src = 0, off = 0, imm = 0 }, i) => {
    data.set([opcode, dst | (src << 4)], i * 8);
    view.setInt16(i * 8 + 2, off, true);
    view.setInt32(i * 8 + 4, imm, true);
  });
  const section = { name: 'sample', index: 1, data } as unknown as BpfFunction['section'];
  return { name: 'sample', section, offset: 0, size: data.length, program: true };
}
const object = { elf: { relocations: () => [] }, functionStartingAt: () => null, btf: null } as unknown as BpfObject;
const ends = (...code: Code[]): bigint[] | null => {
  const values = new Outcomes(object).of(program(code));
  return values === null ? null : [...values];
};
const guards = (type: string, attach: string, ...code: Code[]): string[] =>
  new ProgramGuards(object, []).of(program(code), type, attach);

describe('what a program can end with', () => {
  it('follows constants through branches and leaves out branches that are never taken', () => {
    expect(ends(mov(0, 2), exit)).toEqual([2n]);
    expect(ends(read, mov(0, 2), { code: 0x55, dst: 3, imm: 7, off: 1 }, exit, mov(0, 1), exit)).toEqual([1n, 2n]);
    expect(ends(mov(3, 7), mov(0, 2), { code: 0x55, dst: 3, imm: 7, off: 1 }, exit, mov(0, 1), exit)).toEqual([2n]);
  });

  it('does not know what helpers, tail calls and nonsense come to', () => {
    expect(ends(call(14), exit)).toBeNull();
    expect(ends(call(12), mov(0, 2), exit)).toBeNull();
    expect(ends(mov(0, 2))).toBeNull();
    expect(ends()).toBeNull();
    expect(ends(call(7), { code: 0x57, dst: 0, imm: 1 }, exit)).toEqual([0n, 1n]);
  });

  /** Runs a program for real, with `unknown` for whatever it reads; null when it does not end well. */
  function run(code: readonly Code[], unknown: readonly bigint[]): bigint | null {
    const registers = Array<bigint>(11).fill(0n);
    let reads = 0;
    for (let at = 0, steps = 0; steps < 300; steps++) {
      const { code: opcode, dst = 0, src = 0, off = 0, imm = 0 } = code[at] ?? { code: -1 };
      if (opcode < 0) return null;
      const [cls, operation] = [opcode & 7, opcode & 0xf0];
      const bits = cls === 7 || cls === 5 ? 64 : 32;
      const u = (value: bigint): bigint => BigInt.asUintN(bits, value);
      const s = (value: bigint): bigint => BigInt.asIntN(bits, value);
      const [a, b] = [u(registers[dst]!), u((opcode & 8) !== 0 ? registers[src]! : BigInt(imm))];
      const by = b & BigInt(bits - 1);
      at++;
      if (cls === 1) registers[dst] = unknown[reads++ % unknown.length]!;
      else if (opcode === 0x95) return registers[0]!;
      else if (cls === 4 || cls === 7) {
        const results: Record<number, bigint> = {
          0x00: a + b, 0x10: a - b, 0x20: a * b, 0x40: a | b, 0x50: a & b, 0x60: a << by, 0x70: a >> by, 0x80: -a,
          0xa0: a ^ b, 0xb0: b, 0xc0: s(a) >> by,
        }; // prettier-ignore
        registers[dst] = u(results[operation]!);
      } else {
        const holds: Record<number, boolean> = {
          0x10: a === b, 0x20: a > b, 0x30: a >= b, 0x40: (a & b) !== 0n, 0x50: a !== b, 0x60: s(a) > s(b),
          0x70: s(a) >= s(b), 0xa0: a < b, 0xb0: a <= b, 0xc0: s(a) < s(b), 0xd0: s(a) <= s(b),
        }; // prettier-ignore
        if (holds[operation]) at += off;
      }
    }
    return null;
  }

  it('misses no value that a run ends with', () => {
    const register = fc.integer({ min: 0, max: 3 });
    const imm = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
    const by = fc.constantFrom(0, 8);
    const operations = [0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x80, 0xa0, 0xb0, 0xb0, 0xc0];
    const conditions = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
    const insn: fc.Arbitrary<Code> = fc.oneof(
      fc
        .record({ o: fc.constantFrom(...operations), c: fc.constantFrom(4, 7), by, dst: register, src: register, imm })
        .map(({ o, c, by: x, ...rest }) => ({ code: o | c | x, ...rest })),
      fc
        .record({ o: fc.constantFrom(...conditions), c: fc.constantFrom(5, 6), by, dst: register, src: register, imm, off: fc.integer({ min: -3, max: 4 }) })
        .map(({ o, c, by: x, ...rest }) => ({ code: o | c | x, ...rest })),
      register.map((dst) => ({ code: 0x79, dst, src: 1 })),
      fc.constant(exit),
    ); // prettier-ignore
    const value = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
    fc.assert(
      fc.property(
        fc.array(insn, { maxLength: 25 }),
        fc.array(value, { minLength: 1, maxLength: 6 }),
        (body, unknown) => {
          const code = [mov(0, 0), mov(1, 0), mov(2, 0), mov(3, 0), ...body, exit];
          const ended = run(code, unknown);
          const foreseen = ends(...code);
          return ended === null || foreseen === null || foreseen.includes(ended);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('guards that a program may meet', () => {
  it('go by what it can return', () => {
    expect(guards('xdp', 'xdp', mov(0, 2), exit)).toEqual([]);
    expect(guards('xdp', 'xdp', mov(0, 1), exit)).toEqual(['ssh-interface']);
    expect(guards('sched_cls', 'tcx/ingress', mov(0, -1), exit)).toEqual([]);
    expect(guards('sched_cls', 'tc', mov(0, 2), exit)).toEqual(['ssh-interface']);
    expect(guards('cgroup_skb', 'cgroup_skb/egress', mov(0, 0), exit)).toEqual(['ssh-cgroup']);
    expect(guards('netfilter', 'netfilter', mov(0, 0), exit)).toEqual(['ssh-netns']);
    expect(guards('lsm', 'lsm', mov(0, -1), exit)).toEqual(['lsm-deny']);
    expect(guards('lsm', 'lsm', mov(0, 0), exit)).toEqual([]);
    expect(guards('lsm', 'lsm_cgroup', mov(0, 1), exit)).toEqual([]);
    expect(guards('tracing', 'fmod_ret', mov(0, -1), exit)).toEqual(['fmod-ret-deny']);
    expect(guards('tracing', 'fexit', mov(0, -1), exit)).toEqual([]);
    expect(guards('socket_filter', 'socket', mov(0, -1), exit)).toEqual([]);
  });

  it('go by the helpers that it calls', () => {
    expect(guards('kprobe', 'kprobe', call(58), mov(0, 0), exit)).toEqual(['override-return']);
    expect(guards('tracepoint', 'tracepoint', call(36), call(117), mov(0, 0), exit)).toEqual([
      'write-user-memory',
      'send-signal',
    ]);
    expect(guards('sched_cls', 'tc', call(9), mov(0, 0), exit)).toEqual(['ssh-interface']);
    expect(guards('sock_ops', 'sockops', call(53), mov(0, 1), exit)).toEqual(['ssh-cgroup']);
    expect(guards('sock_ops', 'sockops', call(14), exit)).toEqual([]);
  });
});
