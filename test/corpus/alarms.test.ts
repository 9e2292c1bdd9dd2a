import { describe, expect, it } from 'vitest';
import { alarmLines, judge, sumAlarms, type Said } from './alarms.ts';
import type { FileResult, Step } from './tryFile.ts';

const yes: Step = { ok: true, text: '', why: '' };
const none: Step = { ok: null, text: '', why: '' };
const no: Step = { ok: false, text: 'no such function', why: 'target-not-found' };
const file = (loads: Step, attaches: Step = none, builds: Step = yes): FileResult => ({
  ...{ file: '/corpus/a.bpf.c', builds, notes: [], seconds: 1 },
  programs: [
    {
      ...{ program: 'p', section: 'kprobe/x', loads, attaches, delivers: none },
      ...{ asks: [], figures: '', differs: [] },
    },
  ],
});
const said = (more: Partial<Said> = {}): Said => ({
  ...{ line: 3, severity: 'warning', ours: true, code: 'no-such-function', message: 'has no function "x"\nmore' },
  ...{ text: 'SEC("kprobe/x")' },
  ...more,
});
const printk = said({ severity: 'hint', code: 'printk-left', message: 'for debugging', text: '\tbpf_printk("x");' });

describe('judge', () => {
  it('takes what we say of a program that its host runs for a false alarm', () => {
    expect(judge(file(yes), [said()])).toMatchObject({ runs: true, alarms: [said()], doubts: [] });
    expect(judge(file(yes, yes), [said({ severity: 'information' })]).alarms).toHaveLength(1);
  });

  it('leaves it in doubt where the host does not run it as it is', () => {
    for (const result of [file(no), file(yes, no), file(none), file(yes, yes, no)])
      expect(judge(result, [said()])).toMatchObject({ runs: false, alarms: [], doubts: [said()] });
  });

  it('counts clang’s errors in what builds, and not its warnings', () => {
    const clang = said({ ours: false, code: 'err', severity: 'error' });
    const { alarms, warnings } = judge(file(yes), [clang, said({ ours: false })]);
    expect(alarms).toEqual([clang]);
    expect(warnings).toBe(1);
  });

  it('believes a hint only where what it is about is there', () => {
    expect(judge(file(yes), [printk])).toMatchObject({ alarms: [], hints: [printk] });
    expect(judge(file(yes), [{ ...printk, text: '// nothing' }]).alarms).toHaveLength(1);
  });
});

describe('alarmLines', () => {
  it('names every finding with its line, and sums up', () => {
    const opened = [judge(file(yes), [said(), printk]), judge(file(no), [said()]), judge(file(yes), [])];
    expect(sumAlarms(opened)).toEqual({ files: 3, runs: 2, alarms: 1, hints: 1 });
    expect(alarmLines(opened, '/corpus')).toBe(
      [
        '✗ a.bpf.c  1 × bpf_printk',
        '    line 3: warning no-such-function: has no function "x"',
        '· a.bpf.c  does not run on this host as it is',
        '    line 3: warning no-such-function: has no function "x"',
        '✓ a.bpf.c',
        '',
        'editor    1 false alarms in 2 sources that the host runs as they are, of 3',
        '          1 hints that bpf_printk is for debugging, where it is',
      ].join('\n'),
    );
  });
});
