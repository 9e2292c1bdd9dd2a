import { expect, test } from 'vitest';
import { describeConnected, loadText, privilegeText } from './hostText.ts';
import { aHostInfo } from './test/inventoryBuilders.ts';

test('a load that is not known is no number, and a small one is not 0', () => {
  expect([null, 0, 0.01, 0.44, 12.34, 99.96, 250.7].map(loadText)).toEqual([
    ...['?', '0 %', '< 0.1 %', '0.4 %', '12.3 %', '100 %', '251 %'],
  ]);
});

test('rights in words', () => {
  expect(privilegeText(aHostInfo(), false)).toBe('root');
  expect(privilegeText(aHostInfo({ uid: 1000 }), true)).toBe('uid 1000, read-only');
  expect(privilegeText(aHostInfo({ uid: 1000, capabilities: ['CAP_BPF'] }), false)).toBe('uid 1000, some capabilities');
  expect(privilegeText(aHostInfo({ uid: 0, capabilities: [] }), false)).toBe('root, unprivileged');
});

test('what matters comes first', () => {
  expect(describeConnected(aHostInfo({ btf: false }), { load: 1, readOnly: false })).toBe(
    '6.1.0 · x86_64 · no BTF · root · load 1 %',
  );
});
