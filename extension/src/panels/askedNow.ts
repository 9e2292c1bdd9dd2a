import * as vscode from 'vscode';

/** Who asked longer ago than this has gone on to something else. */
const PATIENCE_MS = 1000;

/**
 * Notes that a panel is asked for now. What it gives says, when the panel comes, whether it may take the keyboard: not when
 * that took long, nor when another editor has become the active one meanwhile. Typing would go on in the panel.
 */
export function askedNow(): () => boolean {
  const at = performance.now();
  const editor = vscode.window.activeTextEditor;
  return () => performance.now() - at <= PATIENCE_MS && vscode.window.activeTextEditor === editor;
}
