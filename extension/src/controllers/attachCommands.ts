import type * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { draftSpec } from '../attach/attacher.ts';
import { pickHosts } from '../attach/hostsPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { commandFile } from '../files.ts';

/** Attach from the editor, a lens, the explorer or the palette. F5 goes the same way: debug/. */
export function registerAttachCommands(context: AppContext): void {
  const { disposables, errors, attacher, chosenHosts } = context;

  const attach = async (file: vscode.Uri, program: unknown, chooseHost: boolean): Promise<void> => {
    const programs = typeof program === 'string' ? [program] : [];
    try {
      await attacher.start(draftSpec(file.fsPath, { programs }), { chooseHost });
    } catch (error) {
      await errors.show(error, {
        retry: () => attach(file, program, false),
        actions: otherHost(() => attach(file, program, true), error),
      });
    }
  };
  disposables.add(registerCommand(errors, Command.attach, (uri, program) => attach(commandFile(uri), program, false)));
  disposables.add(registerCommand(errors, Command.attachTo, (uri, program) => attach(commandFile(uri), program, true)));
  disposables.add(registerCommand(errors, Command.chooseHost, (uri) => attacher.hostFor(commandFile(uri), true)));
  disposables.add(
    registerCommand(errors, Command.chooseHosts, async (uri) => {
      const file = commandFile(uri);
      const before = chosenHosts.get(file);
      const hosts = await pickHosts(context.hosts, context.extension.workspaceState, 'Hosts of This Program', {
        ticked: [...(before === undefined ? [] : [before]), ...chosenHosts.others(file)],
        why: 'Choose hosts: the editor says what one of them lacks',
      });
      if (hosts === undefined) return;
      // The host that it is attached to stays the first one.
      const first = before !== undefined && hosts.includes(before) ? before : hosts[0]!;
      await chosenHosts.set(file, first, hosts);
    }),
  );
}

/** Failures of the host, not of the program: another host may do. */
const hostTrouble = /^(host-|auth-|ssh-|sudo-|not-linux|arch-|noexec|no-btf|no-permission|lockdown)/;

function otherHost(run: () => unknown, error: unknown): { title: string; run: () => unknown }[] {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && hostTrouble.test(code) ? [{ title: 'Choose Another Host', run }] : [];
}
