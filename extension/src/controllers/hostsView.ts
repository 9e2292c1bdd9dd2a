import * as vscode from 'vscode';
import type { ConnectionState } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { addHostToConfig } from '../attach/addHost.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command, NodeContext, View } from '../contributions.ts';
import { describeHost, isLive } from '../format.ts';
import { goesOnText } from '../kept/keeper.ts';
import { localHost } from '../model/hostList.ts';
import type { Host } from '../model/hostList.ts';
import { withProgress } from '../progress.ts';
import { KeptNode, keptItem, resolveKept } from './keptNode.ts';
import { RunNode, runItem } from './runsView.ts';

/** A host in the tree; the object stays the same while the host is listed, so that VS Code can refresh it alone. */
export class HostNode {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

type Node = HostNode | RunNode | KeptNode;

/** The Hosts view: this machine, the ssh config and typed hosts, each with the runs on it. */
class HostTree implements vscode.TreeDataProvider<Node> {
  readonly #context: AppContext;
  readonly #changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #nodes = new Map<string, HostNode>();

  constructor(context: AppContext) {
    this.#context = context;
    const { disposables, hosts, runs, kept } = context;
    disposables.add(this.#changed);
    disposables.add(kept.onDidChange((host) => this.#changed.fire(this.#node(host))));
    disposables.add(hosts.onDidChange((name) => this.#changed.fire(name === undefined ? undefined : this.#node(name))));
    disposables.add(
      runs.onDidChange(({ run, structure }) => {
        if (structure) for (const host of run.hosts) this.#changed.fire(this.#node(host));
      }),
    );
    disposables.add(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#changed.fire(undefined)));
  }

  async getChildren(parent?: Node): Promise<Node[]> {
    if (parent instanceof RunNode || parent instanceof KeptNode || !vscode.workspace.isTrusted) return [];
    if (parent !== undefined) {
      const runs = this.#runsOf(parent.name).map((run) => new RunNode(run.id, parent.name));
      return [...runs, ...this.#context.kept.of(parent.name).map((one) => new KeptNode(one, 'hosts'))];
    }
    await this.#context.hosts.load().catch((error: unknown) => this.#context.errors.log(error));
    return this.#context.hosts.all().map((host) => this.#node(host.name));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node instanceof RunNode) return runItem(node, this.#context.runs.get(node.runId));
    if (node instanceof KeptNode) return keptItem(node);
    const host = this.#context.hosts.get(node.name);
    const { kept } = this.#context;
    const hasChildren = this.#runsOf(node.name).length > 0 || kept.of(node.name).length > 0;
    return host ? hostItem(host, hasChildren) : new vscode.TreeItem(node.name);
  }

  getParent(node: Node): Node | undefined {
    if (node instanceof HostNode) return undefined;
    const host = node instanceof KeptNode ? node.kept.host : node.host;
    return host === undefined ? undefined : this.#node(host);
  }

  async resolveTreeItem(item: vscode.TreeItem, node: Node): Promise<vscode.TreeItem> {
    if (node instanceof KeptNode) await resolveKept(this.#context, item, node);
    return item;
  }

  #runsOf(host: string) {
    return this.#context.runs.all().filter((run) => isLive(run) && run.hosts.includes(host));
  }

  #node(name: string): HostNode {
    const node = this.#nodes.get(name) ?? new HostNode(name);
    this.#nodes.set(name, node);
    return node;
  }
}

function hostItem(host: Host, hasRuns: boolean): vscode.TreeItem {
  const { Expanded, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(host.name, hasRuns ? Expanded : None);
  item.id = `host:${host.name}`;
  item.description = describeHost(host.state);
  item.iconPath = hostIcon(host);
  item.contextValue = hostContext(host.state.state) + (host.typed ? NodeContext.typedSuffix : '');
  item.tooltip = hostTooltip(host);
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
function hostTooltip({ name, entry, state }: Host): string {
  const { info, error } = state;
  return [
    name === localHost ? 'This machine, without ssh' : entry ? `${entry.user}@${entry.hostname}:${entry.port}` : name,
    entry?.proxyJump ? `through ${entry.proxyJump}` : '',
    entry ? `from ${entry.source}` : '',
    info ? `${info.hostname} · ${info.distro}` : '',
    info ? `kernel ${info.kernel} · ${info.arch} · ${info.onlineCpus} CPUs · BTF ${info.btf ? 'yes' : 'no'}` : '',
    error ? `${error.message} ${error.remedy}` : '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

export function registerHostsView(context: AppContext): void {
  const { disposables, engine, errors, hosts, doctors, kept } = context;
  const tree = new HostTree(context);
  const view = disposables.add(vscode.window.createTreeView(View.hosts, { treeDataProvider: tree }));

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
