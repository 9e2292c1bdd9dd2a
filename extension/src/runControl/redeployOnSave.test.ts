import { beforeEach, expect, test, vi } from 'vitest';
import type { BuildResult, RunSummary } from '@ringside/core/model';
import { draftSpec } from '../attach/attacher.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { RedeployOnSave } = await import('./redeployOnSave.ts');

const file = mock.Uri.file('/w/execsnoop.bpf.c');
const { Manual, AfterDelay } = mock.TextDocumentSaveReason;

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.settings.clear();
  mock.settings.set('ringside.redeployOnSave', true);
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
  mock.shown.length = 0;
  mock.statusBarSaid.length = 0;
});

/** A live run of the file, and what saves it. */
async function attached() {
  const context = fakeContext();
  const run = (await context.attacher.start(draftSpec(file.fsPath, { hosts: ['web-1'] })))!;
  const onSave = new RedeployOnSave(context);
  const save = (reason: number, uri = file): void => {
    mock.willSave.fire({ document: { uri }, reason });
    mock.didSave.fire({ uri });
  };
  const redeployed = (): number => context.fake.called('redeploy').length;
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
  return { context, run, onSave, save, redeployed, settled };
}

test('a save by hand puts the new version into the live runs of the file, and into no others', async () => {
  const { onSave, save, redeployed, settled } = await attached();
  save(AfterDelay);
  save(Manual, mock.Uri.file('/w/other.bpf.c'));
  await settled();
  expect(redeployed()).toBe(0);
  save(Manual);
  await vi.waitFor(() => expect(redeployed()).toBe(1));
  expect(mock.statusBarSaid.at(-1)).toContain('Redeployed execsnoop on web-1: 1 map kept');
  expect(mock.shown).toEqual([]);
  onSave.dispose();
  save(Manual);
  await settled();
  expect(redeployed()).toBe(1);
});

test('a save of a header that a live version was built from puts a new version in, of the headers that this one has', async () => {
  const { context, onSave, save, redeployed, settled } = await attached();
  const header = mock.Uri.file('/w/shared.h');
  const builds = context.fake.answers.build!;
  save(Manual, header);
  await settled();
  expect(redeployed()).toBe(0);
  context.fake.answers.build = async (...args) => ({
    ...((await builds(...args)) as BuildResult),
    headers: ['/w/shared.h'],
  });
  save(Manual);
  await vi.waitFor(() => expect(redeployed()).toBe(1));
  await vi.waitFor(() => expect(mock.statusBarSaid.at(-1)).toContain('Redeployed execsnoop'));
  save(AfterDelay, header);
  save(Manual, mock.Uri.file('/w/other.h'));
  await settled();
  expect(redeployed()).toBe(1);
  context.fake.answers.build = builds;
  save(Manual, header);
  await vi.waitFor(() => expect(redeployed()).toBe(2));
  await settled();
  save(Manual, header);
  await settled();
  expect(redeployed()).toBe(2);
  onSave.dispose();
});

test('a new version that is not confirmed leaves the old one, and that is said', async () => {
  const { context, run, onSave, save } = await attached();
  context.fake.answers.redeploy = (): RunSummary => {
    throw Object.assign(new Error('no'), { code: 'guard-confirmation-needed', remedy: 'x', detail: '', links: [] });
  };
  save(Manual);
  await vi.waitFor(() => expect(mock.statusBarSaid.at(-1)).toBe('Not confirmed. execsnoop goes on as it was.'));
  expect(mock.shown).toEqual([]);
  expect(context.runs.live().map(({ id }) => id)).toEqual([run.id]);
  onSave.dispose();
});

test('it does nothing where the setting is off, in a window that is not trusted, and for a run that is paused at its source', async () => {
  const { context, run, onSave, save, redeployed, settled } = await attached();
  mock.settings.set('ringside.redeployOnSave', false);
  save(Manual);
  mock.settings.set('ringside.redeployOnSave', true);
  mock.workspace.isTrusted = false;
  save(Manual);
  mock.workspace.isTrusted = true;
  context.runs.update({ ...run, suspendedAt: 1 });
  save(Manual);
  context.runs.update({ ...run, state: 'ended' });
  save(Manual);
  await settled();
  expect(redeployed()).toBe(0);
  onSave.dispose();
});

test('what is saved while a version is put in comes after it, once', async () => {
  const { context, onSave, save, redeployed, settled } = await attached();
  const works = context.fake.answers.redeploy!;
  let go: () => void = () => undefined;
  context.fake.answers.redeploy = async (...args) => {
    await new Promise<void>((resolve) => (go = resolve));
    return works(...args);
  };
  save(Manual);
  await vi.waitFor(() => expect(redeployed()).toBe(1));
  save(Manual);
  save(Manual);
  await settled();
  expect(redeployed()).toBe(1);
  go();
  await vi.waitFor(() => expect(redeployed()).toBe(2));
  go();
  await settled();
  expect(redeployed()).toBe(2);
  onSave.dispose();
});

test('a version that fails changes nothing: what the editor shows is not said in a message, the rest is', async () => {
  const { context, run, onSave, save } = await attached();
  const fails = (code: string): void => {
    context.fake.answers.redeploy = (): RunSummary => {
      throw Object.assign(new Error('no'), { code, remedy: '', detail: '', links: [] });
    };
  };
  fails('build-failed');
  save(Manual);
  await vi.waitFor(() =>
    expect(mock.statusBarSaid.at(-1)).toBe('execsnoop goes on as it was: the new version does not build'),
  );
  expect(mock.shown).toEqual([]);
  fails('attach-failed');
  save(Manual);
  await vi.waitFor(() => expect(mock.shown.map(({ text }) => text)).toEqual(['no']));
  expect(context.runs.live().map(({ id }) => id)).toEqual([run.id]);
  onSave.dispose();
});
