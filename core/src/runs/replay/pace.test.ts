/** `ringside replay --speed N`. */
import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

/** A clock that only sleeping moves. */
function clock(begin = 5_000) {
  const naps: number[] = [];
  let now = begin;
  const sleep = (ms: number): Promise<void> => {
    naps.push(ms);
    now += ms;
    return Promise.resolve();
  };
  return { now: () => now, sleep, naps };
}

const at = (seconds: number): bigint => 1_700_000_000_000_000_000n + BigInt(Math.round(seconds * 1e9));

it('plays in its own time, twice as fast, or slower', async () => {
  for (const speed of [1, 2, 0.5]) {
    const time = clock();
    const pace = new Pace(speed, () => false, time);
    for (const seconds of [0, 0.1, 0.1, 3]) await pace.wait(at(seconds));
    expect(time.now()).toBeCloseTo(5_000 + 3_000 / speed, 0);
  }
});

it('waits for nothing without a speed, nor for a time that has passed', async () => {
  const time = clock();
  const whole = new Pace(null, () => false, time);
  for (const seconds of [0, 3600]) await whole.wait(at(seconds));
  const pace = new Pace(1, () => false, time);
  for (const seconds of [10, 9, -3600, 10.0005]) await pace.wait(at(seconds));
  expect(time.naps).toEqual([]);
});

it('ends soon when it is given up while it waits for an hour', async () => {
  const time = clock();
  let over = false;
  const pace = new Pace(1, () => over, {
    now: time.now,
    sleep: (ms) => {
      over = time.naps.length === 3;
      return time.sleep(ms);
    },
  });
  for (const seconds of [0, 3600]) await pace.wait(at(seconds));
  expect(time.naps.every((ms) => ms <= 200)).toBe(true);
  expect(time.naps).toHaveLength(4);
});
