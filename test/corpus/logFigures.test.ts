import { describe, expect, it } from 'vitest';
import type { VerdictStats } from '../../core/src/model/index.ts';
import { differences, figureWords, logFigures, logsByProgram } from './logFigures.ts';

const LOG = `0: R1=ctx() R10=fp0
0: (95) exit
verification time 17691 usec
stack depth 8+16
processed 1068 insns (limit 1000000) max_states_per_insn 2 total_states 55 peak_states 54 mark_read 3
`;
const STATS: VerdictStats = {
  ...{ instructions: 780, processed: 1068, limitPercent: 0.1, totalStates: 55, peakStates: 54 },
  ...{ stackBytes: 24, verifyMicros: 17691 },
};

describe('the figures of a log', () => {
  it('are those of its last lines', () => {
    expect(logFigures(LOG)).toEqual({
      ...{ processed: 1068, limit: 1_000_000, totalStates: 55, peakStates: 54 },
      ...{ stack: [8, 16], stackMax: null, micros: 17691 },
    });
    expect(logFigures(LOG.replace('stack depth 8+16', 'stack depth max 0\nstack depth max 32'))).toMatchObject({
      ...{ stack: [], stackMax: 32 },
    });
    expect(logFigures(LOG + LOG.replace('1068', '7'))?.processed).toBe(7);
    expect(logFigures('libbpf: failed to load object')).toBeNull();
  });

  it('are compared one by one with those of a verdict', () => {
    const log = logFigures(LOG)!;
    expect(differences(STATS, log)).toEqual([]);
    expect(differences({ ...STATS, processed: 1, peakStates: null, stackBytes: 25 }, log)).toEqual([
      'processed 1, in the log 1068',
      'peak states unknown, in the log 54',
      'stack 25, in the log 8+16',
    ]);
    expect(differences({ ...STATS, stackBytes: 24 }, { ...log, stackMax: 32 })).toEqual(['stack 24, in the log 32']);
    expect(differences({ ...STATS, verifyMicros: 5 }, log)).toEqual(['microseconds 5, in the log 17691']);
  });

  it('belong to a program, of which there may be two attempts', () => {
    const text = `==== local a (xdp): rejected\none\n==== local b (tc): accepted\ntwo\n==== local a (xdp): accepted\nthree\n`;
    expect([...logsByProgram(text)]).toEqual([
      ['a', ['one\n', 'three\n']],
      ['b', ['two\n']],
    ]);
  });

  it('are told in words, and not where there are none', () => {
    expect(figureWords(STATS)).toBe('1068 insns, 55 states (peak 54), stack 24, 17691 µs');
    expect(figureWords({ ...STATS, processed: null })).toBe('');
    expect(figureWords({ ...STATS, totalStates: null, stackBytes: null, verifyMicros: null })).toBe('1068 insns');
  });
});
