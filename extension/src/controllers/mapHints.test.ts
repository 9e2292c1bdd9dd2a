import { afterEach, describe, expect, test, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { MapFill } from '@ringside/core/model';
import { RunList } from '../model/runList.ts';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';
import { MapHints } from './mapHints.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));

const text = 'struct {\n} counts SEC(".maps");\n';
const file = '/w/execsnoop.bpf.c';
const document = {
  uri: mock.Uri.file(file),
  getText: () => text,
  positionAt: (offset: number) => ({ line: text.slice(0, offset).split('\n').length - 1, offset }),
};
const everywhere = { contains: () => true } as unknown as vscode.Range;

function make(fills: () => MapFill[]) {
  const fake = new FakeEngine().works();
  fake.answers.mapFill = fills;
  const runs = new RunList(fake.engine);
  const hints = new MapHints({ engine: fake.engine as never, runs, errors: { log: () => undefined } as never });
  let fired = 0;
  hints.onDidChangeInlayHints(() => fired++);
  mock.settings.set('ringside.mapHints', true);
  mock.window.visibleTextEditors = [{ document }];
  const shown = () => hints.provideInlayHints(document as never, everywhere).map((hint) => hint.label);
  return { fake, runs, hints, shown, fired: () => fired };
}

const one = (count: number): MapFill => ({ map: 'counts', host: 'web-1', unit: 'entries', count, more: false, of: 10 });

describe('hints beside map definitions', () => {
  afterEach(() => {
    mock.window.visibleTextEditors = [];
    mock.settings.clear();
  });

  test('say how full a map of a running file is, and are told anew only when that changes', async () => {
    let count = 3;
    const { runs, hints, shown, fired } = make(() => [one(count)]);
    runs.update(aRun({ file }));
    await hints.refresh();
    await hints.refresh();
    expect([shown(), fired()]).toEqual([['3 of 10'], 1]);
    count = 9;
    await hints.refresh();
    expect([shown(), fired()]).toEqual([['⚠ 9 of 10'], 2]);
    hints.dispose();
  });

  test('are asked for only while the file is in view and runs, and go with the run', async () => {
    const { fake, runs, hints, shown } = make(() => [one(3)]);
    await hints.refresh();
    mock.window.visibleTextEditors = [];
    runs.update(aRun({ file }));
    await hints.refresh();
    expect(fake.called('mapFill')).toEqual([]);
    mock.window.visibleTextEditors = [{ document }];
    hints.follow();
    await vi.waitFor(() => expect(shown()).toEqual(['3 of 10']));
    runs.update(aRun({ file, state: 'ended' }));
    hints.follow();
    expect(shown()).toEqual([]);
    hints.dispose();
  });

  test('are off by the setting', async () => {
    const { fake, runs, hints } = make(() => [one(3)]);
    mock.settings.set('ringside.mapHints', false);
    runs.update(aRun({ file }));
    await hints.refresh();
    expect(fake.called('mapFill')).toEqual([]);
    hints.dispose();
  });
});
