import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { addHostToConfig } from '../attach/addHost.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command, View } from '../contributions.ts';
import { goesOnText } from '../kept/keeper.ts';
import { withProgress } from '../progress.ts';
import type { HostNode } from './hostNodes.ts';
import { HostTree, type Node } from './hostTree.ts';
import { registerInventory } from './inventoryController.ts';
import { KeptNode } from './keptNode.ts';

export function registerHostsView(context: AppContext): void {
  const { disposables, engine, errors, hosts, doctors, kept, inventories } = context;
  const tree = new HostTree(context);
  const view = disposables.add(
    vscode.window.createTreeView<Node>(View.hosts, { treeDataProvider: tree, showCollapseAll: true }),
  );
  inventories.watch(view.visible);
  disposables.add(view.onDidChangeVisibility(({ visible }) => inventories.watch(visible)));
  registerInventory(context, tree, view);

  const connect = async (name: string): Promise<void> => {
    try {
      await withProgress(`Ringside: connecting to ${name}`, (call) => engine.connect(name, call));
    } catch (error) {
      await errors.show(error, { retry: () => connect(name) });
    }
  };
  const hostOf = async (node: HostNode | undefined, title: string) =>
    node?.name ?? (await pickHost(hosts, undefined, title));

  disposables.add(
    registerCommand(errors, Command.hostsRefresh, async () => {
      await hosts.refresh();
      kept.refreshAll();
    }),
  );
  disposables.add(
    registerCommand(errors, Command.keptShow, async () => {
      const [first] = kept.all();
      if (first !== undefined) await view.reveal(new KeptNode(first, 'hosts'), { focus: true, expand: true });
      else {
        await vscode.commands.executeCommand(`${View.hosts}.focus`);
        void vscode.window.showInformationMessage(
          'No kept run is known. Connect to a host to see those that it keeps.',
        );
      }
    }),
  );
  disposables.add(
    registerCommand(errors, Command.hostEnter, async () => {
      const name = await pickHost(hosts, undefined, 'Connect to Host');
      if (name !== undefined) await connect(name);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.hostAdd, async () => {
      const added = await addHostToConfig(engine);
      if (added === undefined) return;
      await hosts.refresh();
      const next = await vscode.window.showInformationMessage(`${added} is in your ssh config now.`, 'Connect');
      if (next === 'Connect') await connect(added);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.hostConnect, async (node) => {
      const name = await hostOf(node, 'Connect to Host');
      if (name !== undefined) await connect(name);
    }),
  );
  disposables.add(registerCommand(errors, Command.hostDisconnect, (node) => disconnect(context, node)));
  disposables.add(registerCommand(errors, Command.hostForget, (node) => (node ? hosts.forget(node.name) : undefined)));
  disposables.add(
    registerCommand(errors, Command.hostDoctor, async (node) => {
      const name = await hostOf(node, 'Check What the Host Can Do');
      if (name === undefined) return;
      doctors.open(name, [name]);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.hostRemoveAgent, async (node) => {
      const name = await hostOf(node, 'Remove Agent from Host');
      if (name !== undefined) await removeAgent(context, name);
    }),
  );
  disposables.add(registerCommand(errors, Command.hostsOpenConfig, () => openConfig(context)));
}

/** Asks only when something runs there: it would end. */
async function disconnect({ engine, runs }: AppContext, node: HostNode | undefined): Promise<void> {
  if (node === undefined) return;
  const live = runs.live().filter((run) => run.hosts.includes(node.name));
  const stay = live.filter((run) => run.kept.some((on) => on.host === node.name));
  const end = live.filter((run) => !stay.includes(run));
  const staying = stay.map((run) => goesOnText({ name: run.name, kept: run.kept })).join('; ');
  if (end.length > 0) {
    const message = `Disconnecting from ${node.name} detaches ${end.map((run) => run.name).join(', ')}.`;
    const options = { modal: true, ...(staying === '' ? {} : { detail: `${staying}.` }) };
    if ((await vscode.window.showWarningMessage(message, options, 'Disconnect')) !== 'Disconnect') return;
  }
  await engine.disconnect(node.name);
  if (staying !== '') vscode.window.setStatusBarMessage(staying, 8000);
}

async function removeAgent({ engine, kept }: AppContext, name: string): Promise<void> {
  const ended = kept.of(name).map((one) => one.name);
  const detail = [
    'Everything that Ringside put there is removed, and what it attached is detached. The next attach uploads it again.',
    ...(ended.length === 0 ? [] : [`Kept runs end: ${ended.join(', ')}.`]),
  ].join('\n\n');
  const question = `Remove the agent from ${name}?`;
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Remove')) !== 'Remove') return;
  const { removed } = await withProgress(`Ringside: removing the agent from ${name}`, (call) =>
    engine.agentRemove(name, call),
  );
  for (const one of kept.of(name)) await kept.forget(one);
  const words =
    removed.length === 0 ? `Nothing of Ringside was on ${name}.` : `Removed from ${name}: ${removed.join(', ')}`;
  void vscode.window.showInformationMessage(words);
}

/** Opens the file the first host came from, or one of the user's choice of names for a new one. */
async function openConfig({ hosts }: AppContext): Promise<void> {
  const source = hosts
    .all()
    .find((host) => host.entry !== null)
    ?.entry?.source.replace(/:\d+$/, '');
  const file = source ?? vscode.Uri.joinPath(vscode.Uri.file(process.env['HOME'] ?? '/'), '.ssh', 'config').fsPath;
  await vscode.window.showTextDocument(vscode.Uri.file(file));
}
