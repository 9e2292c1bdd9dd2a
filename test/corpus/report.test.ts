import { describe, expect, it } from 'vitest';
import { fileLines, summarize, summaryLines } from './report.ts';
import type { FileResult, ProgramResult, Step } from './tryFile.ts';

const yes: Step = { ok: true, text: '', why: '' };
const none: Step = { ok: null, text: '', why: '' };
const no = (text: string, why: string): Step => ({ ok: false, text, why });
const program = (name: string, more: Partial<ProgramResult>): ProgramResult => ({
  ...{
    program: name,
    section: 'kprobe/x',
    loads: yes,
    attaches: yes,
    delivers: yes,
    asks: [],
    figures: '',
    differs: [],
  },
  ...more,
});
const file = (name: string, programs: ProgramResult[], builds: Step = yes): FileResult => ({
  ...{ file: `/corpus/${name}`, builds, programs, notes: [], seconds: 1 },
});

const results = [
  file('a.bpf.c', [
    program('fine', { attaches: { ...yes, text: 'x' }, delivers: { ...yes, text: '3 runs' }, figures: '9 insns' }),
    program('asked', { asks: ['func'] }),
    program('variant', { attaches: { ok: null, text: 'variant of fine', why: '' }, delivers: none }),
    program('gone', { loads: no('no such function', 'target-not-found'), attaches: none, delivers: none }),
    program('quiet', { delivers: no('attached, but nothing triggered it', 'not triggered') }),
  ]),
  file('b.bpf.c', [program('gone_too', { loads: no('nor this', 'target-not-found'), attaches: none, delivers: none })]),
  file('c.bpf.c', [], no('x.h:1: y.h file not found', 'header not found')),
];

describe('summarize', () => {
  it('counts files and programs by the step that they reach', () => {
    expect(summarize(results)).toMatchObject({
      ...{ files: 3, builds: 2, load: 1, run: 1 },
      ...{
        programs: 6,
        loads: 4,
        loadsUnasked: 3,
        attaches: 3,
        delivers: 2,
        asks: 1,
        variants: 1,
        figures: 1,
        differing: 0,
      },
      ...{ refused: 2, explained: 2 },
    });
  });

  it('sums up the reasons, the most frequent first, with the first that had it', () => {
    expect(summarize(results).reasons).toEqual([
      { step: 'load', why: 'target-not-found', count: 2, example: 'a.bpf.c gone: no such function' },
      { step: 'build', why: 'header not found', count: 1, example: 'c.bpf.c: x.h:1: y.h file not found' },
      { step: 'deliver', why: 'not triggered', count: 1, example: 'a.bpf.c quiet: attached, but nothing triggered it' },
    ]);
  });

  it('of nothing is nothing, without a division by zero', () => {
    expect(summaryLines(summarize([]), false)).toContain('0 of 0 (–)');
  });
});

describe('the table', () => {
  it('has a line for each program, with what came or the first reason', () => {
    const lines = fileLines(results[0]!, '/corpus').split('\n');
    expect(lines[0]).toBe('✓ a.bpf.c');
    expect(lines[1]).toMatch(/^ {4}✓ ✓ ✓ {2}fine +kprobe\/x +x → 3 runs$/);
    expect(lines[2]).toBe('           9 insns = log');
    expect(lines[4]).toMatch(/^ {4}✓ · · {2}variant +kprobe\/x +variant of fine$/);
    expect(lines[5]).toMatch(/^ {4}✗ · · {2}gone +kprobe\/x +no such function$/);
    const differing = file('d.bpf.c', [program('other', { figures: '7 insns', differs: ['stack 8, in the log 16'] })]);
    expect(fileLines(differing, '/corpus')).toMatch(/\n {11}7 insns {2}≠ stack 8, in the log 16$/);
    expect(summarize([differing])).toMatchObject({ figures: 1, differing: 1 });
    expect(fileLines(results[2]!, '/corpus')).toBe('✗ c.bpf.c  does not build: x.h:1: y.h file not found');
  });
});
