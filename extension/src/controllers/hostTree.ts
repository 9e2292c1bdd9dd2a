import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { isReadOnly } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { commandOf } from '../commands.ts';
import { onSettingChange, setting } from '../config.ts';
import { Command, Setting } from '../contributions.ts';
import { isLive } from '../format.ts';
import { hostGroups } from '../model/hostGroups.ts';
import { inventoryKinds, inventoryRows, type InventoryRow } from '../model/inventoryRows.ts';
import { GroupNode, HostNode, groupItem, hostItem } from './hostNodes.ts';
import {
  InventoryKindNode,
  InventoryNode,
  InventoryNote,
  InventoryRowNode,
  inventoryItem,
  isInventoryNode,
  kindItem,
  moreNote,
  noteItem,
  rowItem,
  type AnyInventoryNode,
} from './inventoryNodes.ts';
import { KeptNode, keptItem, resolveKept } from './keptNode.ts';
import { RunNode, runItem } from './runsView.ts';

export type Node = GroupNode | HostNode | RunNode | KeptNode | AnyInventoryNode;

/** The Hosts view: groups, then this machine, the ssh config and typed hosts, each with its runs and what is on it. */
export class HostTree implements vscode.TreeDataProvider<Node> {
  readonly #context: AppContext;
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #groups = new Map<string, GroupNode>();
  /** By their ids. */
  readonly #hosts = new Map<string, HostNode>();
  readonly #inventories = new Map<HostNode, InventoryNode>();

