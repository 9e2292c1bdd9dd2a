import type { RunEvent, StreamLedger } from '@ringside/core';
import { describe, expect, it } from 'vitest';
import { endLines } from './end.ts';

const stream: StreamLedger = {
  name: 'events',
  produced: 12_010,
  delivered: 10,
  filtered: 0,
  lostKernel: 12_000,
  lostAgent: 0,
  lostTransport: 0,
  shown: 10,
};

const end = (more: Partial<StreamLedger>): string => {
  const event: RunEvent & { type: 'end' } = {
    type: 'end',
    reason: 'count',
    seconds: 1.25,
    ledger: { streams: [{ ...stream, ...more }] },
    programs: [],
    agent: { rssBytes: null, cpuPercent: null },
  };
  return endLines(event).split('\n')[1]!;
};

describe('the account at the end', () => {
  it('is a sum that is right', () => {
    expect(end({})).toBe(
      '  events: produced 12,010 = delivered 10 + lost (kernel 12,000 · agent 0 · link 0); shown 10',
    );
  });

  it('names what the filter left out on the host', () => {
    expect(end({ produced: 1_510, filtered: 1_500, lostKernel: 0 })).toBe(
      '  events: produced 1,510 = delivered 10 + filtered on the host 1,500 + lost (kernel 0 · agent 0 · link 0); shown 10',
    );
  });

  it('calls unknown what nobody knows, and says what came out of order', () => {
    expect(end({ produced: null, lostKernel: null, outOfOrder: 3 })).toBe(
      '  events: produced unknown = delivered 10 + lost (kernel unknown · agent 0 · link 0); shown 10, 3 out of order',
    );
  });
});
