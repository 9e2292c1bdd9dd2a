import type { ProgramCost, RunSummary, StreamLedger } from '@ringside/core/model';
import { describe, expect, it } from 'vitest';
import {
  accountText,
  emptyState,
  endSentence,
  isLive,
  keptNote,
  ledgerWords,
  recordingText,
  stateNote,
  statusOf,
} from './status.ts';

const run = (more: Partial<RunSummary> = {}): RunSummary => ({
  id: 'r',
  name: 'execsnoop',
  file: '/x/execsnoop.bpf.c',
  hosts: ['web-1'],
  state: 'running',
  startedAt: 0,
  endedAt: null,
  endReason: null,
  error: null,
  diagnostics: [],
  attachments: [
    { host: 'web-1', program: 'p', section: 'tp/x', target: 'sched:exec', link: { id: 1, kind: 'perf_event' } },
  ],
  leftOut: [],
  notes: [],
  schemas: [],
  ledger: { streams: [] },
  programs: [],
  rate: 0,
  agent: { rssBytes: null, cpuPercent: null },
  limits: null,
  kept: [],
  ...more,
});
const stream = (more: Partial<StreamLedger> = {}): StreamLedger => ({
  name: 'events',
  produced: 10,
  delivered: 10,
  filtered: 0,
  lostKernel: 0,
  lostAgent: 0,
  lostTransport: 0,
  shown: 10,
  ...more,
});

describe('ledgerWords', () => {
  it('says what the filter left out on the host, and that the sum is right', () => {
    const filtered = stream({ produced: 1515, delivered: 10, filtered: 1500, lostKernel: 2, lostAgent: 3 });
    expect(accountText(ledgerWords([filtered], []))).toBe(
      'produced 1,515 = delivered 10 + filtered on the host 1,500 + lost 5 (kernel 2 · agent 3 · link 0)',
    );
    expect(accountText(ledgerWords([stream()], []))).toBe(
      'produced 10 = delivered 10 + lost 0 (kernel 0 · agent 0 · link 0)',
    );
  });

  it('says what could not be put in order', () => {
    expect(accountText(ledgerWords([stream({ outOfOrder: 4 }), stream()], []))).toMatch(/; 4 out of order$/);
  });

  it('adds up over streams', () => {
    const words = ledgerWords([stream(), stream({ produced: 15, delivered: 12, lostKernel: 2, lostAgent: 1 })], []);
    expect(words).toMatchObject({ produced: '25', delivered: '22', lost: '3', kernel: '2', agent: '1', warn: true });
  });

  it('never prints 0 for unknown', () => {
    const words = ledgerWords([stream(), stream({ produced: null, lostKernel: null })], []);
    expect(words).toMatchObject({ produced: 'unknown', kernel: 'unknown', lost: 'unknown', agent: '0', warn: false });
    expect(words.cost).toBe('unknown');
    expect(words.cpu).toBe('unknown');
  });

  it('says at least what it knows', () => {
    const words = ledgerWords([stream({ produced: null, lostKernel: null, lostTransport: 1200 })], []);
    expect(words).toMatchObject({ lost: 'at least 1,200', warn: true });
  });

  it('weighs the cost by runs and leaves out programs without figures', () => {
    const cost = (more: Partial<ProgramCost>): ProgramCost => ({
      name: 'p',
      runs: 0,
      sampled: false,
      nanosPerRun: null,
      cpuPercent: null,
      missed: null,
      ...more,
    });
    const programs = [
      cost({ runs: 100, nanosPerRun: 50, cpuPercent: 0.2 }),
      cost({ runs: 300, nanosPerRun: 90 }),
      cost({}),
    ];
    expect(ledgerWords([stream()], programs)).toMatchObject({ cost: '80 ns/run', cpu: '0.2 % CPU' });
  });
});

describe('state words', () => {
  it('knows what is live and why it ended', () => {
    expect(statusOf(run(), false)).toEqual({ tone: 'live', label: 'live' });
    expect(statusOf(run(), true).label).toBe('paused');
    expect(statusOf(null, false).tone).toBe('ended');
    expect(isLive(run({ state: 'failed' }))).toBe(false);
    expect(isLive(null)).toBe(false);
    const ended = run({ state: 'ended', endReason: 'host-lost' });
    expect(stateNote(ended)).toBe('host lost');
    expect(endSentence(ended)).toBe('Ended because the host was lost.');
    expect(stateNote(run({ rate: 48_190 }))).toBe('48.2 k/s');
  });
});

