import { expect, test, vi } from 'vitest';
import type { Uri } from 'vscode';
import type { ProgramVerdict } from '@ringside/core/model';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', async () => await import('../test/vscodeMock.ts'));
const { Verdicts } = await import('./verdicts.ts');

const file = mock.Uri.file('/w/a.bpf.c') as unknown as Uri;
const log = mock.Uri.file('/log') as unknown as Uri;
const seen = (
  version: number,
  processed: number,
  given: { host?: string; verdict?: ProgramVerdict['verdict'] } = {},
) => ({
  ...{ host: given.host ?? 'web-1', kernel: '6.12', log, version },
  verdict: {
    ...{ name: 'p', section: 'xdp', verdict: given.verdict ?? ('accepted' as const), reason: null },
    stats: {
      ...{ instructions: 4, processed, limitPercent: 0, totalStates: 1, peakStates: 1, stackBytes: 8, verifyMicros: 9 },
    },
  },
});

test('compares with the last accepted text that the same verifier saw', () => {
  const verdicts = new Verdicts();
  const before = () => verdicts.get(file, 'p')!.before?.processed ?? null;
  verdicts.set(file, [seen(1, 100)]);
  expect(before()).toBeNull();
  verdicts.set(file, [seen(2, 140)]);
  expect(before()).toBe(100);
  verdicts.set(file, [seen(2, 140)]); // verified again, nothing changed
  expect(before()).toBe(100);
  verdicts.set(file, [seen(3, 90, { verdict: 'rejected' })]);
  expect(before()).toBe(140);
  verdicts.set(file, [seen(4, 150)]);
  expect(before()).toBe(140);
  verdicts.set(file, [seen(5, 150, { host: 'web-2' })]);
  expect(before()).toBeNull();
});
