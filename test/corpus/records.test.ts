import { describe, expect, it } from 'vitest';
import { goldenObject } from '../../core/src/bpf/testObjects.ts';
import { bufferRows, knownRecords, missingBuffers, recordLines, sumRecords, type ExpectedRecord } from './records.ts';

const event: ExpectedRecord = {
  type: 'struct event',
  size: 160,
  fields: ['pid', 'ppid', 'uid', 'retval', 'is_exit', 'comm', 'filename'],
};
const file = '/corpus/exec.bpf.c';
const rows = (expected: ExpectedRecord[]) =>
  bufferRows(file, goldenObject('exec.dwarf.bpf'), { 'exec.bpf.c': { events: expected } });

describe('bufferRows', () => {
  it('tells what is inferred with and without DWARF, how, and what the instructions send', () => {
    expect(rows([event])).toEqual([
      {
        ...{ file, map: 'events', sent: [160] },
        whole: { records: [{ type: 'struct event', size: 160, route: 'DWARF' }], is: 'right' },
        stripped: { records: [expect.anything()], is: expect.stringMatching(/^(right|wrong|unknown)$/) },
      },
    ]);
  });

  it('is wrong when name, size, number or fields are not what a person has read', () => {
    const others: ExpectedRecord[][] = [
      [{ ...event, type: 'struct other' }],
      [{ ...event, size: 168 }],
      [{ ...event, fields: event.fields.slice(1) }],
      [event, { ...event, type: 'struct second' }],
    ];
    for (const expected of others) expect(rows(expected)[0]!.whole.is).toBe('wrong');
  });

  it('says when nobody has read the source', () => {
    const [row] = bufferRows('/elsewhere/other.bpf.c', goldenObject('exec.dwarf.bpf'), {});
    expect(row!.whole).toMatchObject({ is: 'unread', records: [{ type: 'struct event' }] });
  });

  it('goes by the end of a path, in whole names', () => {
    const known = { 'exec.bpf.c': { events: [event] } };
    expect(bufferRows('/x/myexec.bpf.c', goldenObject('exec.dwarf.bpf'), known)[0]!.whole.is).toBe('unread');
  });

  it('names buffers that were read in the source and are not in the object', () => {
    const known = { 'exec.bpf.c': { events: [event], gone: [event] } };
    const found = bufferRows(file, goldenObject('exec.dwarf.bpf'), known);
    expect(missingBuffers(file, found, known)).toEqual(['gone']);
    expect(missingBuffers('/x/other.bpf.c', [], known)).toEqual([]);
  });
});

describe('recordLines', () => {
  it('is a table with the sums below', () => {
    const bytes = { records: [{ type: '', size: 0, route: 'unknown' }], is: 'unknown' as const };
    const [right] = rows([event]);
    const all = [
      { ...right!, stripped: bytes },
      { ...right!, map: 'exits', sent: [8, null], whole: bytes, stripped: bytes },
    ];
    expect(sumRecords(all)).toMatchObject({ buffers: 2, whole: { right: 1, unknown: 1 }, stripped: { unknown: 2 } });
    expect(recordLines(all, '/corpus')).toBe(
      [
        'PROGRAM     BUFFER  RECORD TYPES        ROUTE    RIGHT?   SENT BY THE INSTRUCTIONS',
        'exec.bpf.c  events  struct event (160)  DWARF    right    160 B',
        '                    bytes               unknown  unknown  without DWARF',
        'exec.bpf.c  exits   bytes               unknown  unknown  8 B, a computed size',
        '                    bytes               unknown  unknown  without DWARF',
        '',
        'records   1 of 2 buffers right, 1 shown as bytes',
        '          without DWARF: 0 of 2 buffers right, 2 shown as bytes',
      ].join('\n'),
    );
    expect(recordLines([], '/corpus')).toContain('no ring and no perf buffer');
  });
});

it('what was read by hand names each program once, with types that have a size and fields', () => {
  const ends = Object.keys(knownRecords);
  for (const end of ends) expect(ends.filter((other) => end.endsWith(`/${other}`))).toEqual([]);
  for (const record of Object.values(knownRecords).flatMap((buffers) => Object.values(buffers).flat())) {
    expect(record.size).toBeGreaterThan(0);
    expect(record.fields.length).toBeGreaterThan(0);
  }
});
