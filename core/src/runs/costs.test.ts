import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StatsSchema } from '../agent/generated/agent_pb.ts';
import { agentCost, programCosts, programRates } from './costs.ts';

const stats = (at: bigint, runs: bigint, nanos: bigint, more: { enabled?: boolean; missedKnown?: boolean } = {}) =>
  create(StatsSchema, {
    atMonotonicNs: at,
    agentRssBytes: 2_000_000n,
    agentCpuNs: at / 100n,
    programs: [
      {
        name: 'p',
        runCount: runs,
        runNanos: nanos,
        statsEnabled: more.enabled ?? true,
        missed: 3n,
        missedKnown: more.missedKnown ?? true,
      },
    ],
  });

describe('programCosts', () => {
  it('adds hosts up and relates nanoseconds to runs and time', () => {
    const first = stats(0n, 0n, 0n);
    const last = stats(1_000_000_000n, 1000n, 200_000n);
    expect(
      programCosts(
        ['p'],
        [
          { first, last },
          { first, last },
        ],
      ),
    ).toEqual([{ name: 'p', runs: 2000, sampled: false, nanosPerRun: 200, cpuPercent: 0.02, missed: 6 }]);
  });

  it('says that runs were sampled when one host has sampled them', () => {
    const first = stats(0n, 0n, 0n);
    const last = stats(1_000_000_000n, 1000n, 200_000n);
    const sampled = structuredClone(last);
    sampled.programs[0]!.sampled = true;
    const cost = programCosts(
      ['p'],
      [
        { first, last },
        { first, last: sampled },
      ],
    );
    expect(cost[0]).toMatchObject({ runs: 2000, sampled: true });
  });

  it('says null, not 0, for what is not known', () => {
    const never = programCosts(['p'], [{ first: stats(0n, 0n, 0n), last: stats(1n, 0n, 0n, { missedKnown: false }) }]);
    expect(never[0]).toMatchObject({ runs: 0, nanosPerRun: null, missed: null });
    const uncounted = programCosts(['p'], [{ first: stats(0n, 0n, 0n), last: stats(9n, 5n, 0n, { enabled: false }) }]);
    expect(uncounted[0]).toMatchObject({ runs: 5, nanosPerRun: null, cpuPercent: null });
    const hidden = programCosts(['p'], [{ first: stats(0n, 0n, 0n), last: stats(9n, 0n, 0n, { enabled: false }) }]);
    expect(hidden[0]).toMatchObject({ runs: null, nanosPerRun: null });
    expect(programCosts(['p'], [])[0]).toMatchObject({ runs: null, missed: null, nanosPerRun: null });
  });
});

describe('agentCost', () => {
  it('is unknown before there are two figures', () => {
    expect(agentCost([{ first: undefined, last: undefined }])).toEqual({ rssBytes: null, cpuPercent: null });
  });

  it('is the share of one core', () => {
    const cost = agentCost([{ first: stats(0n, 0n, 0n), last: stats(1_000n, 0n, 0n) }]);
    expect(cost).toEqual({ rssBytes: 2_000_000, cpuPercent: 1 });
  });
});

describe('programRates', () => {
  it('relates what happened between two figures to the time between them, over all hosts', () => {
    const span = { first: stats(1_000_000_000n, 100n, 1000n), last: stats(3_000_000_000n, 1100n, 201_000n) };
    expect(programRates(['p'], [span, span])).toEqual([
      { name: 'p', perSecond: 1000, nanosPerRun: 200, cpuPercent: 0.02 },
    ]);
  });

  it('says 0 for a program that did not run meanwhile, and null for what is not known', () => {
    const idle = { first: stats(0n, 5n, 50n), last: stats(1_000_000_000n, 5n, 50n) };
    expect(programRates(['p'], [idle])).toEqual([{ name: 'p', perSecond: 0, nanosPerRun: null, cpuPercent: 0 }]);
    const hidden = { first: stats(0n, 0n, 0n), last: stats(1_000_000_000n, 0n, 0n, { enabled: false }) };
    expect(programRates(['p'], [hidden])).toMatchObject([{ perSecond: null, nanosPerRun: null, cpuPercent: null }]);
    const replaced = { first: stats(0n, 90n, 900n), last: stats(1_000_000_000n, 1n, 9n) };
    expect(programRates(['p', 'q'], [replaced])).toMatchObject([{ perSecond: null }, { name: 'q', perSecond: null }]);
  });

  it('has nothing to say before there are two figures', () => {
    expect(programRates(['p'], [{ first: undefined, last: stats(1n, 1n, 1n) }])).toEqual([]);
    expect(programRates(['p'], [{ first: stats(1n, 1n, 1n), last: stats(1n, 1n, 1n) }])).toEqual([]);
  });
});
