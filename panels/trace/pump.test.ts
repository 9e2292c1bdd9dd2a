import type { RowsPage, RowsQuery } from '@ringside/core/model';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Want } from '../shared/grid/pageWindow.ts';
import { RequestError } from '../shared/rpc.ts';
import { FASTEST_POLL_MS, PollPace, RowPump, SLOWEST_POLL_MS } from './pump.ts';

interface Asked {
  query: RowsQuery;
  resolve: (page: RowsPage) => void;
  reject: (error: unknown) => void;
}

let frames: (() => void)[];
let timers: { run: () => void; ms: number }[];
let asked: Asked[];
let pages: { page: RowsPage; want: Want }[];
let failures: RequestError[];
let pump: RowPump;

const view = { runId: 'r', stream: '', where: '' };
const want = (first: number): Want => ({ first, count: 40, top: first, evicted: 3 });
const pageFor = (query: RowsQuery): RowsPage => ({
  ...query,
  stream: query.stream === '' ? 'events' : query.stream,
  columns: [],
  rows: [],
  matching: 0,
  stored: 0,
  delivered: 0,
  partial: false,
  filterError: null,
});
const frame = (): void => {
  for (const run of frames.splice(0)) run();
};
const answer = async (i: number): Promise<void> => {
  asked[i]!.resolve(pageFor(asked[i]!.query));
  await Promise.resolve();
  await Promise.resolve();
};

beforeEach(() => {
  frames = [];
  timers = [];
  asked = [];
  pages = [];
  failures = [];
  pump = new RowPump({
    request: (query) => new Promise((resolve, reject) => asked.push({ query, resolve, reject })),
    nextFrame: (run) => frames.push(run),
    later: (run, ms) => {
      const timer = { run, ms };
      timers.push(timer);
      return () => (timers = timers.filter((other) => other !== timer));
    },
    page: (page, wanted) => pages.push({ page, want: wanted }),
    failed: (error) => failures.push(error),
  });
});

describe('RowPump', () => {
  it('asks once a frame, for the newest wish', () => {
    pump.show(view);
    for (let i = 0; i < 10; i++) pump.want(want(i));
    frame();
    expect(asked.map(({ query }) => query)).toEqual([{ ...view, first: 9, count: 40, evicted: 3 }]);
  });

  it('keeps one request on its way and then asks for the newest wish only', async () => {
    pump.show(view);
    pump.want(want(1));
    frame();
    pump.want(want(2));
    pump.want(want(3));
    frame();
    expect(asked).toHaveLength(1);
    await answer(0);
    frame();
    expect(asked.map(({ query }) => query.first)).toEqual([1, 3]);
    expect(pages[0]!.want.first).toBe(1);
  });

  it('drops late pages of a view that is no longer shown, and asks for the new one at once', async () => {
    pump.show(view);
    pump.want(want(1));
    frame();
    pump.show({ ...view, where: 'pid == 1' });
    frame();
    expect(asked).toHaveLength(2);
    await answer(0);
    expect(pages).toHaveLength(0);
    await answer(1);
    expect(pages.map(({ page }) => page.where)).toEqual(['pid == 1']);
  });

  it('drops a page that answers another question', async () => {
    pump.show(view);
    pump.want(want(1));
    frame();
    asked[0]!.resolve({ ...pageFor(asked[0]!.query), runId: 'other' });
    await Promise.resolve();
    await Promise.resolve();
    expect(pages).toHaveLength(0);
    pump.refresh();
    frame();
    expect(asked).toHaveLength(2);
  });

  it('tells failures and goes on; a closing panel is none', async () => {
    pump.show(view);
    pump.want(want(1));
    frame();
    asked[0]!.reject(new RequestError('timeout', 'late'));
    await Promise.resolve();
    await Promise.resolve();
    expect(failures.map((error) => error.why)).toEqual(['timeout']);
    pump.refresh();
    frame();
    asked[1]!.reject(new RequestError('disposed', ''));
    await Promise.resolve();
    await Promise.resolve();
    expect(failures).toHaveLength(1);
  });

  it('has one poll at a time, and none once something else asks', () => {
    pump.show(view);
    pump.want(want(1));
    frame();
    pump.pollIn(100);
    pump.pollIn(200);
    expect(timers.map(({ ms }) => ms)).toEqual([200]);
    pump.show({ ...view, stream: 'printk' });
    expect(timers).toEqual([]);
  });

  it('does not count the last rows from anywhere', () => {
    pump.show(view);
    pump.want(want(-1));
    frame();
    expect(asked[0]!.query).toEqual({ ...view, first: -1, count: 40 });
  });

  it('asks for nothing without a run or without room for rows', () => {
    pump.want(want(0));
    frame();
    pump.show(view);
    pump.want({ first: 0, count: 0, top: 0, evicted: 0 });
    frame();
    expect(asked).toEqual([]);
  });
});

describe('PollPace', () => {
  it('is fast while rows come, slows down to a limit, and wakes up again', () => {
    const pace = new PollPace();
    expect(pace.next(true)).toBe(FASTEST_POLL_MS);
    for (let i = 0; i < 20; i++) pace.next(false);
    expect(pace.delay).toBe(SLOWEST_POLL_MS);
    expect(pace.next(true)).toBe(FASTEST_POLL_MS);
    expect(1000 / FASTEST_POLL_MS).toBeLessThanOrEqual(30);
  });
});
