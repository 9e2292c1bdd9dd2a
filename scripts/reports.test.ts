import { expect, test } from 'vitest';
import {
  addCounts,
  cargoCounts,
  countsWithSecondRun,
  filesToRunAgain,
  missingReport,
  vitestCounts,
} from './lib/reports.mjs';

const file = (status: string, tests: [string, string][], message = '') => ({
  name: 'a.test.ts',
  status,
  message,
  assertionResults: tests.map(([fullName, state]) => ({
    fullName,
    status: state,
    failureMessages: state === 'failed' ? ['expected 1 to be 2\n  at …'] : [],
  })),
});

test('vitest: passed, failed with the first line of its reason, and skipped by name', () => {
  const tests: [string, string][] = [
    ['adds', 'passed'],
    ['subtracts', 'failed'],
    ['divides', 'pending'],
    ['rounds', 'todo'],
  ];
  expect(vitestCounts({ testResults: [file('failed', tests)] })).toEqual({
    passed: 1,
    failed: 1,
    skipped: ['divides', 'rounds'],
    failures: ['subtracts: expected 1 to be 2'],
  });
});

test('vitest: a file that does not load is a failure, although none of its tests failed', () => {
  const counts = vitestCounts({
    testResults: [file('failed', [], 'Cannot find module x\nmore'), file('passed', [['a', 'passed']])],
  });
  expect(counts).toMatchObject({ passed: 1, failed: 1, failures: ['a.test.ts: Cannot find module x'] });
});

test('vitest: a failed hook after passed tests is a failure', () => {
  expect(vitestCounts({ testResults: [file('failed', [['a', 'passed']], 'afterAll failed')] })).toMatchObject({
    passed: 1,
    failed: 1,
  });
});

test.each([null, 'text', {}, { testResults: [] }, { testResults: [file('passed', [['only', 'pending']])] }])(
  'vitest: %j has no result, which is a failure',
  (report) => {
    expect(vitestCounts(report)).toMatchObject({ passed: 0, failed: 1 });
  },
);

test('vitest: a few files with failures are worth a second look, many are a broken tree', () => {
  const good = file('passed', [['a', 'passed']]);
  const bad = ['b', 'c', 'd', 'e'].map((name) => ({ ...file('failed', [[name, 'failed']]), name }));
  expect(filesToRunAgain({ testResults: [good] })).toEqual([]);
  expect(filesToRunAgain({ testResults: [good, ...bad.slice(0, 3)] })).toEqual(['b', 'c', 'd']);
  expect(filesToRunAgain({ testResults: [good, ...bad] })).toEqual([]);
});

test('vitest: what failed and passes the second time counts as passed and is named, what fails twice is a failure', () => {
  const good = { ...file('passed', [['a', 'passed']]), name: 'good' };
  const once = file('failed', [
    ['b: first', 'failed'],
    ['c', 'passed'],
    ['d', 'failed'],
  ]);
  const twice = file('failed', [
    ['b: first', 'passed'],
    ['c', 'passed'],
    ['d', 'failed'],
  ]);
  expect(countsWithSecondRun({ testResults: [good, once] }, { testResults: [twice] })).toEqual({
    passed: 3,
    failed: 1,
    skipped: [],
    failures: ['d: expected 1 to be 2'],
    again: ['b: first: expected 1 to be 2'],
  });
  expect(countsWithSecondRun({ testResults: [good, once] }, { testResults: [] })).toMatchObject({
    ...{ passed: 2, failed: 2, again: [] },
  });
  const broken = file('failed', [], 'Cannot find module x');
  expect(countsWithSecondRun({ testResults: [good, once] }, { testResults: [broken] })).toMatchObject({
    ...{ passed: 1, failed: 1, again: [] },
  });
});

test('cargo: with --quiet a failure has a line of its own', () => {
  const output = '..limits::slow --- FAILED\n..\n\ntest result: FAILED. 170 passed; 1 failed; 0 ignored;';
  expect(cargoCounts(output)).toMatchObject({ passed: 170, failed: 1, failures: ['limits::slow'] });
});

test('cargo: an example in the docs has a name of several words', () => {
  const output = 'test src/lib.rs - Ring (line 12) ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;';
  expect(cargoCounts(output).failures).toEqual(['src/lib.rs - Ring (line 12)']);
});

test('cargo: several test binaries add up; failures and ignored tests by name', () => {
  const output = [
    'running 3 tests',
    'test frames::round_trip ... ok',
    'test frames::too_large ... FAILED',
    'test ring::wraps ... ignored, needs root',
    'test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s',
    'test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s',
  ].join('\n');
  expect(cargoCounts(output)).toEqual({
    passed: 13,
    failed: 1,
    skipped: ['ring::wraps'],
    failures: ['frames::too_large'],
  });
});

test('cargo: output without a result line is a failed build', () => {
  expect(cargoCounts('error[E0425]: cannot find value `x`')).toMatchObject({ passed: 0, failed: 1 });
});

test('counts add up', () => {
  const sum = { passed: 2, failed: 0, skipped: ['a'], failures: [] };
  addCounts(sum, { ...missingReport('why'), skipped: ['b'] });
  expect(sum).toEqual({ passed: 2, failed: 1, skipped: ['a', 'b'], failures: ['why'] });
});
