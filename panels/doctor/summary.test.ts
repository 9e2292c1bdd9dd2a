import { describe, expect, test } from 'vitest';
import type { CheckedHost, CheckStatus, DoctorReport } from '@ringside/core/model';
import { privilegeWords, summaryWords } from './summary.ts';

const report = (...statuses: CheckStatus[]): DoctorReport =>
  ({ checks: statuses.map((status) => ({ status })) }) as unknown as DoctorReport;
const host = (name: string, given: Partial<CheckedHost>): CheckedHost => ({
  ...{ name, state: 'done', step: '', report: null, error: null, checkedAt: null },
  ...given,
});
const refused = { code: 'auth-failed', message: '', remedy: '', detail: '', links: [] } as const;

describe('what the panel says in a line', () => {
  test('of one host its checks', () => {
    expect(summaryWords([host('a', { report: report('fail', 'warn', 'warn', 'ok') })])).toBe(
      '4 checks: 1 failed, 2 warnings',
    );
    expect(summaryWords([host('a', { report: report('ok', 'ok') })])).toBe('2 checks: all fine');
    expect(summaryWords([host('a', { error: { ...refused, links: [] } })])).toBe('could not be checked');
    expect(summaryWords([host('a', { state: 'cancelled' })])).toBe('not checked');
  });

  test('of several hosts how many are how', () => {
    const hosts = [
      host('a', { report: report('fail') }),
      host('b', { error: { ...refused, links: [] } }),
      host('c', { report: report('ok') }),
      host('d', { state: 'cancelled' }),
    ];
    expect(summaryWords(hosts)).toBe('4 hosts: 2 with failures, 1 fine, 1 not checked');
  });

  test('while it checks: what it does', () => {
    expect(summaryWords([host('a', { state: 'running', step: 'Connecting to a' })])).toBe('Connecting to a');
    expect(summaryWords([host('a', { state: 'running' }), host('b', { state: 'waiting' })])).toBe(
      'checking 2 of 2 hosts',
    );
  });
});

describe('privilege', () => {
  const of = (uid: number, ...capabilities: string[]) =>
    privilegeWords({ uid, capabilities } as unknown as DoctorReport['host']);
  test('in words', () => {
    expect(of(0, 'CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN')).toBe('root');
    expect(of(1000, 'CAP_BPF')).toBe('uid 1000 with CAP_BPF');
    expect(of(1000)).toBe('uid 1000, unprivileged');
  });
});
