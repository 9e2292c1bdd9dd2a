import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { hostProblem } = await import('./hostPicker.ts');

describe('hostProblem', () => {
  test.each(['web-1', 'dev@web-1', 'dev@10.0.0.1:2222', 'web-1:22', '[::1]:22', 'dev@[fe80::1%eth0]:22', 'a.b.c'])(
    '%s can be typed',
    (host) => {
      expect(hostProblem(host)).toBeUndefined();
    },
  );
  test.each([
    '',
    '-oProxyCommand=x',
    'a b',
    'a,b',
    'web-1:',
    'web-1:0',
    'web-1:65536',
    'web-1:abc',
    '@web-1',
    'dev@',
    'ssh://web-1',
    '::1',
  ])('"%s" cannot', (host) => {
    expect(hostProblem(host)).toBeTypeOf('string');
  });
  test('whatever passes is one word and no option of ssh', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (hostProblem(text) === undefined) expect(text).toMatch(/^[^-\s,][^\s,]*$/);
      }),
    );
  });
});
