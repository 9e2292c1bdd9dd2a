import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { withProgress } from '../progress.ts';
import type { HostTree, Node } from './hostTree.ts';
import { InventoryRowNode, type InventoryNode } from './inventoryNodes.ts';

/** Commands on what is of BPF on a host. What others have there is taken away only when a person has said so of that one. */
export function registerInventory(context: AppContext, tree: HostTree, view: vscode.TreeView<Node>): void {
  const { disposables, errors, hosts, engine, inventories, runs, keeper } = context;

  disposables.add(
    registerCommand(errors, Command.inventoryShow, async (node) => {
      const name = node?.name ?? (await pickHost(hosts, undefined, 'Show BPF on the Host'));
      if (name === undefined) return;
      if (hosts.get(name)?.state.state !== 'ready') {
        await withProgress(`Ringside: connecting to ${name}`, (call) => engine.connect(name, call));
      }
      await inventories.read(name);
      const [first] = tree.inventoryOf(node ?? tree.hostNode(name)).kinds;
      if (first !== undefined) await view.reveal(first, { focus: true, select: true });
    }),
  );
  disposables.add(
    registerCommand(errors, Command.inventoryRefresh, async (node) => {
      const target = inventoryOf(node);
      if (target !== undefined) await inventories.read(target.host.name);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.inventoryMore, (node) => {
      if (node !== undefined) tree.showMore(node);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.inventoryStop, async (node) => {
      const whose = node?.row.whose;
      if (whose?.kind === 'run') {
        const run = runs.get(whose.runId);
        if (run !== undefined) await keeper.stop(run);
      } else if (whose?.kind === 'kept') await keeper.end(whose.kept);
      if (node !== undefined) await inventories.read(node.parent.parent.host.name);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.inventoryTakeAway, async (node) => {
      const what = node?.row.takeable;
      if (node === undefined || !what || !(await confirmTakeAway(node))) return;
      const host = node.parent.parent.host.name;
      try {
        await withProgress(`Ringside: taking ${node.row.label} away from ${host}`, (call) =>
          engine.takeAway(host, what, call),
        );
        vscode.window.setStatusBarMessage(`${node.row.label} is gone from ${host}`, 5000);
      } finally {
        await inventories.read(host);
      }
    }),
  );
  disposables.add(
    registerCommand(errors, Command.inventoryCopy, async (node) => {
      if (node instanceof InventoryRowNode) await vscode.env.clipboard.writeText(detailText(node));
    }),
  );
}

/** It belongs to somebody else: what it is and who holds it is shown before anything is done. */
async function confirmTakeAway({ row, parent }: InventoryRowNode): Promise<boolean> {
  const what = row.takeable?.kind === 'pin' ? 'Remove the pin' : 'Detach';
  const question = `${what} ${row.label} on ${parent.parent.host.name}? It is not Ringside's.`;
  const warning =
    row.takeable?.kind === 'pin'
      ? 'What is pinned ends when nothing else holds it.'
      : 'It does not come back by itself.';
  const detail = [...row.details, '', warning].join('\n');
  const button = row.takeable?.kind === 'pin' ? 'Remove Pin' : 'Detach';
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, button)) === button;
}

/** Both the whole inventory and one kind of it are refreshed as a whole. */
function inventoryOf(node: InventoryNode | { parent: InventoryNode } | undefined): InventoryNode | undefined {
  return node !== undefined && 'parent' in node ? node.parent : node;
}

const detailText = ({ row }: InventoryRowNode): string => [row.label, ...row.details].join('\n');
