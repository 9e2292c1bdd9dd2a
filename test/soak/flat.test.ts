import { expect, it } from 'vitest';
import { flatness, type Sample } from './flat.ts';

const MiB = 1 << 20;
const samples = (bytes: (i: number) => number): Sample[] =>
  Array.from({ length: 90 }, (_, i) => ({ at: 10 * i, bytes: bytes(i) }));

it('calls a warm-up and a collector’s saw teeth flat', () => {
  expect(flatness(samples((i) => (i < 30 ? i * 20 : 600) * MiB))).toMatchObject({ flat: true });
  expect(flatness(samples((i) => (400 + (i % 10) * 10) * MiB))).toMatchObject({ flat: true });
  expect(flatness(samples((i) => (400 - i) * MiB))).toMatchObject({ flat: true });
});

it('finds what grows after the warm-up, however slowly that shows in a minute', () => {
  expect(flatness(samples((i) => (400 + i) * MiB))).toMatchObject({ flat: false, samples: 60 });
  expect(flatness(samples((i) => (20 + i) * MiB))!.rise / MiB).toBeCloseTo(59, 0);
});

it('says nothing of a few samples', () => {
  expect(flatness(samples(() => MiB).slice(0, 8))).toBeNull();
});
