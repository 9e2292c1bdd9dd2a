/** Build, verify and test as tasks: the `ringside` command of this extension, run in the terminal. */
import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { setting, sshOptions } from '../config.ts';
import { buildMatcher, problemMatcher, Setting, taskType } from '../contributions.ts';
import type { TaskAttributes, TaskKind } from '../contributions.ts';
import { recognisedPaths } from '../sources.ts';
import { hostsOf, isTaskAttributes, taskArguments } from './taskCommand.ts';

/** More sources than this are not offered: the list would help nobody. */
const mostSources = 200;

export function registerTasks(context: AppContext): void {
  context.disposables.add(vscode.tasks.registerTaskProvider(taskType, new TaskProvider(context)));
}

class TaskProvider implements vscode.TaskProvider {
  readonly #context: AppContext;

  constructor(context: AppContext) {
    this.#context = context;
  }

  async provideTasks(token: vscode.CancellationToken): Promise<vscode.Task[]> {
    const [sources, tests] = await Promise.all([
      vscode.workspace.findFiles('**/*.bpf.c', undefined, mostSources, token),
      vscode.workspace.findFiles('**/*.bpf.test.json', undefined, mostSources, token),
    ]);
    const tested = new Set(tests.map(({ path }) => path.replace(/\.test\.json$/, '.c')));
    const paths = new Map(sources.map((uri) => [uri.fsPath, uri]));
    for (const path of recognisedPaths()) paths.set(path, vscode.Uri.file(path));
    return [...paths.values()]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .flatMap((uri) => {
        const folder = vscode.workspace.getWorkspaceFolder(uri);
        if (folder === undefined) return [];
        const file = vscode.workspace.asRelativePath(uri, false);
        const kinds: TaskKind[] = ['build', 'verify', ...(tested.has(uri.path) ? (['test'] as const) : [])];
        return kinds.map((task) => this.#task({ type: taskType, task, file }, folder));
      });
  }

  /** A task of tasks.json gets what it runs; undefined when it does not say enough. */
  resolveTask(task: vscode.Task): vscode.Task | undefined {
    const { definition, scope } = task;
    if (!isTaskAttributes(definition)) return undefined;
    const folder = typeof scope === 'object' ? scope : vscode.workspace.workspaceFolders?.[0];
    return this.#task(definition, folder);
  }

  #task(definition: TaskAttributes & vscode.TaskDefinition, folder: vscode.WorkspaceFolder | undefined): vscode.Task {
    const { task: kind, file } = definition;
    const hosts = hostsOf(definition, this.#chosen(file, folder));
    const task = new vscode.Task(
      definition,
      folder ?? vscode.TaskScope.Workspace,
      `${kind} ${file}`,
      'Ringside',
      this.#execution(definition, hosts, folder),
      kind === 'build' ? buildMatcher : problemMatcher,
    );
    task.group = kind === 'test' ? vscode.TaskGroup.Test : vscode.TaskGroup.Build;
    task.detail = { build: 'Compile for', verify: 'Ask the verifier of', test: 'Run its tests on' }[kind] + ` ${hosts}`;
    return task;
  }

  #chosen(file: string, folder: vscode.WorkspaceFolder | undefined): string | undefined {
    const { chosenHosts } = this.#context;
    // What a variable stands for is known when the task runs.
    if (file.includes('${')) return chosenHosts.last;
    const path = isAbsolute(file) || folder === undefined ? file : join(folder.uri.fsPath, file);
    return chosenHosts.get(vscode.Uri.file(path));
  }

  /** Node is the one that this runs in: the editor brings it, and VS Code's own program is one when it is told so. */
  #execution(
    attributes: TaskAttributes,
    hosts: string,
    folder: vscode.WorkspaceFolder | undefined,
  ): vscode.ProcessExecution {
    const { distDir, cacheDir } = this.#context;
    return new vscode.ProcessExecution(
      process.execPath,
      [join(distDir, 'cli.js'), ...taskArguments(attributes, hosts, sshOptions())],
      {
        ...(folder && { cwd: folder.uri.fsPath }),
        env: {
          ELECTRON_RUN_AS_NODE: '1',
          // What the editor has learnt of hosts and kernels is known here too.
          RINGSIDE_CACHE: cacheDir,
          RINGSIDE_CLANG: setting(Setting.clangPath),
        },
      },
    );
  }
}
