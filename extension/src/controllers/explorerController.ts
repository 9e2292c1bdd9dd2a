import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { ExtensionError } from '../errors.ts';
import { commandFile } from '../files.ts';
import type { KnownVerdict } from '../model/verdicts.ts';
import { explorePath, linkedTarget } from '../panels/explorerLink.ts';
import { scanPrograms } from '../programScan.ts';

/** The verifier explorer: from a verdict, from a saved log, from a link. */
export function registerExplorer({ disposables, errors, verdicts, explorers, cacheDir }: AppContext): void {
  disposables.add(
    registerCommand(errors, Command.explore, async (uri, program) => {
      const file = commandFile(uri);
      const known = await chosen(file, typeof program === 'string' ? program : undefined);
      if (known !== undefined) explorers.explore(file, known.host, known.verdict.name);
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
        if (linked !== null) explorers.open(linked.target, linked.step);
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

  /** The verdict of a program; of several the one that is asked for. */
  async function chosen(file: vscode.Uri, program: string | undefined): Promise<KnownVerdict | undefined> {
    if (program !== undefined) {
      const known = verdicts.get(file, program);
      if (known !== undefined) return known;
    }
    const document = await vscode.workspace.openTextDocument(file);
    const all = scanPrograms(document.getText()).flatMap(({ name }) => verdicts.get(file, name) ?? []);
    if (all.length === 0)
      throw new ExtensionError({
        code: 'usage',
        message: 'No verifier has seen this file yet.',
        remedy: 'Verify it on a host, then explore what its verifier did.',
      });
    const rejected = all.filter(({ verdict }) => verdict.verdict === 'rejected');
    if (all.length === 1 || rejected.length === 1) return rejected[0] ?? all[0];
    const items = all.map((known) => ({
      label: known.verdict.name,
      description: `${known.verdict.verdict} by ${known.host}`,
      known,
    }));
    return (await vscode.window.showQuickPick(items, { title: 'Explore the Verifier’s Path' }))?.known;
  }
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
