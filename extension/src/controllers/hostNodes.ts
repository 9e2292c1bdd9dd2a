import * as vscode from 'vscode';
import type { ConnectionState } from '@ringside/core/model';
import { NodeContext } from '../contributions.ts';
import { describeHost } from '../format.ts';
import { describeConnected, loadText, privilegeText } from '../hostText.ts';
import type { HostGroup } from '../model/hostGroups.ts';
import { localHost } from '../model/hostList.ts';
import type { Host } from '../model/hostList.ts';

/** A group of hosts in the tree. */
export class GroupNode {
  readonly name: string;
  hosts: string[] = [];
  constructor(name: string) {
    this.name = name;
  }
}

/** A host in the tree; the object stays the same while the host is listed, so that VS Code can refresh it alone. */
export class HostNode {
  readonly name: string;
  /** A host that is in several groups stands in each. */
  readonly group: GroupNode | undefined;
  constructor(name: string, group?: GroupNode) {
    this.name = name;
    this.group = group;
  }

  get id(): string {
    return this.group === undefined ? `host:${this.name}` : `host:${this.group.name}:${this.name}`;
  }
}

/** "web · 2 of 3 connected" */
export function groupItem({ name }: HostGroup, states: readonly ConnectionState[]): vscode.TreeItem {
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
  const ready = states.filter((state) => state === 'ready').length;
  item.id = `group:${name}`;
  item.description = states.length === 0 ? 'no host' : `${ready} of ${states.length} connected`;
  item.iconPath = new vscode.ThemeIcon('server-environment');
  item.contextValue = NodeContext.group;
  item.accessibilityInformation = { label: `Group ${name}, ${item.description}` };
  return item;
}

/** What is known of a host beyond its connection. */
export interface HostMore {
  /** Percent of one CPU that BPF takes there; null is unknown. */
  load: number | null;
  readOnly: boolean;
  /** Runs stand below it. */
  hasRuns: boolean;
}

export function hostItem(node: HostNode, host: Host, more: HostMore): vscode.TreeItem {
  const { Expanded, None } = vscode.TreeItemCollapsibleState;
  const ready = host.state.state === 'ready';
  const item = new vscode.TreeItem(host.name, more.hasRuns || ready ? Expanded : None);
  item.id = node.id;
  const { info } = host.state;
  item.description = ready && info !== null ? describeConnected(info, more) : describeHost(host.state);
  item.iconPath = hostIcon(host);
  item.contextValue = hostContext(host.state.state) + (host.typed ? NodeContext.typedSuffix : '');
  item.tooltip = hostTooltip(host, more);
  item.accessibilityInformation = {
    label: `${host.name}, ${host.state.state}${item.description ? `, ${item.description}` : ''}`,
  };
  return item;
}

function hostContext(state: ConnectionState): string {
  if (state === 'ready') return NodeContext.hostConnected;
  return state === 'disconnected' || state === 'lost' ? NodeContext.hostDisconnected : NodeContext.hostBusy;
}

function hostIcon({ name, state }: Host): vscode.ThemeIcon {
  const colour = (id: string) => new vscode.ThemeColor(id);
  switch (state.state) {
    case 'ready':
      return new vscode.ThemeIcon(name === localHost ? 'device-desktop' : 'vm-active', colour('testing.iconPassed'));
    case 'lost':
      return new vscode.ThemeIcon('warning', colour('list.warningForeground'));
    case 'disconnected':
      if (state.error) return new vscode.ThemeIcon('error', colour('list.errorForeground'));
      return new vscode.ThemeIcon(name === localHost ? 'device-desktop' : 'vm');
    case 'connecting':
    case 'checking-key':
    case 'authenticating':
    case 'probing':
    case 'installing':
    case 'privileged':
    case 'reconnecting':
      return new vscode.ThemeIcon('loading~spin');
  }
}

/** Plain text only: names and errors come from outside and are no markup. */
function hostTooltip({ name, entry, state }: Host, { load, readOnly }: HostMore): string {
  const { info, error } = state;
  return [
    name === localHost ? 'This machine, without ssh' : entry ? `${entry.user}@${entry.hostname}:${entry.port}` : name,
    entry?.proxyJump ? `through ${entry.proxyJump}` : '',
    entry ? `from ${entry.source}` : '',
    info ? `${info.hostname} · ${info.distro}` : '',
    info ? `kernel ${info.kernel} · ${info.arch} · ${info.onlineCpus} CPUs · BTF ${info.btf ? 'yes' : 'no'}` : '',
    info ? `the agent runs as ${privilegeText(info, readOnly)}` : '',
    state.state === 'ready' ? loadLine(load) : '',
    error ? `${error.message} ${error.remedy}` : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

const loadLine = (load: number | null): string =>
  load === null
    ? 'load of BPF unknown: the kernel counts it with sysctl kernel.bpf_stats_enabled=1'
    : `all BPF programs together take ${loadText(load)} of one CPU`;
