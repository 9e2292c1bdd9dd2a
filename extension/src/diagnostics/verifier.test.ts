import { expect, test, vi } from 'vitest';
import type { BuildResult } from '@ringside/core/model';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { Verifier } = await import('./verifier.ts');

const file = mock.Uri.file('/w/probe.bpf.c');
const error = {
  ...{ file: '/w/probe.bpf.c', line: 3, column: 1, endLine: 3, endColumn: 2 },
  ...{ severity: 'error', message: "expected ';'", code: '', source: 'clang' },
};

/** With what was built in the pause before the save. */
function verifierAfter(result: Promise<BuildResult | undefined> | undefined) {
  const context = fakeContext();
  const ahead = { take: () => result };
  const verifier = new Verifier({ ...context, cacheDir: '/nowhere', ahead: ahead as never });
  return { built: () => context.fake.called('build').length, verifier };
}

test('a program with errors that was built in the pause before its save is not compiled a second time', async () => {
  const wrong = { ok: false, object: '', sha256: '', diagnostics: [error], ms: 1 } as unknown as BuildResult;
  const { built, verifier } = verifierAfter(Promise.resolve(wrong));
  await expect(verifier.build(file as never, 'web-1', {})).rejects.toMatchObject({
    ...{ code: 'build-failed', message: "probe.bpf.c has an error: line 3: expected ';'." },
  });
  expect(built()).toBe(0);
});

test('where none came of that, it is built', async () => {
  for (const result of [undefined, Promise.resolve(undefined)]) {
    const { built, verifier } = verifierAfter(result);
    await verifier.build(file as never, 'web-1', {});
    expect(built()).toBe(1);
  }
});
