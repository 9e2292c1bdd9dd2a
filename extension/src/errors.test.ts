import { beforeEach, expect, test, vi } from 'vitest';
import type { LogOutputChannel } from 'vscode';
import * as mock from './test/vscodeMock.ts';

vi.mock('vscode', () => import('./test/vscodeMock.ts'));
const { ErrorReporter, ExtensionError, errorData, parsePlace } = await import('./errors.ts');
const { VirtualDocuments } = await import('./virtualDocuments.ts');

function reporter() {
  const logged: string[] = [];
  const documents = new VirtualDocuments();
  const log = { error: (text: string) => logged.push(text) } as unknown as LogOutputChannel;
  return { errors: new ErrorReporter(log, documents), logged, documents };
}

beforeEach(() => {
  mock.shown.length = 0;
  mock.executed.length = 0;
  mock.dialogs.answer = () => undefined;
});

test('a message says what and what to do; buttons fit the failure', async () => {
  const { errors } = reporter();
  const error = new ExtensionError({
    code: 'no-compiler',
    message: 'No clang was found.',
    remedy: 'Install clang.',
    detail: 'x'.repeat(300),
  });
  await errors.show(error, { retry: () => undefined });
  expect(mock.shown).toEqual([
    { text: 'No clang was found. Install clang.', buttons: ['Show Details', 'Open Settings', 'Show Log'] },
  ]);
});

test('Retry is offered where trying again can help, and runs', async () => {
  const { errors } = reporter();
  let tried = 0;
  mock.dialogs.answer = (_text, buttons) => buttons.find((button) => button === 'Retry');
  await errors.show(new ExtensionError({ code: 'host-unreachable', message: 'm' }), { retry: () => tried++ });
  await errors.show(new ExtensionError({ code: 'build-failed', message: 'm' }), { retry: () => tried++ });
  expect(tried).toBe(1);
});

test('a place among the links can be opened', async () => {
  const { errors } = reporter();
  await errors.show(
    new ExtensionError({
      code: 'host-key-mismatch',
      message: 'm',
      links: ['https://x.test', '/home/u/.ssh/known_hosts:7'],
    }),
  );
  expect(mock.shown[0]!.buttons).toEqual(['Open known_hosts', 'Show Log']);
  expect(parsePlace('/a/b:12')).toEqual({ file: '/a/b', line: 12 });
  expect(parsePlace('known_hosts:12')).toBeNull();
});

test('a cancelled job is not an error', async () => {
  const { errors, logged } = reporter();
  await errors.show(new ExtensionError({ code: 'cancelled', message: 'Cancelled.' }));
  await errors.show(Object.assign(new Error('x'), { name: 'AbortError' }));
  expect([mock.shown, logged]).toEqual([[], []]);
});

test('whoever has said no to a guard is not told so by a message', async () => {
  const { errors, logged } = reporter();
  await errors.show(new ExtensionError({ code: 'guard-confirmation-needed', message: 'm', remedy: '--confirm x' }));
  await errors.show(new ExtensionError({ code: 'guard-rolled-back', message: 'answered' }));
  expect([mock.shown, logged.length]).toEqual([[], 2]);
  await errors.show(new ExtensionError({ code: 'guard-rolled-back', message: 'too late', remedy: 'r' }));
  expect(mock.shown).toHaveLength(1);
});

test("errors that came through the worker keep their data, anything else is Ringside's own fault", () => {
  const data = { code: 'no-btf', message: 'm', remedy: 'r', detail: 'd', links: ['l'] } as const;
  expect(errorData(Object.assign(new Error('m'), { ...data, stack: 's', extra: 1 }))).toEqual(data);
  expect(errorData(new TypeError('boom'))).toMatchObject({ code: 'internal', message: 'boom' });
  expect(errorData('text')).toMatchObject({ code: 'internal', message: 'text' });
  expect(errorData({ code: 'x', message: 3 })).toMatchObject({ code: 'internal' });
});

test('long detail is a document, not a message', async () => {
  const { errors, documents } = reporter();
  const show = vi.spyOn(documents, 'show').mockResolvedValue();
  mock.dialogs.answer = () => 'Show Details';
  await errors.show(
    new ExtensionError({ code: 'load-failed', message: 'It did not load.', detail: `log ${'x'.repeat(500)}` }),
  );
  const uri = show.mock.calls[0]![0];
  expect(await documents.provideTextDocumentContent(uri)).toContain('It did not load.\n\n\nlog xxx');
});
