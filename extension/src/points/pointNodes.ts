/** The rows of the view of attach points. */
import * as vscode from 'vscode';
import type { PointArgument, PointDetails, PointKind, TargetEntry } from '@ringside/core/model';
import { commandOf } from '../commands.ts';
import { Command, NodeContext } from '../contributions.ts';
import { withThousands } from '../format.ts';
import { presenceWords, type Presence } from '../model/pointHosts.ts';

export const pointsAtOnce = 200;

export class KindNode {
  constructor(
    readonly kind: PointKind,
    readonly count: number,
  ) {}
  readonly parent = undefined;
  most = pointsAtOnce;
}

export class PointGroupNode {
  constructor(
    readonly parent: KindNode,
    readonly group: string,
    readonly count: number,
  ) {}
  most = pointsAtOnce;
  get kind(): PointKind {
    return this.parent.kind;
  }
}

/** A binary or library of the host that was chosen, with its functions or its static probes. */
export class BinaryNode {
  constructor(
    readonly host: string,
    readonly path: string,
    readonly kind: 'uprobe' | 'usdt',
  ) {}
  readonly parent = undefined;
  most = pointsAtOnce;
}

export class PointNode {
  constructor(
    readonly parent: KindNode | PointGroupNode,
    readonly name: string,
  ) {}
  get kind(): PointKind {
    return this.parent.kind;
  }
}

/** A function or static probe of a binary. */
export class BinaryPointNode {
  constructor(
    readonly parent: BinaryNode,
    readonly target: Pick<TargetEntry, 'name' | 'arguments' | 'details' | 'unusable'>,
  ) {}
  get name(): string {
    return this.target.name;
  }
  get args(): PointArgument[] | null {
    return this.target.arguments;
  }
  /** Sections of programs there. */
  get sections(): string[] {
    const { path, kind } = this.parent;
    return kind === 'usdt'
      ? [`usdt/${path}:${this.name}`]
      : [`uprobe/${path}:${this.name}`, `uretprobe/${path}:${this.name}`];
  }
}

export class ArgumentNode {
  constructor(
    readonly parent: PointNode | BinaryPointNode,
    readonly argument: PointArgument,
    readonly index: number,
  ) {}
}

/** A line in place of rows, or after them. */
export class PointNote {
  constructor(
    readonly parent: KindNode | PointGroupNode | BinaryNode | PointNode | BinaryPointNode | undefined,
    readonly text: string,
    readonly icon: string,
    readonly command?: vscode.Command,
  ) {}
}

export type PointsNode =
  KindNode | PointGroupNode | BinaryNode | PointNode | BinaryPointNode | ArgumentNode | PointNote;

const { Collapsed, None } = vscode.TreeItemCollapsibleState;

export const kindWords: Record<PointKind, { label: string; icon: string }> = {
  tracepoint: { label: 'Tracepoints', icon: 'symbol-event' },
  function: { label: 'Kernel functions', icon: 'symbol-method' },
  raw_tp: { label: 'Raw tracepoints', icon: 'zap' },
  lsm: { label: 'LSM hooks', icon: 'shield' },
  iter: { label: 'Iterators', icon: 'sync' },
  struct_ops: { label: 'struct_ops', icon: 'symbol-interface' },
};

export function pointItem(node: PointsNode): vscode.TreeItem {
  if (node instanceof KindNode) return kindItem(node);
  if (node instanceof PointGroupNode) return groupItem(node);
  if (node instanceof BinaryNode) return binaryItem(node);
  if (node instanceof PointNode) return nameItem(node);
  if (node instanceof BinaryPointNode) return binaryPointItem(node);
  return node instanceof ArgumentNode ? argumentItem(node) : noteItem(node);
}

function kindItem({ kind, count }: KindNode): vscode.TreeItem {
  const { label, icon } = kindWords[kind];
  const item = new vscode.TreeItem(label, count === 0 ? None : Collapsed);
  item.id = `points:${kind}`;
  item.description = count === 0 ? 'none known' : withThousands(count);
  item.iconPath = new vscode.ThemeIcon(icon);
  item.contextValue = NodeContext.pointGroup;
  return item;
}

