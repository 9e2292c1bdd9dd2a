import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RingsideError, type ErrorCode } from '../errors.ts';
import { mayPass, Reconnect, reconnectTimes, waitBefore } from './reconnect.ts';

const error = (code: ErrorCode): RingsideError => new RingsideError(code, code);

it('waits longer and longer, up to a minute, and never exactly as another client', () => {
  const waits = [0, 1, 2, 3, 10, 1000].map((attempt) => waitBefore(attempt, reconnectTimes, 0.5));
  expect(waits).toEqual([1000, 2000, 4000, 8000, 60_000, 60_000]);
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const wait = waitBefore(attempt, reconnectTimes, random);
      expect(wait).toBeGreaterThanOrEqual(750);
      expect(wait).toBeLessThanOrEqual(75_000);
    }),
  );
});

it('a refusal is no reason to try again', () => {
  for (const code of ['auth-failed', 'host-key-mismatch', 'host-key-unknown', 'sudo-denied', 'cancelled'] as const)
    expect(mayPass(error(code))).toBe(false);
});

describe('coming back', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const times = { firstMs: 10, mostMs: 40, giveUpMs: 1000 };
  const steady = (): number => 0.5;

  it('tries until it works', async () => {
    const attempt = vi.fn<() => Promise<void>>().mockRejectedValueOnce(error('host-unreachable')).mockRejectedValueOnce(error('host-timeout')).mockResolvedValue();
    const givenUp = vi.fn();
    new Reconnect(attempt, givenUp, times, steady);
    expect(attempt).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(69);
    expect(attempt).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attempt).toHaveBeenCalledTimes(3);
    expect(givenUp).not.toHaveBeenCalled();
  }); // prettier-ignore

  it('ends with a refusal', async () => {
    const attempt = vi.fn(() => Promise.reject(error('auth-failed')));
    const givenUp = vi.fn();
    new Reconnect(attempt, givenUp, times, steady);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attempt).toHaveBeenCalledTimes(1);
    expect(givenUp.mock.calls).toMatchObject([[{ code: 'auth-failed' }]]);
  });

  it('ends after long enough, and when it is stopped', async () => {
    const attempt = vi.fn(() => Promise.reject(error('host-unreachable')));
    const givenUp = vi.fn();
    new Reconnect(attempt, givenUp, times, steady);
    await vi.advanceTimersByTimeAsync(5000);
    const tries = attempt.mock.calls.length;
    expect(givenUp).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(attempt).toHaveBeenCalledTimes(tries);
    new Reconnect(attempt, givenUp, times, steady).stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(attempt).toHaveBeenCalledTimes(tries);
  });
});
