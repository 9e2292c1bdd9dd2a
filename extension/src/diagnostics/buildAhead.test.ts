import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BuildResult } from '@ringside/core/model';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { BuildAhead } = await import('./buildAhead.ts');

const file = mock.Uri.file('/w/probe.bpf.c');
const changes = new mock.EventEmitter<unknown>();
const built = { ok: true, object: '/cache/object' } as BuildResult;
let document: { uri: mock.Uri; version: number; isDirty: boolean; getText(): string };
let build: ReturnType<typeof vi.fn>;
let host: string | undefined;
let ahead: InstanceType<typeof BuildAhead>;

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(mock.workspace, { onDidChangeTextDocument: changes.event });
  document = { uri: file, version: 1, isDirty: false, getText: () => 'int x;' };
  build = vi.fn(() => Promise.resolve(built));
  host = 'web-1';
  ahead = new BuildAhead({ build } as never, () => host);
});
afterEach(() => {
  ahead.dispose();
  vi.useRealTimers();
});

/** A keystroke, and the pause after it. */
function type(pause = 200): void {
  document.version++;
  document.isDirty = true;
  changes.fire({ document, contentChanges: [{}] });
  vi.advanceTimersByTime(pause);
}

test('the version that is saved is built in the pause before, once', async () => {
  type(100);
  type();
  expect(build).toHaveBeenCalledTimes(1);
  expect(build.mock.calls[0]![0]).toEqual({ file: '/w/probe.bpf.c', text: 'int x;', host: 'web-1' });
  document.isDirty = false;
  expect(await ahead.take(file as never, 'web-1')).toBe(built);
  expect(ahead.take(file as never, 'web-1')).toBeUndefined();
});

test('a newer text, another host, an unsaved document: not used', () => {
  type();
  document.version++;
  document.isDirty = false;
  expect(ahead.take(file as never, 'web-1')).toBeUndefined();
  type();
  document.isDirty = false;
  expect(ahead.take(file as never, 'web-2')).toBeUndefined();
  type();
  expect(ahead.take(file as never, 'web-1')).toBeUndefined();
});

test('a header that is saved meanwhile may be another one than was read: not used; the save of the source itself is no header', async () => {
  type();
  document.isDirty = false;
  mock.didSave.fire({ uri: mock.Uri.file('/w/shared.h') });
  expect(ahead.take(file as never, 'web-1')).toBeUndefined();
  type();
  document.isDirty = false;
  mock.didSave.fire(document);
  expect(await ahead.take(file as never, 'web-1')).toBe(built);
});

test('typing on stops the build; without a host there is none', () => {
  type();
  const { signal } = build.mock.calls[0]![1] as { signal: AbortSignal };
  type(0);
  expect(signal.aborted).toBe(true);
  host = undefined;
  vi.advanceTimersByTime(1_000);
  expect(build).toHaveBeenCalledTimes(1);
});