function groupItem({ kind, group, count }: PointGroupNode): vscode.TreeItem {
  const item = new vscode.TreeItem(group === '…' ? 'others' : group, Collapsed);
  item.id = `points:${kind}:${group}`;
  item.description = withThousands(count);
  item.iconPath = new vscode.ThemeIcon('symbol-namespace');
  item.contextValue = NodeContext.pointGroup;
  return item;
}

function binaryItem({ path, kind, host }: BinaryNode): vscode.TreeItem {
  const what = kind === 'uprobe' ? 'functions' : 'static probes (USDT)';
  const item = new vscode.TreeItem(path.split('/').at(-1)!, Collapsed);
  item.id = `points:${kind}:${host}:${path}`;
  item.description = `${what} · ${host}`;
  item.tooltip = path;
  item.iconPath = new vscode.ThemeIcon('file-binary');
  item.contextValue = NodeContext.pointBinary;
  return item;
}

function nameItem(node: PointNode): vscode.TreeItem {
  const { name, kind, parent } = node;
  const isGrouped = parent instanceof PointGroupNode && (kind === 'tracepoint' || kind === 'struct_ops');
  const item = new vscode.TreeItem(isGrouped ? name.slice(name.indexOf('/') + 1) : name, Collapsed);
  item.id = `point:${kind}:${name}`;
  item.iconPath = new vscode.ThemeIcon(kindWords[kind].icon);
  item.contextValue = NodeContext.point;
  item.accessibilityInformation = { label: `${kindWords[kind].label}: ${name}` };
  return item;
}

function binaryPointItem({ parent, name, args, target: { details, unusable } }: BinaryPointNode): vscode.TreeItem {
  const item = new vscode.TreeItem(name, args === null || args.length === 0 ? None : Collapsed);
  item.id = `point:${parent.kind}:${parent.host}:${parent.path}:${name}:${details['offset'] ?? ''}`;
  item.iconPath = new vscode.ThemeIcon(parent.kind === 'usdt' ? 'symbol-event' : 'symbol-function');
  item.contextValue = NodeContext.point;
  item.description = [details['version'] ?? '', unusable ?? ''].filter((part) => part !== '').join(' · ');
  item.tooltip = [name, item.description].filter((part) => part !== '').join('\n');
  return item;
}

function argumentItem({ parent, argument, index }: ArgumentNode): vscode.TreeItem {
  const { name, type, offset, size } = argument;
  const item = new vscode.TreeItem(name === '' ? `argument ${index + 1}` : name, None);
  item.id = `${pointItem(parent).id}:${index}`;
  const bytes = size === null ? '' : `${size} byte${size === 1 ? '' : 's'}`;
  item.description = [type, offset === null ? '' : `offset ${offset}`, bytes].filter((part) => part !== '').join(' · ');
  item.iconPath = new vscode.ThemeIcon('symbol-field');
  return item;
}

function noteItem({ parent, text, icon, command }: PointNote): vscode.TreeItem {
  const item = new vscode.TreeItem(text, None);
  item.id = `${parent === undefined ? 'points' : pointItem(parent).id}:note:${icon}`;
  item.iconPath = new vscode.ThemeIcon(icon);
  item.tooltip = text;
  if (command !== undefined) item.command = command;
  return item;
}

export const moreOf = (parent: KindNode | PointGroupNode | BinaryNode, left: number): PointNote =>
  new PointNote(parent, `${withThousands(left)} more`, 'ellipsis', commandOf(Command.pointsMore, 'Show More', parent));

/** Below a point: its arguments, what it gives back, and where it is. */
export function pointRows(node: PointNode, details: PointDetails | null, hosts: readonly Presence[]): PointsNode[] {
  if (details === null) return [new PointNote(node, 'This kernel does not have it any more.', 'warning')];
  const { arguments: args, returns } = details;
  const rows: PointsNode[] = (args ?? []).map((argument, i) => new ArgumentNode(node, argument, i));
  if (args === null) rows.push(new PointNote(node, 'The kernel does not tell its arguments.', 'info'));
  else if (args.length === 0) rows.push(new PointNote(node, 'no arguments', 'circle-slash'));
  if (returns !== null && returns !== '') rows.push(new PointNote(node, `returns ${returns}`, 'arrow-small-left'));
  const where = presenceWords(hosts);
  if (where !== '') rows.push(new PointNote(node, where, 'vm'));
  return rows;
}
