/** The first section is typed before the language server is up: what it would have proposed is asked for once it is. */
import * as vscode from 'vscode';

/** Whether the cursor stands in a section's name that is being typed: quotes and parentheses close themselves. */
export const isInSection = (before: string, after: string): boolean =>
  /\bSEC\s*\(\s*"[^"]*$/.test(before) && /^"?\s*\)?\s*$/.test(after);

/** Asks for suggestions where a section is being typed in the editor; does nothing anywhere else. */
export async function suggestSection(isSource: (uri: vscode.Uri) => boolean): Promise<void> {
  const { document, selection } = vscode.window.activeTextEditor ?? {};
  // What is only looked at is left alone.
  if (document === undefined || selection === undefined || !document.isDirty || !isSource(document.uri)) return;
  const { text } = document.lineAt(selection.active.line);
  const { character } = selection.active;
  if (!selection.isEmpty || !isInSection(text.slice(0, character), text.slice(character))) return;
  await vscode.commands.executeCommand('editor.action.triggerSuggest');
}
