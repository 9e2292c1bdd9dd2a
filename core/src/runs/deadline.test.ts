import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Deadline } from './deadline.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('is reached once, in its time, and moved as often as somebody wants', () => {
  const reached = vi.fn();
  const deadline = new Deadline(reached);
  deadline.set(10);
  expect(deadline.endsAt).toBe(Date.now() + 10_000);
  vi.advanceTimersByTime(9_000);
  deadline.set(20);
  vi.advanceTimersByTime(19_999);
  expect(reached).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(reached).toHaveBeenCalledTimes(1);
  deadline.set(5);
  deadline.set(null);
  expect(deadline.endsAt).toBeNull();
  vi.advanceTimersByTime(60_000);
  expect(reached).toHaveBeenCalledTimes(1);
});

it('holds for longer than a timer can', () => {
  const reached = vi.fn();
  const deadline = new Deadline(reached);
  deadline.set(40 * 24 * 3600);
  vi.advanceTimersByTime(39 * 24 * 3600_000);
  expect(reached).not.toHaveBeenCalled();
  vi.advanceTimersByTime(24 * 3600_000);
  expect(reached).toHaveBeenCalledTimes(1);
});
