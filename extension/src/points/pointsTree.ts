import * as vscode from 'vscode';
import type { PointKind } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { Command } from '../contributions.ts';
import { commandOf } from '../commands.ts';
import type { PointHosts } from '../model/pointHosts.ts';
import {
  ArgumentNode,
  BinaryNode,
  BinaryPointNode,
  KindNode,
  moreOf,
  pointItem,
  PointGroupNode,
  PointNode,
  PointNote,
  pointRows,
  type PointsNode,
} from './pointNodes.ts';

type Parts = Pick<AppContext, 'language' | 'engine' | 'errors'>;

/** Attach points, level by level: only what is opened is asked for. */
export class PointsTree implements vscode.TreeDataProvider<PointsNode>, vscode.Disposable {
  readonly #parts: Parts;
  readonly #hosts: PointHosts;
  readonly #changed = new vscode.EventEmitter<PointsNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly binaries: BinaryNode[] = [];
  /** Only names that hold it. */
  text = '';
  /** Of whom the lists are: "web-1 · 6.12.0", for the view's title. */
  whose = '';
  readonly #whose = new vscode.EventEmitter<void>();
  readonly onDidKnowWhose = this.#whose.event;

  constructor(parts: Parts, hosts: PointHosts) {
    this.#parts = parts;
    this.#hosts = hosts;
  }

  refresh(node?: PointsNode): void {
    this.#changed.fire(node);
  }

  filter(text: string): void {
    this.text = text;
    this.refresh();
  }

  /** Lists a binary below the kernel's points; one that is listed already stays where it is. */
  open(binary: BinaryNode): void {
    const isSame = ({ host, path, kind }: BinaryNode): boolean =>
      host === binary.host && path === binary.path && kind === binary.kind;
    if (!this.binaries.some(isSame)) this.binaries.push(binary);
    this.refresh();
  }

  close(binary: BinaryNode): void {
    const at = this.binaries.indexOf(binary);
    if (at >= 0) this.binaries.splice(at, 1);
    this.refresh();
  }

  async getChildren(node?: PointsNode): Promise<PointsNode[]> {
    try {
      return await this.#children(node);
    } catch (error) {
      this.#parts.errors.log(error);
      const message = error instanceof Error ? error.message : String(error);
      const parent = node instanceof ArgumentNode || node instanceof PointNote ? undefined : node;
      return [new PointNote(parent, message, 'error')];
    }
  }

  #children(node: PointsNode | undefined): Promise<PointsNode[]> | PointsNode[] {
    if (node === undefined) return this.#kinds();
    if (node instanceof KindNode) return this.#names(node, node.kind, null);
    if (node instanceof PointGroupNode) return this.#names(node, node.kind, node.group);
    if (node instanceof BinaryNode) return this.#binary(node);
    if (node instanceof PointNode) return this.#point(node);
    if (node instanceof BinaryPointNode) return (node.args ?? []).map((each, i) => new ArgumentNode(node, each, i));
    return [];
  }

  async #kinds(): Promise<PointsNode[]> {
    const { text } = this;
    const answer = await this.#parts.language.ask('ringside/points', {
      kind: null,
      group: null,
      text,
      first: 0,
      limit: 100,
    });
    const host = answer.host ?? 'this machine';
    this.whose = [host, answer.kernel ?? '', answer.cached ? 'as last seen' : '']
      .filter((part) => part !== '')
      .join(' · ');
    this.#whose.fire();
    const kinds = answer.groups.map(({ name, count }) => new KindNode(name as PointKind, count));
    // Binaries are of their own host, and a filter of the kernel's points may well be meant for theirs.
    if (kinds.every(({ count }) => count === 0)) return [this.#nothing(answer.host), ...this.binaries];
    const shown = text === '' ? kinds : kinds.filter(({ count }) => count > 0);
    const open = new PointNote(
      undefined,
      'Functions and probes of a binary…',
      'file-binary',
      commandOf(Command.pointsBinary, 'Open Binary'),
    );
    return [...shown, ...this.binaries, ...(text === '' ? [open] : [])];
  }

  #nothing(host: string | null): PointNote {
    if (this.text !== '') return new PointNote(undefined, `Nothing holds “${this.text}”.`, 'search-stop');
    const words = host === null ? 'This machine’s kernel tells nothing' : `Nothing is known of ${host}`;
    return new PointNote(undefined, `${words}: choose a host, and connect it.`, 'info');
  }

  async #names(parent: KindNode | PointGroupNode, kind: PointKind, group: string | null): Promise<PointsNode[]> {
    const { text } = this;
    const names: string[] = [];
    // A question holds a thousand names at most.
    for (;;) {
      const limit = Math.min(1000, parent.most - names.length);
      const answer = await this.#parts.language.ask('ringside/points', {
        kind,
        group,
        text,
        first: names.length,
        limit,
      });
      if (answer.groups.length > 0) {
        const kindNode = parent as KindNode;
        return answer.groups.map((each) => new PointGroupNode(kindNode, each.name, each.count));
      }
      names.push(...answer.names);
      if (names.length < Math.min(parent.most, answer.total) && answer.names.length > 0) continue;
      const rows: PointsNode[] = names.map((name) => new PointNode(parent, name));
      if (answer.total > names.length) rows.push(moreOf(parent, answer.total - names.length));
      return rows;
    }
  }

  async #point(node: PointNode): Promise<PointsNode[]> {
    const { kind, name } = node;
    const [details, hosts] = await Promise.all([
      this.#parts.language.ask('ringside/point', { kind, name }),
      this.#hosts.of(kind, name),
    ]);
    return pointRows(node, details, hosts);
  }

  async #binary(node: BinaryNode): Promise<PointsNode[]> {
    const { host, path, kind, most } = node;
    const pattern = this.text === '' ? '*' : `*${this.text.replace(/[*?[\]\\]/g, '\\$&')}*`;
    const listing = await this.#parts.engine.targets(host, { kind, pattern, binary: path, limit: most });
    const rows: PointsNode[] = listing.targets.map((each) => new BinaryPointNode(node, each));
    if (listing.total > rows.length) rows.push(moreOf(node, listing.total - rows.length));
    const none = kind === 'usdt' ? 'It has no static probes.' : 'It has no function symbols.';
    return rows.length > 0
      ? rows
      : [new PointNote(node, this.text === '' ? none : 'Nothing of it matches.', 'circle-slash')];
  }

  getTreeItem(node: PointsNode): vscode.TreeItem {
    return pointItem(node);
  }

  getParent(node: PointsNode): PointsNode | undefined {
    return node.parent;
  }

  /** The signature of a point, when somebody points at it. */
  async resolveTreeItem(item: vscode.TreeItem, node: PointsNode): Promise<vscode.TreeItem> {
    if (!(node instanceof PointNode)) return item;
    const { kind, name } = node;
    const details = await this.#parts.language.ask('ringside/point', { kind, name }).catch(() => null);
    const [start] = details?.starts ?? [];
    item.tooltip = start ? new vscode.MarkdownString().appendCodeblock(start.text, 'c') : name;
    return item;
  }

  dispose(): void {
    this.#changed.dispose();
    this.#whose.dispose();
  }
}
