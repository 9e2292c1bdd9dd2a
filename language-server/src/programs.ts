/** Which open documents are BPF programs: by name, or by what is in them. */
import { fileURLToPath } from 'node:url';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { CheckedDocument } from './checker.ts';

const section = /\bSEC\s*\(\s*"/;

export class Programs {
  /** Found by a section in them; they stay programs while they are open, whatever is typed. */
  private readonly recognised = new Set<string>();

  /** null for what is no program, or not on the disk: a text without a path has no folder for its includes. */
  read(document: TextDocument): CheckedDocument | null {
    const { uri, version } = document;
    if (!uri.startsWith('file:') || !this.isProgram(document)) return null;
    try {
      return { uri, file: fileURLToPath(uri), version, text: document.getText() };
    } catch {
      return null; // a file URI with a host, or another that names no local path
    }
  }

  forget(uri: string): void {
    this.recognised.delete(uri);
  }

  private isProgram(document: TextDocument): boolean {
    const { uri } = document;
    if (uri.endsWith('.bpf.c') || this.recognised.has(uri)) return true;
    if (!uri.endsWith('.c') || !section.test(document.getText())) return false;
    this.recognised.add(uri);
    return true;
  }
}
