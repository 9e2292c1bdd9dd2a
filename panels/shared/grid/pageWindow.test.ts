import { expect, it } from 'vitest';
import { PageWindow } from './pageWindow.ts';
import { ScrollModel } from './scroller.ts';

const page = (first: number, count: number): { first: number; rows: { seq: number; cells: string[] }[] } => ({
  first,
  rows: Array.from({ length: count }, (_, i) => ({ seq: first + i, cells: [] })),
});

it('holds the last rows during a far jump, for a moment only, and follows as rows come', () => {
  const scroll = new ScrollModel();
  scroll.setView(10);
  scroll.setRows(1_000_000);
  const window = new PageWindow();
  expect(window.paintTop(scroll, 0)).toEqual({ top: 0, held: false });
  window.take(page(0, 30), 0, scroll);
  expect(window.covers(scroll)).toBe(true);
  scroll.scrollTo(500_000);
  expect(window.covers(scroll)).toBe(false);
  expect(window.paintTop(scroll, 1000)).toEqual({ top: 0, held: true });
  // The thumb moved on while these were fetched: they are what there is to see.
  window.take(page(499_990, 30), 400_000, scroll);
  scroll.scrollTo(600_000);
  expect(window.paintTop(scroll, 1100)).toEqual({ top: 400_000, held: true });
  expect(window.paintTop(scroll, 1300)).toEqual({ top: 600_000, held: false });
  window.take(page(599_990, 30), 600_000, scroll);
  expect(window.paintTop(scroll, 1310)).toEqual({ top: 600_000, held: false });
  expect(window.row(600_000)?.seq).toBe(600_000);
  expect(window.row(0)).toBeNull();
});

it('paints where the view stands when some of its rows are here', () => {
  const scroll = new ScrollModel();
  scroll.setView(10);
  scroll.setRows(1000);
  const window = new PageWindow();
  window.take(page(0, 30), 0, scroll);
  scroll.scrollTo(25.5);
  expect(window.paintTop(scroll, 0)).toEqual({ top: 25.5, held: false });
});

it('keeps rows that show when a page comes that was asked for before older rows were evicted', () => {
  const scroll = new ScrollModel();
  scroll.setView(10);
  scroll.setRows(1000);
  scroll.scrollTo(500);
  const window = new PageWindow();
  window.take(page(490, 30), 500, scroll);
  expect(window.row(500)?.seq).toBe(500);
  window.evict(200);
  scroll.scrollTo(300);
  window.take(page(490, 30), 300, scroll);
  expect(window.row(300)?.seq).toBe(500);
  window.take(page(290, 30), 300, scroll);
  expect(window.row(300)?.seq).toBe(300);
});
