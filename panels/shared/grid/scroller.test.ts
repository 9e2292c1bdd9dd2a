import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SMALLEST_THUMB, ScrollModel, thumbOf, topOfThumb, wheelRows } from './scroller.ts';

function model(rows: number, view: number): ScrollModel {
  const made = new ScrollModel();
  made.setView(view);
  made.setRows(rows);
  return made;
}

describe('ScrollModel', () => {
  it('adds up small steps, so slow wheels and trackpads move too', () => {
    const scroll = model(10_000_000, 30);
    for (let i = 0; i < 100; i++) scroll.scrollBy(0.07);
    expect(scroll.top).toBeCloseTo(7, 6);
  });

  it('stays inside, says whether it moved, and knows its end', () => {
    const scroll = model(100, 30);
    expect(scroll.scrollBy(-1)).toBe(false);
    expect(scroll.scrollBy(1e9)).toBe(true);
    expect(scroll.top).toBe(70);
    expect(scroll.atEnd).toBe(true);
    expect(scroll.scrollBy(1)).toBe(false);
    scroll.setRows(10);
    expect(scroll.top).toBe(0);
    expect(scroll.atEnd).toBe(true);
  });

  it('reveals a row with the least movement', () => {
    const scroll = model(1000, 10);
    scroll.scrollTo(100);
    scroll.reveal(105);
    expect(scroll.top).toBe(100);
    scroll.reveal(110);
    expect(scroll.top).toBe(101);
    scroll.reveal(50);
    expect(scroll.top).toBe(50);
  });

  it('shows the rows that are partly in view', () => {
    const scroll = model(1000, 10);
    scroll.scrollTo(5.5);
    expect(scroll.window()).toEqual({ first: 5, end: 16 });
    scroll.scrollToEnd();
    expect(scroll.window()).toEqual({ first: 990, end: 1000 });
  });

  it('survives nonsense', () => {
    const scroll = model(100, 10);
    scroll.scrollTo(Number.NaN);
    expect(scroll.top).toBe(0);
    scroll.setView(Number.NaN);
    expect(scroll.view).toBe(1);
    scroll.setRows(-5);
    expect(scroll.rows).toBe(0);
  });
});

describe('wheel', () => {
  it('understands pixels, lines and pages', () => {
    expect(wheelRows({ deltaY: 44, deltaMode: 0 }, 22, 30)).toBe(2);
    expect(wheelRows({ deltaY: -3, deltaMode: 1 }, 22, 30)).toBe(-3);
    expect(wheelRows({ deltaY: 1, deltaMode: 2 }, 22, 30)).toBe(29);
  });
});

describe('thumb', () => {
  it('is not needed when all fits, and never too small to take', () => {
    expect(thumbOf(model(10, 30), 500).needed).toBe(false);
    expect(thumbOf(model(10_000_000, 30), 500)).toMatchObject({ needed: true, size: SMALLEST_THUMB });
  });

  it('reaches every position and both ends, however many rows there are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 40 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 30, max: 4000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rows, view, track, share) => {
          const scroll = model(rows, view);
          scroll.scrollTo(scroll.maxTop * share);
          const thumb = thumbOf(scroll, track);
          expect(thumb.offset).toBeGreaterThanOrEqual(0);
          expect(thumb.offset + thumb.size).toBeLessThanOrEqual(track + 1e-6);
          if (!thumb.needed) return;
          expect(topOfThumb(scroll, track, 0)).toBe(0);
          expect(topOfThumb(scroll, track, track)).toBe(scroll.maxTop);
          const back = topOfThumb(scroll, track, thumb.offset);
          expect(Math.abs(back - scroll.top)).toBeLessThanOrEqual(1e-6 * Math.max(1, scroll.maxTop));
        },
      ),
    );
  });
});
