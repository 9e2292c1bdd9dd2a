import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CheckedHost } from '@ringside/core/model';
import { toDoctorPanel } from './guards.ts';

const waiting: CheckedHost = { name: 'a', state: 'waiting', step: '', report: null, error: null, checkedAt: null };

test('messages of the host side are taken', () => {
  expect(toDoctorPanel({ type: 'hosts', title: 't', hosts: [waiting] })).toMatchObject({ title: 't' });
  expect(toDoctorPanel({ type: 'host', host: { ...waiting, state: 'running' } })).not.toBeNull();
});

test.each([
  null,
  'hosts',
  { type: 'hosts', title: 't', hosts: [{ ...waiting, state: 'odd' }] },
  { type: 'host', host: { ...waiting, report: { checks: [] } } },
  { type: 'host', host: { ...waiting, error: { code: 'x' } } },
  { type: 'other' },
])('%j is not', (message) => {
  expect(toDoctorPanel(message)).toBeNull();
});

test('anything at all gives a message or null', () => {
  fc.assert(
    fc.property(fc.anything(), (message) => {
      expect(() => toDoctorPanel(message)).not.toThrow();
    }),
  );
});
