import * as vscode from 'vscode';
import { ExtensionError } from './errors.ts';
import { isProgramFile, isRecognised, lastSource } from './sources.ts';

/** The files that Ringside looks at: in those of them that hold no programs it finds nothing. */
export const bpfSelector: vscode.DocumentSelector = { scheme: 'file', language: 'c', pattern: '**/*.c' };

/** By its name, or by what is in it while it is open. */
export const isBpfSource = (uri: vscode.Uri): boolean =>
  uri.scheme === 'file' && (uri.fsPath.endsWith('.bpf.c') || isRecognised(uri.fsPath));

/**
 * The file a command is for: its argument, else the one in the editor, else, where a walkthrough or a panel has the
 * keyboard, the source that was edited last. Throws when that is none of ours.
 */
export function commandFile(uri: vscode.Uri | undefined): vscode.Uri {
  const file = uri ?? vscode.window.activeTextEditor?.document.uri ?? lastSource();
  if (file === undefined || !isProgramFile(file)) {
    throw new ExtensionError({
      code: 'usage',
      message: 'No BPF program is open.',
      remedy: 'Open a .bpf.c file, or take one from the gallery.',
    });
  }
  return file;
}