describe('emptyState', () => {
  const input = { run: run(), spec: null, where: '', stored: 0, partial: false, ready: true };

  it('says what it waits for', () => {
    expect(emptyState({ ...input, ready: false }).title).toBe('Loading the run…');
    expect(emptyState(input)).toMatchObject({
      title: 'Attached. Waiting for the first event.',
      lines: ['p → sched:exec on web-1'],
    });
    expect(emptyState({ ...input, run: run({ state: 'building' }) }).title).toBe('Building execsnoop…');
  });

  it('shows the error, its remedy and its detail', () => {
    const error = { code: 'verifier-rejected', message: 'No.', remedy: 'Do this.', detail: 'log', links: [] } as const;
    const failed = run({ state: 'failed', error: { ...error, links: [] } });
    expect(emptyState({ ...input, run: failed })).toEqual({
      icon: 'error',
      title: 'No.',
      lines: ['Do this.'],
      detail: 'log',
      action: 'restart',
    });
  });

  it('tells an empty stream from a filter that matches nothing', () => {
    const filtered = { ...input, where: 'pid == 1', stored: 500 };
    expect(emptyState(filtered)).toMatchObject({ title: 'None of 500 stored rows matches.', action: 'clear-filter' });
    expect(emptyState({ ...filtered, partial: true }).icon).toBe('loading');
    expect(emptyState({ ...filtered, stored: 0 }).title).toContain('Waiting');
  });

  it('offers to attach again what is gone', () => {
    const spec = { file: '/x/a.bpf.c', hosts: ['web-1'] } as never;
    expect(emptyState({ ...input, run: null, spec })).toMatchObject({
      title: 'a.bpf.c is not attached any more.',
      action: 'restart',
    });
    expect(emptyState({ ...input, run: null }).action).toBeNull();
  });
});

describe('a recording', () => {
  it('says how large it is and what is missing in it', () => {
    const state = { file: '/r', startedAt: 0, endedAt: null, bytes: 2_000_000, records: 1, error: null };
    const whole = { ...state, droppedRecords: 0, missingNames: 0 };
    expect(recordingText(whole, 61_000)).toBe('2.0 MB · 1:01');
    expect(recordingText({ ...whole, droppedRecords: 5, missingNames: 1_200 }, 61_000)).toBe(
      '2.0 MB · 1:01 · 5 missing · 1,200 names missing',
    );
    expect(recordingText({ ...whole, endedAt: 1 }, 61_000)).toBe('');
  });

  it('says when it is opened what cannot be read and which names it had no room for', () => {
    const replay = { file: '/r', recordedAt: 0, damage: '', unnamed: '', playedBytes: 1, bytes: 1 };
    const opened = (more: Partial<typeof replay>) => run({ state: 'ended', replay: { ...replay, ...more } });
    expect(stateNote(opened({}))).not.toContain('missing');
    expect(stateNote(opened({ unnamed: '7 are numbers.' }))).toMatch(/ · names missing$/);
    expect(endSentence(opened({ damage: 'It is cut.', unnamed: '7 are numbers.' }))).toBe(
      'A recording: there is no host behind it. It is cut. 7 are numbers.',
    );
  });
});

describe('a kept run', () => {
  const kept = [
    { host: 'web-1', run: '0123abcd', expires: String(BigInt(new Date(2099, 0, 2, 14, 32).getTime()) * 1_000_000n) },
  ];
  it('says until when while it is live, and where it goes on once it is left', () => {
    expect(keptNote(run({ kept }))).toBe('until Jan 2, 14:32');
    expect(keptNote(run())).toBe('');
    const left = run({ kept, state: 'ended', endReason: 'interrupt' });
    expect(keptNote(left)).toBe('');
    expect(statusOf(left, false).label).toBe('left');
    expect(stateNote(left)).toBe('goes on until Jan 2, 14:32');
    expect(endSentence(left)).toBe('It goes on on web-1 until Jan 2, 14:32.');
    const nothing = { spec: null, where: '', stored: 0, partial: false, ready: true };
    expect(emptyState({ run: left, ...nothing }).action).toBe('adopt');
  });
});
