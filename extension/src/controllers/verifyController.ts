import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { saveIfDirty, untrusted } from '../attach/attacher.ts';
import { pickHosts } from '../attach/hostsPicker.ts';
import { commandOf, registerCommand } from '../commands.ts';
import { setting } from '../config.ts';
import { Command, Setting } from '../contributions.ts';
import { fixesOf, programOf, workspaceEdit } from '../diagnostics/diagnosticSets.ts';
import { bpfSelector, commandFile, isBpfSource } from '../files.ts';
import { askedNow } from '../panels/askedNow.ts';

/** Verify by command and on save, the verifier's fixes as quick fixes, and the way to its whole log. */
export function registerVerify(context: AppContext): void {
  const { disposables, errors, attacher, verifier, verdicts, verdictTables, documents, diagnostics, chosenHosts } =
    context;

  disposables.add(
    registerCommand(errors, Command.verify, async (uri, program) => {
      if (!vscode.workspace.isTrusted) throw untrusted();
      const file = commandFile(uri);
      const host = await attacher.hostFor(file);
      if (host === undefined) return undefined;
      await saveIfDirty(file);
      return await verifier.verify(file, host, { programs: typeof program === 'string' ? [program] : [] });
    }),
  );
  disposables.add(
    registerCommand(errors, Command.verifyOnHosts, async (uri) => {
      if (!vscode.workspace.isTrusted) throw untrusted();
      const file = commandFile(uri);
      const hosts = await pickHosts(context.hosts, context.extension.workspaceState, 'Verify on Several Hosts');
      if (hosts === undefined) return;
      const mayFocus = askedNow();
      await chosenHosts.set(file, chosenHosts.get(file) ?? hosts[0]!, hosts);
      await saveIfDirty(file);
      verdictTables.open(file, hosts, mayFocus());
    }),
  );
  disposables.add(
    registerCommand(errors, Command.showVerdict, async (uri, program) => {
      const known = verdicts.get(uri, program);
      if (known !== undefined) await documents.show(known.log);
    }),
  );
  disposables.add(
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      if (!isBpfSource(uri) || !vscode.workspace.isTrusted || !setting(Setting.verifyOnSave, uri)) return;
      const host = chosenHosts.get(uri);
      if (host !== undefined) void verifier.verify(uri, host, { quiet: true });
    }),
  );
  disposables.add(
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0 && isBpfSource(document.uri)) diagnostics.clearCompiler(document.uri);
    }),
  );
  disposables.add(vscode.workspace.onDidDeleteFiles(({ files }) => files.forEach((file) => diagnostics.clear(file))));
  disposables.add(
    vscode.languages.registerCodeActionsProvider(bpfSelector, new VerifierFixes(), {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
  );
}

class VerifierFixes implements vscode.CodeActionProvider {
  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const fixes = diagnostics.flatMap((diagnostic) =>
      (fixesOf.get(diagnostic) ?? []).map((fix) => {
        const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
        action.edit = workspaceEdit(document.uri, fix);
        action.diagnostics = [diagnostic];
        return action;
      }),
    );
    const explore = diagnostics.flatMap((diagnostic) => {
      const program = programOf.get(diagnostic);
      if (program === undefined) return [];
      const action = new vscode.CodeAction('Explore the verifier’s path to it', vscode.CodeActionKind.QuickFix);
      action.command = commandOf(Command.explore, action.title, document.uri, program);
      action.diagnostics = [diagnostic];
      return [action];
    });
    return [...fixes, ...explore];
  }
}