  constructor(context: AppContext) {
    this.#context = context;
    const { disposables, hosts, runs, kept, inventories, lostRuns } = context;
    disposables.add(this.#changed);
    disposables.add(kept.onDidChange((host) => this.refresh(host)));
    disposables.add(inventories.onDidChange((host) => this.refresh(host)));
    disposables.add(lostRuns.onDidChange((run) => run.hosts.forEach((host) => this.refresh(host))));
    disposables.add(
      hosts.onDidChange((name) => {
        if (name === undefined) this.#changed.fire(undefined);
        else this.refresh(name);
      }),
    );
    disposables.add(
      runs.onDidChange(({ run, structure }) => {
        if (structure) for (const host of run.hosts) this.refresh(host);
      }),
    );
    disposables.add(onSettingChange([Setting.hostGroups, Setting.readOnlyHosts], () => this.#changed.fire(undefined)));
    disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#changed.fire(undefined)));
  }

  /** Wherever the host stands. */
  refresh(host: string): void {
    const nodes = [...this.#hosts.values()].filter(({ name }) => name === host);
    for (const node of nodes) {
      this.#changed.fire(node);
      // How many of a group are connected.
      if (node.group !== undefined) this.#changed.fire(node.group);
    }
  }

  showMore(node: InventoryKindNode): void {
    node.most += node.most;
    this.#changed.fire(node);
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (!vscode.workspace.isTrusted) return [];
    if (parent === undefined) return await this.#roots();
    if (parent instanceof GroupNode) return parent.hosts.map((name) => this.#host(name, parent));
    if (parent instanceof HostNode) return this.#ofHost(parent);
    if (parent instanceof InventoryNode) return await this.#ofInventory(parent);
    return parent instanceof InventoryKindNode ? this.#ofKind(parent) : [];
  }

  async #roots(): Promise<Node[]> {
    const { hosts, errors } = this.#context;
    await hosts.load().catch((error: unknown) => errors.log(error));
    const names = hosts.all().map(({ name }) => name);
    const groups = hostGroups(setting(Setting.hostGroups), names).map(({ name, hosts: members }) => {
      const node = this.#groups.get(name) ?? new GroupNode(name);
      this.#groups.set(name, node);
      node.hosts = members;
      return node;
    });
    const grouped = new Set(groups.flatMap((group) => group.hosts));
    return [...groups, ...names.filter((name) => !grouped.has(name)).map((name) => this.#host(name))];
  }

  #ofHost(parent: HostNode): Node[] {
    const runs = this.#runsOf(parent.name).map((run) => new RunNode(run.id, parent.name));
    const kept = this.#context.kept.of(parent.name).map((one) => new KeptNode(one, 'hosts'));
    return [...runs, ...kept, ...(this.#isReady(parent.name) ? [this.inventoryOf(parent)] : [])];
  }

  async #ofInventory(parent: InventoryNode): Promise<Node[]> {
    const { inventories } = this.#context;
    const host = parent.host.name;
    if (inventories.get(host) === undefined) await inventories.read(host);
    const error = inventories.error(host);
    if (inventories.get(host) !== undefined && error === undefined) return [...parent.kinds];
    const words = error === undefined ? 'Not connected' : `${error.message} ${error.remedy}`;
    const retry = commandOf(Command.inventoryRefresh, 'Try Again', parent);
    return [new InventoryNote(parent, words, 'error', retry)];
  }

  #ofKind(parent: InventoryKindNode): Node[] {
    const rows = this.#rows(parent);
    const shown = rows.slice(0, parent.most).map((row) => new InventoryRowNode(parent, row));
    return rows.length > parent.most ? [...shown, moreNote(parent, rows.length - parent.most)] : shown;
  }

  #rows({ parent, kind }: InventoryKindNode): InventoryRow[] {
    const { inventories, runs, kept } = this.#context;
    const host = parent.host.name;
    const inventory = inventories.get(host);
    const keptThere = kept.of(host).flatMap(({ info }) => (info === null ? [] : [info]));
    return inventory === undefined ? [] : inventoryRows(inventory, kind, { host, runs: runs.live(), kept: keptThere });
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { hosts, runs, kept, inventories, lostRuns } = this.#context;
    if (isInventoryNode(node)) return this.#inventoryTreeItem(node);
    if (node instanceof KeptNode) return keptItem(node);
    if (node instanceof RunNode) {
      const run = runs.get(node.runId);
      return runItem(node, run, { lost: run !== undefined && lostRuns.isLost(run) });
    }
    if (node instanceof GroupNode)
      return groupItem(
        node,
        node.hosts.map((name) => hosts.get(name)?.state.state ?? 'disconnected'),
      );
    const host = hosts.get(node.name);
    if (host === undefined) return new vscode.TreeItem(node.name);
    const hasRuns = this.#runsOf(node.name).length > 0 || kept.of(node.name).length > 0;
    const readOnly = isReadOnly({ readOnlyHosts: setting(Setting.readOnlyHosts) }, node.name);
    return hostItem(node, host, { load: inventories.load(node.name), readOnly, hasRuns });
  }

  #inventoryTreeItem(node: AnyInventoryNode): vscode.TreeItem {
    if (node instanceof InventoryNode) return inventoryItem(node, this.#context.inventories.get(node.host.name));
    if (node instanceof InventoryKindNode) return kindItem(node, this.#rows(node));
    return node instanceof InventoryRowNode ? rowItem(node) : noteItem(node);
  }

  getParent(node: Node): Node | undefined {
    if (node instanceof GroupNode) return undefined;
    if (node instanceof HostNode) return node.group;
    if (node instanceof InventoryNode) return node.host;
    if (isInventoryNode(node)) return node.parent;
    const host = node instanceof KeptNode ? node.kept.host : node.host;
    return host === undefined ? undefined : this.hostNode(host);
  }

  async resolveTreeItem(item: vscode.TreeItem, node: Node): Promise<vscode.TreeItem> {
    if (node instanceof KeptNode) await resolveKept(this.#context, item, node);
    return item;
  }

  /** Live ones, and those that were lost with the connection and can be started again. */
  #runsOf(host: string): RunSummary[] {
    const { runs, lostRuns } = this.#context;
    const there = runs.all().filter((run) => run.replay === undefined && run.hosts.includes(host));
    return there.filter((run) => isLive(run) || lostRuns.isLost(run));
  }

  #isReady(host: string): boolean {
    return this.#context.hosts.get(host)?.state.state === 'ready';
  }

  /** The host's first place in the tree: the one that can be revealed. */
  hostNode(name: string): HostNode {
    const group = [...this.#groups.values()].find(({ hosts }) => hosts.includes(name));
    return this.#host(name, group);
  }

  inventoryOf(host: HostNode): InventoryNode {
    const node = this.#inventories.get(host) ?? new InventoryNode(host, inventoryKinds);
    this.#inventories.set(host, node);
    return node;
  }

  #host(name: string, group?: GroupNode): HostNode {
    const made = new HostNode(name, group);
    const node = this.#hosts.get(made.id) ?? made;
    this.#hosts.set(node.id, node);
    return node;
  }
}
