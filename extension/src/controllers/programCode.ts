import * as vscode from 'vscode';
import { listCode, type CodeListing } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { ExtensionError } from '../errors.ts';
import { commandFile } from '../files.ts';
import { withProgress } from '../progress.ts';
import { documentScheme } from '../virtualDocuments.ts';
import { InventoryRowNode } from './inventoryNodes.ts';

interface Program {
  host: string;
  id: number;
}

/** A loaded program as the kernel rewrote it and its machine code, beside the source, with the source's lines between. */
export function registerProgramCode(context: AppContext): void {
  const { disposables, errors, engine, documents } = context;
  const links = new SourceLinks();

  disposables.add(
    registerCommand(errors, Command.programCode, async (target, name) => {
      const found = target instanceof InventoryRowNode ? ofRow(target) : await ofRun(context, target, name);
      if (found === undefined) return;
      const { host, id } = found;
      const title = `Ringside: reading program ${id} of ${host}`;
      const code = await withProgress(title, (call) => engine.programCode(host, id, call));
      const listing = listCode(code, 'both');
      const uri = documents.put(`${code.name || 'program'} (${id}) on ${host}.bpfcode`, { text: listing.text });
      links.put(uri, listing);
      await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside, preview: true });
    }),
  );
  disposables.add(
    vscode.languages.registerDocumentLinkProvider({ scheme: documentScheme, pattern: '**/*.bpfcode' }, links),
  );
}

/** Rows of programs are called so. */
function ofRow({ row, parent }: InventoryRowNode): Program | undefined {
  const id = /^program:(\d+)$/.exec(row.id)?.[1];
  return id === undefined ? undefined : { host: parent.parent.host.name, id: Number(id) };
}

/** The program of a file's live run: its link knows the id; what has no link is found by its name and its owner. */
async function ofRun({ runs, engine }: AppContext, file: vscode.Uri | undefined, name: unknown): Promise<Program> {
  const { fsPath } = commandFile(file);
  const run = runs.live().find((live) => live.file === fsPath);
  const attached = run?.attachments.filter((attachment) => typeof name !== 'string' || attachment.program === name);
  const [first] = attached ?? [];
  if (first === undefined)
    throw new ExtensionError({
      code: 'usage',
      message: 'This program is not attached.',
      remedy: 'Attach it first, or choose a program of a host in the Hosts view.',
    });
  const { host, link, program } = first;
  if (link.id !== 0) {
    const id = (await engine.links(host)).find((one) => one.id === link.id)?.program?.id;
    if (id !== undefined) return { host, id };
  }
  const named = (await engine.programs(host)).filter((one) => one.name === program && one.ringside === true);
  const newest = named.sort((a, b) => b.id - a.id)[0];
  if (newest) return { host, id: newest.id };
  throw new ExtensionError({ code: 'unknown-program', message: `${program} is not loaded on ${host} any more.` });
}

/** Lines of the source lead to the source. */
class SourceLinks implements vscode.DocumentLinkProvider {
  readonly #places = new Map<string, CodeListing['places']>();

  put(uri: vscode.Uri, { places }: CodeListing): void {
    this.#places.set(uri.toString(), places);
  }

  provideDocumentLinks(document: vscode.TextDocument): vscode.DocumentLink[] {
    const places = this.#places.get(document.uri.toString()) ?? new Map<number, { file: string; line: number }>();
    return [...places]
      .filter(([at, { file }]) => at < document.lineCount && file.startsWith('/'))
      .map(([at, { file, line }]) => {
        const text = document.lineAt(at).range;
        const target = vscode.Uri.file(file).with({ fragment: `L${line}` });
        return new vscode.DocumentLink(text, target);
      });
  }
}
