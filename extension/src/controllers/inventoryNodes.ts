import * as vscode from 'vscode';
import { Command, NodeContext } from '../contributions.ts';
import { commandOf } from '../commands.ts';
import { withThousands } from '../format.ts';
import type { HostNode } from './hostNodes.ts';
import type { Inventory } from '../model/inventories.ts';
import {
  bytesText,
  isOurs,
  memoryOf,
  totalWords,
  whoseWords,
  type InventoryKind,
  type InventoryRow,
} from '../model/inventoryRows.ts';

/** Rows of a kind that the tree shows at once; "Show More" adds as many. */
export const rowsAtOnce = 200;

/** Everything of BPF on a host, below it. The nodes stay the same while the host is listed. */
export class InventoryNode {
  readonly host: HostNode;
  readonly kinds: readonly InventoryKindNode[];
  constructor(host: HostNode, kinds: readonly InventoryKind[]) {
    this.host = host;
    this.kinds = kinds.map((kind) => new InventoryKindNode(this, kind));
  }

  get id(): string {
    return `${this.host.id}:bpf`;
  }
}

export class InventoryKindNode {
  readonly parent: InventoryNode;
  readonly kind: InventoryKind;
  /** How many rows it shows. */
  most = rowsAtOnce;
  constructor(parent: InventoryNode, kind: InventoryKind) {
    this.parent = parent;
    this.kind = kind;
  }

  get id(): string {
    return `${this.parent.id}:${this.kind}`;
  }
}

export class InventoryRowNode {
  readonly parent: InventoryKindNode;
  readonly row: InventoryRow;
  constructor(parent: InventoryKindNode, row: InventoryRow) {
    this.parent = parent;
    this.row = row;
  }
}

/** A line in place of rows, or after them: why there are none, or that there are more. */
export class InventoryNote {
  readonly parent: InventoryNode | InventoryKindNode;
  readonly text: string;
  readonly icon: string;
  readonly command: vscode.Command | undefined;
  constructor(parent: InventoryNode | InventoryKindNode, text: string, icon: string, command?: vscode.Command) {
    this.parent = parent;
    this.text = text;
    this.icon = icon;
    this.command = command;
  }
}

export const moreNote = (parent: InventoryKindNode, left: number): InventoryNote =>
  new InventoryNote(
    parent,
    `${withThousands(left)} more`,
    'ellipsis',
    commandOf(Command.inventoryMore, 'Show More', parent),
  );

export type AnyInventoryNode = InventoryNode | InventoryKindNode | InventoryRowNode | InventoryNote;

export const isInventoryNode = (node: unknown): node is AnyInventoryNode =>
  node instanceof InventoryNode ||
  node instanceof InventoryKindNode ||
  node instanceof InventoryRowNode ||
  node instanceof InventoryNote;

const { Collapsed, None } = vscode.TreeItemCollapsibleState;

/** "BPF on this host · 34 programs, 21 maps · 1.2 MB" */
export function inventoryItem(node: InventoryNode, inventory: Inventory | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem('BPF on this host', Collapsed);
  item.id = node.id;
  item.iconPath = new vscode.ThemeIcon('list-tree');
  item.contextValue = NodeContext.inventory;
  if (inventory === undefined) return item;
  const { programs, maps } = inventory;
  const memory = memoryOf(inventory);
  item.description = `${countOf(programs.length, 'program')}, ${countOf(maps.length, 'map')} · ${bytesText(memory)}`;
  return item;
}

const countOf = (count: number, of: string): string => `${withThousands(count)} ${of}${count === 1 ? '' : 's'}`;

const kinds: Record<InventoryKind, { label: string; icon: string }> = {
  programs: { label: 'Programs', icon: 'circuit-board' },
  maps: { label: 'Maps', icon: 'table' },
  links: { label: 'Links', icon: 'link' },
  pins: { label: 'Pins', icon: 'pin' },
};

export function kindItem(node: InventoryKindNode, rows: readonly InventoryRow[]): vscode.TreeItem {
  const { label, icon } = kinds[node.kind];
  const item = new vscode.TreeItem(label, rows.length === 0 ? None : Collapsed);
  item.id = node.id;
  item.description = rows.length === 0 ? 'none' : totalWords(rows);
  item.iconPath = new vscode.ThemeIcon(icon);
  item.contextValue = NodeContext.inventoryKind + (node.kind === 'maps' ? NodeContext.mapSuffix : '');
  item.accessibilityInformation = { label: `${label}, ${item.description}` };
  return item;
}

/** Ours are told from others' by their colour, their icon and their words. */
export function rowItem({ parent, row }: InventoryRowNode): vscode.TreeItem {
  const item = new vscode.TreeItem(row.label, None);
  const stoppable = row.whose.kind === 'run' || row.whose.kind === 'kept';
  item.id = `${parent.id}:${row.id}`;
  item.description = row.description;
  item.iconPath = isOurs(row.whose)
    ? new vscode.ThemeIcon('pulse', new vscode.ThemeColor('testing.iconPassed'))
    : new vscode.ThemeIcon(kinds[parent.kind].icon);
  const what =
    parent.kind === 'programs' ? NodeContext.programSuffix : parent.kind === 'maps' ? NodeContext.mapSuffix : '';
  item.contextValue =
    NodeContext.inventoryRow +
    (stoppable ? NodeContext.stoppableSuffix : '') +
    (row.takeable ? NodeContext.takeableSuffix : '') +
    what;
  // Plain text: names come from the host and are no markup.
  item.tooltip = row.details.join('\n');
  item.accessibilityInformation = { label: `${row.label}, ${row.description}, owner ${whoseWords(row.whose)}` };
  return item;
}

export function noteItem({ parent, text, icon, command }: InventoryNote): vscode.TreeItem {
  const item = new vscode.TreeItem(text, None);
  item.id = `${parent.id}:note:${icon}`;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = text;
  if (command !== undefined) item.command = command;
  return item;
}
