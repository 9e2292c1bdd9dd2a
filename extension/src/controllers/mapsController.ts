/** Opens the Maps panel: of a run, of a host, or at one map of a host's inventory. */
import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { HostNode } from './hostNodes.ts';
import { InventoryKindNode, InventoryRowNode } from './inventoryNodes.ts';
import { RunNode } from './runsView.ts';

export function registerMaps(context: AppContext): void {
  const { disposables, errors, mapsPanels, runs } = context;
  disposables.add(
    registerCommand(errors, Command.mapsShow, async (target) => {
      if (target instanceof InventoryRowNode) {
        const host = target.parent.parent.host.name;
        const id = /^map:(\d+)$/.exec(target.row.id)?.[1];
        mapsPanels.openHost(host, id === undefined ? null : { host, id: Number(id) });
      } else if (target instanceof InventoryKindNode) mapsPanels.openHost(target.parent.host.name);
      else if (target instanceof HostNode) mapsPanels.openHost(target.name);
      else if (target === undefined) await pick(context);
      else {
        const run = runs.get(target instanceof RunNode ? target.runId : target);
        if (run !== undefined) mapsPanels.openRun(run);
      }
    }),
  );
}

/** From the palette: a run, or a host with everything on it. */
async function pick({ runs, hosts, mapsPanels }: AppContext): Promise<void> {
  const items = runs.all().map((run) => ({
    label: run.name,
    description: `${run.hosts.join(', ')} · ${run.state}`,
    open: () => {
      mapsPanels.openRun(run);
      return Promise.resolve();
    },
  }));
  const openHost = async (): Promise<void> => {
    const host = await pickHost(hosts, undefined, 'Show Maps of a Host');
    if (host !== undefined) mapsPanels.openHost(host);
  };
  if (items.length === 0) {
    await openHost();
    return;
  }
  const ofHost = { label: 'A host…', description: 'every map that is there', open: openHost };
  const chosen = await vscode.window.showQuickPick([...items, ofHost], {
    title: 'Show Maps',
    placeHolder: 'Whose maps?',
  });
  await chosen?.open();
}
