import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { ExtensionError } from '../errors.ts';
import { commandFile } from '../files.ts';
import type { KnownVerdict } from '../model/verdicts.ts';
import { askedNow } from '../panels/askedNow.ts';
import { explorePath, linkedTarget } from '../panels/explorerLink.ts';
import { scanPrograms } from '../programScan.ts';

/** The verifier explorer: from a verdict, from a saved log, from a link. */
export function registerExplorer({ disposables, errors, verdicts, explorers, cacheDir }: AppContext): void {
  disposables.add(
    registerCommand(errors, Command.explore, async (uri, program) => {
      const file = commandFile(uri);
      const mayFocus = askedNow();
      const [known, ...others] = await verdictsOf(file, typeof program === 'string' ? program : undefined);
      if (others.length === 0) {
        explorers.explore(file, known.host, known.verdict.name, mayFocus());
        return;
      }
      const picked = await pickVerdict([known, ...others]);
      if (picked !== undefined) explorers.explore(file, picked.host, picked.verdict.name);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.openVerifierLog, async (uri) => {
      const file = uri ?? (await pickLog());
      if (file !== undefined) explorers.open({ log: file.fsPath, record: null, program: '' });
    }),
  );
  disposables.add(
    vscode.window.registerUriHandler({
      handleUri: (uri) => {
        if (uri.path !== explorePath) return;
        const linked = linkedTarget(cacheDir, uri.query);
        if (linked !== null) explorers.open(linked.target, { step: linked.step });
        else
          void errors.show(
            new ExtensionError({
              code: 'usage',
              message: 'The link names no verifier log that is on this machine.',
              remedy: 'Verify the program here, then explore it; or open the log from a file.',
            }),
          );
      },
    }),
  );

  /** The verdict of a program; those of all programs of the file when none is named, or the one that was rejected. */
  async function verdictsOf(file: vscode.Uri, program: string | undefined): Promise<[KnownVerdict, ...KnownVerdict[]]> {
    if (program !== undefined) {
      const known = verdicts.get(file, program);
      if (known !== undefined) return [known];
    }
    const document = await vscode.workspace.openTextDocument(file);
    const [first, ...others] = scanPrograms(document.getText()).flatMap(({ name }) => verdicts.get(file, name) ?? []);
    if (first === undefined)
      throw new ExtensionError({
        code: 'usage',
        message: 'No verifier has seen this file yet.',
        remedy: 'Verify it on a host, then explore what its verifier did.',
      });
    const [rejected, ...more] = [first, ...others].filter(({ verdict }) => verdict.verdict === 'rejected');
    return rejected !== undefined && more.length === 0 ? [rejected] : [first, ...others];
  }
}

async function pickVerdict(all: readonly KnownVerdict[]): Promise<KnownVerdict | undefined> {
  const items = all.map((known) => ({
    label: known.verdict.name,
    description: `${known.verdict.verdict} by ${known.host}`,
    known,
  }));
  return (await vscode.window.showQuickPick(items, { title: 'Explore the Verifier’s Path' }))?.known;
}

async function pickLog(): Promise<vscode.Uri | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: 'Open Verifier Log',
      openLabel: 'Explore',
      filters: { 'Verifier logs': ['log', 'txt'], 'All files': ['*'] },
    })) ?? [];
  return file;
}
