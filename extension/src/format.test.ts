import { describe, expect, it, test } from 'vitest';
import {
  describeRun,
  formatCount,
  formatLost,
  formatRate,
  leftOutText,
  lostTotal,
  untilText,
  redeployedText,
} from './format.ts';
import type { RunSummary } from '@ringside/core/model';
import { aRun, aStream } from './test/builders.ts';

describe('numbers', () => {
  test.each([
    [0, '0'],
    [950, '950'],
    [999.4, '999'],
    [999.6, '1.00 k'],
    [1_310_000, '1.31 M'],
    [48_200, '48.2 k'],
    [9_996, '10.0 k'],
    [99_960, '100 k'],
    [999_499, '999 k'],
    [999_500, '1.00 M'],
    [5e15, '5000 T'],
  ])('%d is "%s"', (value, text) => expect(formatCount(value)).toBe(text));

  test('rates carry their unit', () => expect(formatRate(48_211)).toBe('48.2 k/s'));
});

describe('loss', () => {
  test('adds up over streams and places', () => {
    const lost = lostTotal([
      { streams: [aStream({ lostKernel: 12_000, lostAgent: 400 }), aStream({ lostTransport: 2 })] },
    ]);
    expect(formatLost(lost)).toBe('lost 12,402');
  });
  test('is never 0 when a stream does not count', () => {
    expect(formatLost(lostTotal([{ streams: [aStream({ lostKernel: null })] }]))).toBe('lost ?');
    expect(formatLost(lostTotal([{ streams: [aStream({ lostKernel: null, lostAgent: 3 })] }]))).toBe('lost 3');
  });
  test('is 0 without streams', () => expect(formatLost(lostTotal([]))).toBe('lost 0'));
});

test('a time until which a run is kept', () => {
  const now = new Date(2026, 10, 26, 12, 0).getTime();
  const until = (seconds: number): string => untilText(String(BigInt(now + seconds * 1000) * 1_000_000n), now);
  expect([90, 7_200, 86_400].map(until)).toEqual(['12:01:30', '14:00', 'Nov 27, 12:00']);
});

test('a run in a line', () => {
  const no: RunSummary['error'] = {
    code: 'guard-confirmation-needed',
    message: 'm',
    remedy: '--confirm',
    detail: '',
    links: [],
  };
  expect(describeRun(aRun({ state: 'failed', error: no }))).toBe('web-1 · not confirmed');
  expect(describeRun(aRun({ rate: 48_200, ledger: { streams: [aStream()] } }))).toBe('web-1 · 48.2 k/s · lost 0');
  expect(describeRun(aRun({ state: 'ended', endReason: 'host-lost' }))).toBe('web-1 · ended: connection lost');
  expect(describeRun(aRun({ state: 'ended', endReason: 'interrupt' }))).toBe('web-1 · ended');
  expect(describeRun(aRun({ state: 'failed' }))).toBe('web-1 · failed: unknown reason');
});

test('says of a program that does not run why, and what to do or what runs instead', () => {
  const error = {
    code: 'target-not-found',
    message: 'No such function.',
    remedy: 'Try f.',
    detail: '',
    links: [],
  } as const;
  const left = { host: 'web-1', program: 'p', section: 'kprobe/g', error: { ...error, links: [] }, instead: '' };
  expect(leftOutText(left)).toBe('p does not run on web-1: No such function. Try f.');
  expect(leftOutText({ ...left, instead: 'q' })).toBe('p does not run on web-1: No such function. q runs instead.');
});

describe('what a redeploy says', () => {
  const text = (...maps: [string, string][]): string =>
    redeployedText({
      ...{ name: 'execsnoop', hosts: ['a', 'b'] },
      swaps: ['a', 'b'].map((host) => ({ host, maps: maps.map(([map, fate]) => ({ map, fate, reason: '' })) })),
    } as never);

  it('counts the maps of the program once, and not those that hold its variables', () => {
    const all = ['kept', 'kept', 'kept', 'kept'];
    const names = ['events', '.bss', 'prog.rodata', '.data.counters'];
    expect(text(...names.map((name, i): [string, string] => [name, all[i]!]))).toBe(
      'Redeployed execsnoop on a, b: 1 map kept',
    );
    expect(text(['events', 'kept'], ['counts', 'kept'])).toMatch(/: 2 maps kept$/);
    expect(text(['.bss', 'kept'])).toMatch(/: 0 maps kept$/);
  });

  it('names what was reset', () => {
    expect(text(['events', 'kept'], ['.bss', 'reset'])).toMatch(/: reset \.bss$/);
  });
});
