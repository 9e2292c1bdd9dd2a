import * as vscode from 'vscode';
import { ExtensionError } from './errors.ts';

/** The files that Ringside works on. */
export const bpfSelector: vscode.DocumentSelector = { scheme: 'file', language: 'c', pattern: '**/*.bpf.c' };

export const isBpfSource = (uri: vscode.Uri): boolean => uri.scheme === 'file' && uri.fsPath.endsWith('.bpf.c');

/** The file a command is for: its argument, else the one in the editor. Throws when that is none of ours. */
export function commandFile(uri: vscode.Uri | undefined): vscode.Uri {
  const file = uri ?? vscode.window.activeTextEditor?.document.uri;
  if (file === undefined || file.scheme !== 'file' || !/\.(bpf\.c|c|o)$/.test(file.fsPath)) {
    throw new ExtensionError({
      code: 'usage',
      message: 'No BPF program is open.',
      remedy: 'Open a .bpf.c file, or take one from the gallery.',
    });
  }
  return file;
}
