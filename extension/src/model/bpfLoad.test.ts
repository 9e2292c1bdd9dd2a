import { describe, expect, test } from 'vitest';
import { bpfLoad, isCounting } from './bpfLoad.ts';

const program = (id: number, runs: number | string | null, runNanos: number | string | null) => ({
  id,
  runs,
  runNanos,
});
const idle = program(9, 0, 0);

describe('the load of BPF on a host', () => {
  test('is the share of one CPU between two samples', () => {
    const before = { at: 1_000, programs: [idle, program(1, 10, 1_000_000)] };
    const after = { at: 2_000, programs: [idle, program(1, 20, 6_000_000), program(2, 5, 5_000_000)] };
    expect(bpfLoad(before, after)).toBeCloseTo(1);
  });

  test('counts beyond what a number holds', () => {
    const before = { at: 0, programs: [idle, program(1, '9007199254740993', '9007199254740993000')] };
    const after = { at: 1_000, programs: [idle, program(1, '9007199254740994', '9007199254840993000')] };
    expect(bpfLoad(before, after)).toBeCloseTo(10);
  });

  test('is unknown, never 0, while nobody counts all the time', () => {
    const off = { at: 0, programs: [program(9, null, null), program(1, 10, 1_000)] };
    expect(isCounting(off)).toBe(false);
    expect(bpfLoad(off, { ...off, at: 1_000 })).toBeNull();
    expect(bpfLoad({ at: 0, programs: [idle] }, off)).toBeNull();
  });

  test('is unknown with one sample, or two of the same time', () => {
    const one = { at: 5, programs: [idle] };
    expect(bpfLoad(undefined, one)).toBeNull();
    expect(bpfLoad(one, one)).toBeNull();
  });

  test('is 0 where it is known that nothing ran', () => {
    expect(bpfLoad({ at: 0, programs: [] }, { at: 1, programs: [] })).toBe(0);
    expect(bpfLoad({ at: 0, programs: [idle] }, { at: 1, programs: [idle] })).toBe(0);
  });

  test('a number that another program has now is no negative load', () => {
    const before = { at: 0, programs: [idle, program(1, 10, 50_000_000)] };
    const after = { at: 1_000, programs: [idle, program(1, 1, 10_000_000)] };
    expect(bpfLoad(before, after)).toBeCloseTo(1);
  });
});
