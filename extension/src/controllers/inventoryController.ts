import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { withProgress } from '../progress.ts';
import type { HostTree, Node } from './hostTree.ts';
import { InventoryRowNode, type InventoryNode } from './inventoryNodes.ts';

/** Commands on what is of BPF on a host. What others have attached is only shown: the agent takes back its own. */
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
    registerCommand(errors, Command.inventoryCopy, async (node) => {
      if (node instanceof InventoryRowNode) await vscode.env.clipboard.writeText(detailText(node));
    }),
  );
}

/** Both the whole inventory and one kind of it are refreshed as a whole. */
function inventoryOf(node: InventoryNode | { parent: InventoryNode } | undefined): InventoryNode | undefined {
  return node !== undefined && 'parent' in node ? node.parent : node;
}

const detailText = ({ row }: InventoryRowNode): string => [row.label, ...row.details].join('\n');
