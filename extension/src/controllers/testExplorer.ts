import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { LineCoverage } from '../testing/coverage.ts';
import { runFile, type FileOfTests, type Purpose } from '../testing/testRunner.ts';
import { childrenOf, testPattern, TestTree } from '../testing/testTree.ts';

/** Tests of programs (NAME.bpf.test.json) in the Test Explorer. Nothing is read before somebody looks at it. */
export function registerTestExplorer(context: AppContext): void {
  const { disposables } = context;
  const controller = disposables.add(vscode.tests.createTestController('ringside.tests', 'BPF Programs (Ringside)'));
  const tree = new TestTree(context, controller);
  controller.resolveHandler = (item) => tree.resolve(item);
  controller.refreshHandler = async () => {
    await tree.resolve(undefined);
    for (const item of tree.files()) if (tree.listing(item)) await tree.read(item);
  };
  follow(context, tree);

  const { Run, Debug, Coverage } = vscode.TestRunProfileKind;
  const profile = (label: string, kind: vscode.TestRunProfileKind, purpose: Purpose): vscode.TestRunProfile =>
    disposables.add(
      controller.createRunProfile(
        label,
        kind,
        (request, token) => runTests(context, controller, tree, request, purpose, token),
        purpose === 'run',
      ),
    );
  profile('Run on Host', Run, 'run');
  profile('Run on Host, All It Says', Debug, 'debug');
  for (const coverage of [
    profile('Lines That Ran', Coverage, 'ran'),
    profile('Lines Walked by the Verifier', Coverage, 'walked'),
  ])
    coverage.loadDetailedCoverage = (_run, file) =>
      Promise.resolve(file instanceof LineCoverage ? file.statements : []);
}

/** What is written to the files is seen in the tree, where it was looked at before. */
function follow({ disposables }: AppContext, tree: TestTree): void {
  const watcher = disposables.add(vscode.workspace.createFileSystemWatcher(testPattern));
  const reread = (uri: vscode.Uri): void => {
    const item = tree.file(uri);
    if (tree.listing(item) || item.error !== undefined) void tree.read(item);
  };
  disposables.add(watcher.onDidCreate(reread));
  disposables.add(watcher.onDidChange(reread));
  disposables.add(watcher.onDidDelete((uri) => tree.forget(uri)));
  // Whoever has a file open sees its tests beside their lines.
  const opened = ({ uri }: vscode.TextDocument): void => {
    if (uri.scheme === 'file' && uri.fsPath.endsWith('.bpf.test.json')) void tree.read(tree.file(uri));
  };
  vscode.workspace.textDocuments.forEach(opened);
  disposables.add(vscode.workspace.onDidOpenTextDocument(opened));
}

async function runTests(
  context: AppContext,
  controller: vscode.TestController,
  tree: TestTree,
  request: vscode.TestRunRequest,
  purpose: Purpose,
  token: vscode.CancellationToken,
): Promise<void> {
  const run = controller.createTestRun(request);
  const abort = new AbortController();
  const cancel = token.onCancellationRequested(() => abort.abort());
  try {
    const files = await chosen(tree, request);
    for (const { tests } of files) for (const test of tests) run.enqueued(test);
    for (const file of files) {
      if (abort.signal.aborted) file.tests.forEach((test) => run.skipped(test));
      else await runFile(context, run, file, purpose, abort.signal);
    }
  } finally {
    cancel.dispose();
    run.end();
  }
}

/** The tests of a request by their files; those that nobody has looked at yet are read now. */
async function chosen(tree: TestTree, { include, exclude = [] }: vscode.TestRunRequest): Promise<FileOfTests[]> {
  if (include === undefined && tree.files().length === 0) await tree.resolve(undefined);
  const asked = include ?? tree.files();
  const byFile = new Map<vscode.TestItem, Set<vscode.TestItem>>();
  for (const item of asked) {
    const file = item.parent ?? item;
    if (!tree.listing(file)) await tree.read(file);
    const tests = byFile.get(file) ?? new Set();
    byFile.set(file, tests);
    for (const test of item.parent ? [item] : childrenOf(file.children)) tests.add(test);
  }
  return [...byFile].flatMap(([file, tests]) => {
    const listing = tree.listing(file);
    const left = [...tests].filter((test) => !exclude.includes(test) && !exclude.includes(file));
    return listing && left.length > 0 ? [{ listing, tests: left }] : [];
  });
}
