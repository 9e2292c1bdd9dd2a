import { expect, it } from 'vitest';
import type { CompletionItem, CompletionList } from 'vscode-languageserver';
import { mergeCompletions } from './merge.ts';

const list = (items: CompletionItem[], isIncomplete = false): CompletionList => ({ isIncomplete, items });
const range = { start: { line: 0, character: 0 }, end: { line: 0, character: 2 } };

it('has our items first, and none twice', () => {
  const ours = list([{ label: 'pid', detail: 'pid_t pid', sortText: '00001' }, { label: 'zz' }]);
  const theirs = list([
    { label: ' pid', filterText: 'pid', sortText: '00000', textEdit: { range, newText: 'pid' } },
    { label: ' tgid', filterText: 'tgid', sortText: '00000' },
  ]);
  const merged = mergeCompletions(ours, theirs)!;
  const sorted = [...merged.items].sort((a, b) => (a.sortText! < b.sortText! ? -1 : 1));
  expect(sorted.map((item) => item.label)).toEqual(['pid', 'zz', ' tgid']);
  expect(sorted[0]).toMatchObject({ detail: 'pid_t pid', textEdit: { range, newText: 'pid' } });
});

it('takes the correction of "." to "->" from clangd', () => {
  const textEdit = { range, newText: '->pid' };
  const theirs = list([{ label: ' pid', filterText: 'pid', textEdit }]);
  const [item] = mergeCompletions(list([{ label: 'pid', detail: 'ours' }]), theirs)!.items;
  // An editor filters by the text that the edit replaces, which begins with the ".".
  expect(item).toMatchObject({ label: 'pid', detail: 'ours', textEdit, filterText: '.pid' });
  const alone = mergeCompletions(null, theirs)!.items[0]!;
  expect(alone).toMatchObject({ textEdit, filterText: '.pid' });
});

it('leaves an edit of ours as it is', () => {
  const ours = list([{ label: 'SEC', insertText: 'SEC("$0")', insertTextFormat: 2 }]);
  const theirs = list([{ label: ' SEC(name)', filterText: 'SEC', insertText: 'SEC(${1:name})', insertTextFormat: 2 }]);
  expect(mergeCompletions(ours, theirs)!.items).toEqual([
    { label: 'SEC', insertText: 'SEC("$0")', insertTextFormat: 2, sortText: '0SEC' },
  ]);
});

it('is one of the two when the other has nothing, and unfinished when one of them is', () => {
  const ours = list([{ label: 'a' }]);
  expect(mergeCompletions(ours, null)).toBe(ours);
  expect(mergeCompletions(ours, list([]))).toBe(ours);
  expect(mergeCompletions(null, list([{ label: 'b' }], true))).toEqual({
    isIncomplete: true,
    items: [{ label: 'b', sortText: '1b' }],
  });
  expect(mergeCompletions(null, null)).toBeNull();
});
