/** One list of what we and clangd know: ours first, and nothing twice. */
import { InsertTextFormat, type CompletionItem, type CompletionList } from 'vscode-languageserver';

/**
 * Our items in front of clangd's. Of a name that both have, our description stays and clangd's edit is taken: it knows
 * what is replaced, and whether a "." has to become "->".
 */
export function mergeCompletions(ours: CompletionList | null, theirs: CompletionList | null): CompletionList | null {
  if (!theirs || theirs.items.length === 0) return ours;
  const own = ours?.items ?? [];
  const byName = new Map(theirs.items.map((item) => [nameOf(item), corrected(item)]));
  const known = new Set(own.map(nameOf));
  const items = [
    ...own.map((item) => ({
      ...withEdit(item, byName.get(nameOf(item))),
      sortText: `0${item.sortText ?? item.label}`,
    })),
    ...theirs.items
      .filter((item) => !known.has(nameOf(item)))
      .map((item) => ({ ...corrected(item), sortText: `1${item.sortText ?? item.label}` })),
  ];
  return { isIncomplete: (ours?.isIncomplete ?? false) || theirs.isIncomplete, items };
}

/** clangd marks labels with a space or a bullet; its filterText is the plain name. */
function nameOf({ filterText, label }: CompletionItem): string {
  return filterText ?? label.trim();
}

/** Editors look for what an edit replaces in the item's name: behind a "." that becomes "->" they find it this way. */
function corrected(item: CompletionItem): CompletionItem {
  return item.textEdit?.newText.startsWith('->') ? { ...item, filterText: `.${nameOf(item)}` } : item;
}

function withEdit(item: CompletionItem, twin: CompletionItem | undefined): CompletionItem {
  if (!twin || item.textEdit || item.insertText !== undefined) return item;
  const { filterText, textEdit, insertText, insertTextFormat = InsertTextFormat.PlainText, additionalTextEdits } = twin;
  return {
    ...item,
    insertTextFormat,
    ...(insertText !== undefined && { insertText }),
    ...(textEdit && { textEdit }),
    ...(filterText !== undefined && { filterText }),
    ...(additionalTextEdits && { additionalTextEdits }),
  };
}
