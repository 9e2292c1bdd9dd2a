import { beforeEach, expect, it, vi } from 'vitest';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { isInSection, suggestSection } = await import('./firstSuggestion.ts');

beforeEach(() => {
  mock.executed.length = 0;
  mock.window.activeTextEditor = undefined;
});

it.each([
  ['SEC("', ''],
  ['SEC("tp/sched/sched_', '")'],
  ['SEC ( "kprobe/', '"'],
  ['SEC("?fentry/', '")  '],
])('a section is being typed in %s‸%s', (before, after) => expect(isInSection(before, after)).toBe(true));

it.each([
  ['SEC("xdp")', ''],
  ['SEC("xdp', '") int p(void *ctx)'],
  ['int SECTION("', '")'],
  ['printf("', '")'],
  ['SEC(', ')'],
])('none is in %s‸%s', (before, after) => expect(isInSection(before, after)).toBe(false));

/** An editor with the cursor at ‸. */
function editor(line: string, { isDirty = true, isEmpty = true } = {}): void {
  const active = new mock.Position(0, line.indexOf('‸'));
  const document = { uri: mock.Uri.file('/p/a.bpf.c'), isDirty, lineAt: () => ({ text: line.replace('‸', '') }) };
  Object.assign(mock.window, { activeTextEditor: { document, selection: { active, isEmpty } } });
}

it('asks once for what is typed, and for nothing else', async () => {
  await suggestSection(() => true);
  editor('SEC("tp/‸")');
  await suggestSection(() => false);
  editor('SEC("tp/‸")', { isDirty: false });
  await suggestSection(() => true);
  editor('SEC("tp/‸")', { isEmpty: false });
  await suggestSection(() => true);
  editor('int a‸;');
  await suggestSection(() => true);
  expect(mock.executed).toEqual([]);
  editor('SEC("tp/‸")');
  await suggestSection(() => true);
  expect(mock.executed).toEqual([['editor.action.triggerSuggest']]);
});
