import * as vscode from 'vscode';
import type { PointStart } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command, View } from '../contributions.ts';
import { ExtensionError } from '../errors.ts';
import { localHost } from '../model/hostList.ts';
import { PointHosts } from '../model/pointHosts.ts';
import { insertInto, newSource, openSource } from '../points/insertProgram.ts';
import { BinaryNode, PointNode, pointsAtOnce, type BinaryPointNode } from '../points/pointNodes.ts';
import { searchPoint } from '../points/pointSearch.ts';
import { PointsTree } from '../points/pointsTree.ts';

type AnyPoint = PointNode | BinaryPointNode;

/** The view "Attach points": what the chosen host has to attach to, and programs begun from it. */
export function registerPointsView(context: AppContext): void {
  const { disposables, errors, language, engine, hosts } = context;
  const tree = disposables.add(new PointsTree(context, new PointHosts(engine, hosts)));
  const view = disposables.add(
    vscode.window.createTreeView(View.points, { treeDataProvider: tree, showCollapseAll: true }),
  );
  const title = (): void => {
    view.description = tree.text === '' ? tree.whose : `${tree.whose} · filter: ${tree.text}`;
  };
  disposables.add(tree.onDidKnowWhose(title));
  disposables.add(language.onDidChange(() => tree.refresh()));

  disposables.add(registerCommand(errors, Command.pointsRefresh, () => tree.refresh()));
  disposables.add(
    registerCommand(errors, Command.pointsFilter, async () => {
      const text = await vscode.window.showInputBox({
        title: 'Filter attach points',
        prompt: 'Only names that hold this; empty shows all.',
        value: tree.text,
      });
      if (text !== undefined) tree.filter(text.trim());
    }),
  );
  disposables.add(
    registerCommand(errors, Command.pointsSearch, async () => {
      const point = await searchPoint(language, tree.whose);
      const details = point && (await language.ask('ringside/point', point));
      if (details) await begin(details.starts, false);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.pointsMore, (node) => {
      if (node === undefined) return;
      node.most += pointsAtOnce * 5;
      tree.refresh(node);
    }),
  );
  disposables.add(registerCommand(errors, Command.pointsBinary, () => openBinary(context, tree)));
  disposables.add(
    registerCommand(errors, Command.pointsForget, (node) => {
      if (node !== undefined) tree.close(node);
    }),
  );
  const onPoint = (id: typeof Command.pointsInsert | typeof Command.pointsNew, isNew: boolean): void => {
    disposables.add(
      registerCommand(errors, id, async (node?: AnyPoint) => {
        if (node !== undefined) await begin(await startsOf(context, node), isNew);
      }),
    );
  };
  onPoint(Command.pointsInsert, false);
  onPoint(Command.pointsNew, true);
}

async function startsOf({ language }: AppContext, node: AnyPoint): Promise<PointStart[]> {
  if (node instanceof PointNode) {
    const { kind, name } = node;
    return (await language.ask('ringside/point', { kind, name }))?.starts ?? [];
  }
  const starts = await Promise.all(node.sections.map((section) => language.ask('ringside/start', { section })));
  return starts.filter((start) => start !== null);
}

/** Asks which kind of program, where there are several, and writes it. */
async function begin(starts: PointStart[], isNew: boolean): Promise<void> {
  const start = await chooseStart(starts);
  if (start === undefined) return;
  const editor = isNew ? undefined : openSource();
  if (editor === undefined) await newSource(start);
  else await insertInto(editor.document, start);
}

async function chooseStart(starts: PointStart[]): Promise<PointStart | undefined> {
  if (starts.length === 0)
    throw new ExtensionError({
      code: 'usage',
      message: 'Nothing is known of this attach point any more.',
      remedy: 'Refresh the view.',
    });
  if (starts.length === 1) return starts[0];
  const items = starts.map((start) => ({
    label: `SEC("${start.section}")`,
    detail: start.text.split('\n')[1]!,
    start,
  }));
  return (await vscode.window.showQuickPick(items, { title: 'Which kind of program?', matchOnDetail: true }))?.start;
}

/** A binary or library of the host, whose functions or static probes the view then lists. */
async function openBinary({ chosenHosts }: AppContext, tree: PointsTree): Promise<void> {
  const file = openSource()?.document.uri;
  const host = (file && chosenHosts.get(file)) ?? chosenHosts.last ?? localHost;
  const path = await vscode.window.showInputBox({
    title: `Functions and probes of a binary on ${host}`,
    prompt: 'A path, or the name of a program or library as the host finds it',
    placeHolder: '/usr/sbin/nginx, libc.so.6, bash',
    validateInput: (text) => (text.trim() === '' ? 'A name is needed.' : undefined),
  });
  if (path === undefined) return;
  const chosen = await vscode.window.showQuickPick(
    [
      { label: 'Functions', description: 'uprobe, uretprobe', what: 'uprobe' as const },
      { label: 'Static probes', description: 'USDT', what: 'usdt' as const },
    ],
    { title: path },
  );
  if (chosen === undefined) return;
  tree.open(new BinaryNode(host, path.trim(), chosen.what));
}
