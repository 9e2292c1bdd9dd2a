import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { draftSpec, saveIfDirty, untrusted } from '../attach/attacher.ts';
import { registerCommand } from '../commands.ts';
import { setting } from '../config.ts';
import { Command, Setting } from '../contributions.ts';
import { ExtensionError, errorData } from '../errors.ts';
import { isBpfSource } from '../files.ts';
import { recognisedPaths } from '../sources.ts';
import { askedNow } from '../panels/askedNow.ts';
import type { GroupNode } from './hostNodes.ts';
import { hostGroups, type HostGroup } from '../model/hostGroups.ts';
import { withProgress } from '../progress.ts';

/** What is done with a group is done on all of its hosts. */
export function registerGroups(context: AppContext): void {
  const { disposables, errors, attacher, doctors, verdictTables } = context;
  const onGroup = (
    id:
      | typeof Command.groupConnect
      | typeof Command.groupDoctor
      | typeof Command.groupAttach
      | typeof Command.groupVerify,
    action: (group: HostGroup) => unknown,
  ): void => {
    disposables.add(
      registerCommand(errors, id, async (node?: GroupNode) => {
        if (!vscode.workspace.isTrusted) throw untrusted();
        const group: HostGroup | undefined = node ?? (await pickGroup(context));
        if (group === undefined) return;
        if (group.hosts.length === 0) throw emptyGroup(group);
        await action(group);
      }),
    );
  };
  onGroup(Command.groupConnect, (group) => connectAll(context, group));
  onGroup(Command.groupDoctor, ({ name, hosts }) => doctors.open(name, hosts));
  onGroup(Command.groupAttach, async ({ name, hosts }) => {
    const file = await pickSource(`Attach to ${name}`);
    if (file !== undefined) await attacher.start(draftSpec(file.fsPath, { hosts }));
  });
  onGroup(Command.groupVerify, async ({ name, hosts }) => {
    const file = await pickSource(`Verify on ${name}`);
    if (file === undefined) return;
    const mayFocus = askedNow();
    await saveIfDirty(file);
    verdictTables.open(file, hosts, mayFocus());
  });
}

/** All at once; each that fails says why, the others are connected all the same. */
async function connectAll({ engine, errors }: AppContext, { name, hosts }: HostGroup): Promise<void> {
  const failed: string[] = [];
  await withProgress(`Ringside: connecting to ${name}`, async (call) => {
    const connect = async (host: string): Promise<void> => {
      try {
        await engine.connect(host, call);
      } catch (error) {
        if (errorData(error).code === 'cancelled') return;
        errors.log(error);
        failed.push(`${host}: ${errorData(error).message}`);
      }
    };
    await Promise.all(hosts.map(connect));
  });
  if (failed.length > 0) void vscode.window.showErrorMessage(`Not connected: ${failed.join(' ')}`);
}

async function pickGroup({ hosts }: AppContext): Promise<HostGroup | undefined> {
  await hosts.load();
  const names = hosts.all().map((host) => host.name);
  const groups = hostGroups(setting(Setting.hostGroups), names);
  if (groups.length === 0) {
    const open = 'Open Settings';
    const message = 'There are no host groups. The setting "Ringside: Host Groups" makes them.';
    if ((await vscode.window.showInformationMessage(message, open)) === open) {
      await vscode.commands.executeCommand('workbench.action.openSettings', Setting.hostGroups);
    }
    return undefined;
  }
  const items = groups.map((group) => ({ label: group.name, description: group.hosts.join(', '), group }));
  return (await vscode.window.showQuickPick(items, { placeHolder: 'Choose a group of hosts' }))?.group;
}

/** The source in the editor, or one of the workspace. */
async function pickSource(title: string): Promise<vscode.Uri | undefined> {
  const open = vscode.window.activeTextEditor?.document.uri;
  if (open !== undefined && isBpfSource(open)) return open;
  const named = await vscode.workspace.findFiles('**/*.bpf.c', '**/node_modules/**', 500);
  const files = [...recognisedPaths().map((path) => vscode.Uri.file(path)), ...named];
  if (files.length <= 1) {
    if (files[0] === undefined)
      throw new ExtensionError({ code: 'usage', message: 'There is no .bpf.c file in this window.' });
    return files[0];
  }
  const items = files.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  return (await vscode.window.showQuickPick(items, { title, placeHolder: 'Choose a program' }))?.uri;
}

const emptyGroup = ({ name }: HostGroup): ExtensionError =>
  new ExtensionError({
    code: 'usage',
    message: `No host belongs to the group ${name}.`,
    remedy: 'Its patterns in the setting "Ringside: Host Groups" fit no host of the ssh config.',
  });
