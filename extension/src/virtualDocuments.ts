import { open, stat } from 'node:fs/promises';
import * as vscode from 'vscode';

export const documentScheme = 'ringside';
const maxDocuments = 64;
/** The editor stops syncing documents above 50 MB; a log of an endless loop reaches 16 MB and nobody reads its middle. */
const maxFileBytes = 4 * 1024 * 1024;

type Content = { text: string } | { file: string };

/** Read-only documents for long text: verifier logs, error details, reports. Find, copy and diff come for free. */
export class VirtualDocuments implements vscode.TextDocumentContentProvider {
  readonly #contents = new Map<string, Content>();
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;

  register(): vscode.Disposable {
    return vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(documentScheme, this),
      this.#changed,
    );
  }

  /** Stores content under a name ("execsnoop on web-1.log"); the same name replaces the document. */
  put(name: string, content: Content): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: documentScheme, path: `/${name.replace(/[/\\]/g, '_')}` });
    const key = uri.toString();
    this.#contents.delete(key);
    this.#contents.set(key, content);
    for (const oldest of this.#contents.keys()) {
      if (this.#contents.size <= maxDocuments) break;
      this.#contents.delete(oldest);
    }
    this.#changed.fire(uri);
    return uri;
  }

  async show(uri: vscode.Uri): Promise<void> {
    await vscode.window.showTextDocument(uri, { preview: true });
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const content = this.#contents.get(uri.toString());
    if (content === undefined) return 'This text was shown in an earlier session and is gone. Run the command again.';
    return 'text' in content ? content.text : await readEnds(content.file, maxFileBytes);
  }
}

/** The whole file, or its beginning and end with a line that says how much is left out between them. */
export async function readEnds(file: string, maxBytes: number): Promise<string> {
  const { size } = await stat(file);
  const handle = await open(file, 'r');
  try {
    const read = async (position: number, length: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
      return buffer.toString('utf8', 0, bytesRead);
    };
    if (size <= maxBytes) return await read(0, size);
    const half = Math.floor(maxBytes / 2);
    const head = await read(0, half);
    const tail = await read(size - half, half);
    return `${head}\n\n… ${size - 2 * half} bytes left out; the whole log is ${file} …\n\n${tail}`;
  } finally {
    await handle.close();
  }
}
