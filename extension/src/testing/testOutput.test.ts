import { expect, it } from 'vitest';
import type { TestDifference, TestResult } from '@ringside/core/model';
import { differenceText, outputLines, packetText, sides } from './testOutput.ts';

const difference: TestDifference = { what: 'data', path: 'bytes[0]', expected: '45', actual: '46', line: 3, column: 4 };
const result: TestResult = {
  ...{ name: 'passes', program: 'count', line: 1, column: 1, outcome: 'failed', error: null },
  returned: { value: 2, name: 'XDP_PASS' },
  ...{ nanosPerRun: 41, repeat: 10, differences: [difference] },
  data: { in: '45', expected: '45', out: '46', summary: 'eth / 1 byte' },
  ...{ prints: ['hello'], printsUnknown: '', records: { events: [{ pid: 1 }] } },
};

it('says what a test did, a line each, as a terminal needs it', () => {
  expect(outputLines(result, 'web-1').split('\r\n')).toEqual([
    'passes (count on web-1)',
    '  returned 2 (XDP_PASS), 41 ns each of 10',
    '  packet afterwards: eth / 1 byte',
    '  bpf_printk: hello',
    '  events: {"pid":1}',
    '  bytes[0]: expected 45, but it is 46',
    '',
  ]);
  expect(differenceText(difference)).toBe('bytes[0] is 46, expected 45');
});

it('shows the whole packet where bytes differ', () => {
  expect(sides(result, difference)).toEqual({ expected: '0000  45', actual: '0000  46' });
  expect(sides(result, { ...difference, path: 'ipv4.ttl' })).toEqual({ expected: '45', actual: '46' });
  expect(packetText('00'.repeat(17))).toBe(`0000  ${Array(16).fill('00').join(' ')}\n0010  00`);
});
