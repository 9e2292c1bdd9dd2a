import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { limitsText } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { commandOf, registerCommand } from '../commands.ts';
import { Command, NodeContext, View } from '../contributions.ts';
import { isDeclined } from '../declined.ts';
import { ExtensionError } from '../errors.ts';
import { changeLimits, sayLimitEnds } from '../attach/limitsPrompt.ts';
import { describeRun, formatLost, isLive, leftOutText, lostTotal, untilText, withThousands } from '../format.ts';
import { keptKey } from '../model/keptMemory.ts';
import type { KeptRun } from '../model/keptRuns.ts';
import { pickRun } from './pickRun.ts';
import { KeptNode, keptItem, resolveKept } from './keptNode.ts';

/** Live figures in a tree: once a second is enough, more flickers. */
const figuresIntervalMs = 1000;

/** A run in a tree: in Runs, or (with a host) below that host. */
export class RunNode {
  readonly runId: string;
  readonly host: string | undefined;
  constructor(runId: string, host?: string) {
    this.runId = runId;
    this.host = host;
  }
}

/** The Runs view: running first. Figures refresh single nodes; only a change of state rebuilds the list. */
class RunTree implements vscode.TreeDataProvider<RunNode | KeptNode> {
  readonly #context: AppContext;
  readonly #changed = new vscode.EventEmitter<RunNode | RunNode[] | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #nodes = new Map<string, RunNode>();
  readonly #stale = new Set<string>();

  constructor(context: AppContext) {
    this.#context = context;
    const { disposables, runs, kept, lostRuns } = context;
    disposables.add(this.#changed);
    disposables.add(lostRuns.onDidChange(() => this.#changed.fire(undefined)));
    disposables.add(kept.onDidChange(() => this.#changed.fire(undefined)));
    disposables.add(
      runs.onDidChange(({ run, structure }) => {
        if (structure) this.#changed.fire(undefined);
        else this.#stale.add(run.id);
      }),
    );
    const timer = setInterval(() => this.#refreshFigures(), figuresIntervalMs);
    disposables.defer(() => clearInterval(timer));
  }

  #refreshFigures(): void {
    if (this.#stale.size === 0) return;
    const nodes = [...this.#stale].flatMap((id) => this.#nodes.get(id) ?? []);
    this.#stale.clear();
    this.#changed.fire(nodes);
  }

  /** Live runs, then those that are kept somewhere without us, then ended ones. */
  getChildren(parent?: RunNode | KeptNode): (RunNode | KeptNode)[] {
    if (parent !== undefined || !vscode.workspace.isTrusted) return [];
    const { runs, kept } = this.#context;
    const all = runs.all();
    const left = all.filter((run) => kept.leftOf(run).length > 0);
    const shown = new Set(left.flatMap((run) => run.kept.map(keptKey)));
    const others = kept.all().filter((one) => !shown.has(keptKey(one)));
    const live = all.filter(isLive);
    const ended = all.filter((run) => !isLive(run) && !left.includes(run));
    return [
      ...[...live, ...left].map((run) => this.#node(run)),
      ...others.map((one) => new KeptNode(one, 'runs')),
      ...ended.map((run) => this.#node(run)),
    ];
  }

  #node(run: RunSummary): RunNode {
    const node = this.#nodes.get(run.id) ?? new RunNode(run.id);
    this.#nodes.set(run.id, node);
    return node;
  }

  getTreeItem(node: RunNode | KeptNode): vscode.TreeItem {
    if (node instanceof KeptNode) return keptItem(node);
    const run = this.#context.runs.get(node.runId);
    const { kept, lostRuns } = this.#context;
    return runItem(node, run, run === undefined ? {} : { left: kept.leftOf(run), lost: lostRuns.isLost(run) });
  }

  async resolveTreeItem(item: vscode.TreeItem, node: RunNode | KeptNode): Promise<vscode.TreeItem> {
    if (node instanceof KeptNode) await resolveKept(this.#context, item, node);
    return item;
  }
}

/** What a run's last summary does not say of it. */
export interface RunMore {
  /** Where it goes on without this window. */
  left?: KeptRun[];
  /** It ended with its connection, and can be started again. */
  lost?: boolean;
}

/** The tree item of a run, wherever it stands. */
export function runItem(
  node: RunNode,
  run: RunSummary | undefined,
  { left = [], lost = false }: RunMore = {},
): vscode.TreeItem {
  const item = new vscode.TreeItem(run?.name ?? node.runId);
  item.id = `run:${node.runId}${node.host === undefined ? '' : `@${node.host}`}`;
  if (run === undefined) return item;
  // Below a host the hosts are clear, and figures would go stale: only Runs refreshes them.
  const until = run.kept[0] === undefined ? '' : `kept until ${untilText(run.kept[0].expires)}`;
  const below = until === '' ? run.state : `${run.state} · ${until}`;
  item.description = node.host === undefined ? describeRun(run) : below;
  item.iconPath = runIcon(run);
  item.contextValue = runContext(run);
  item.tooltip = runTooltip(run);
  if (lost) {
    item.contextValue = NodeContext.runLost;
    if (node.host !== undefined) item.description = 'ended: connection lost';
  }
  if (left[0] !== undefined) {
    item.description = `${left.map((on) => on.host).join(', ')} · kept until ${untilText(left[0].expires)}`;
    item.iconPath = new vscode.ThemeIcon('pinned');
    item.contextValue = NodeContext.runLeft;
  }
  item.accessibilityInformation = { label: `${run.name}, ${run.state}, ${item.description}` };
  item.command = commandOf(Command.runOpen, 'Open Trace', run.id);
  return item;
}

function runContext({ state, kept, replay }: RunSummary): string {
  if (replay) return NodeContext.runReplay;
  const suffix = kept.length === 0 ? '' : NodeContext.keptSuffix;
  switch (state) {
    case 'running':
      return NodeContext.runLive + suffix;
    case 'paused':
      return NodeContext.runPaused + suffix;
    case 'ended':
    case 'failed':
      return NodeContext.runEnded;
    case 'building':
    case 'loading':
    case 'attaching':
    case 'detaching':
      return NodeContext.runBusy;
  }
}

function runIcon(run: RunSummary): vscode.ThemeIcon {
  if (run.replay) return new vscode.ThemeIcon('history');
  switch (run.state) {
    case 'running':
      return new vscode.ThemeIcon(
        run.kept.length > 0 ? 'pinned' : 'pulse',
        new vscode.ThemeColor('testing.iconPassed'),
      );
    case 'paused':
      return new vscode.ThemeIcon('debug-pause');
    case 'ended':
      return new vscode.ThemeIcon(
        run.endReason === 'host-lost' || run.endReason === 'agent' ? 'warning' : 'circle-outline',
      );
    case 'failed':
      if (run.error && isDeclined(run.error)) return new vscode.ThemeIcon('circle-slash');
      return new vscode.ThemeIcon('error', new vscode.ThemeColor('list.errorForeground'));
    case 'building':
    case 'loading':
    case 'attaching':
    case 'detaching':
      return new vscode.ThemeIcon('loading~spin');
  }
}

/** Plain text: program and host names are data, not markup. */
function runTooltip(run: RunSummary): string {
  const streams = run.ledger.streams.map((stream) => {
    const produced = stream.produced === null ? 'unknown' : withThousands(stream.produced);
    return `${stream.name}: produced ${produced}, delivered ${withThousands(stream.delivered)}, ${formatLost(lostTotal([{ streams: [stream] }]))}`;
  });
  const programs = run.programs.map((program) => {
    const cost = program.nanosPerRun === null ? 'cost unknown' : `${Math.round(program.nanosPerRun)} ns a run`;
    const runs =
      program.runs === null ? 'runs unknown' : `${program.sampled ? 'about ' : ''}${withThousands(program.runs)} runs`;
    return `${program.name}: ${runs}${program.sampled ? ' (sampled)' : ''}, ${cost}`;
  });
  const error = run.error ? [`${run.error.message} ${run.error.remedy}`] : [];
  const recording = run.recording?.endedAt === null ? [`Recorded to ${run.recording.file}`] : [];
  const replay = run.replay
    ? [`A recording: ${run.replay.file}`, run.replay.damage, run.replay.unnamed].filter((t) => t !== '')
    : [];
  return [
    run.file,
    ...recording,
    ...replay,
    ...run.attachments.map((a) => `${a.program} → ${a.target} on ${a.host}`),
    ...run.leftOut.map(leftOutText),
    ...run.notes.map((n) => (n.about === '' ? n.text : `${n.about}: ${n.text}`)),
    ...streams,
    ...programs,
    ...(run.limits === null ? [] : [`Limits: ${limitsText(run.limits)}`]),
    ...run.kept.map((on) => `Kept on ${on.host} until ${untilText(on.expires)}, also without this window`),
    ...error,
  ].join('\n');
}

export function registerRunsView(context: AppContext): void {
  const { disposables, engine, errors, runs, attacher, panels, charts, keeper } = context;
  disposables.add(vscode.window.createTreeView(View.runs, { treeDataProvider: new RunTree(context) }));
  disposables.add(sayLimitEnds(runs, (run) => attacher.restart(run.id)));

  /** A command on the run of a node or id; from the palette the run is picked, if there is a choice. */
  const onRun = (
    id:
      | typeof Command.runOpen
      | typeof Command.runCharts
      | typeof Command.runPause
      | typeof Command.runResume
      | typeof Command.runLimits
      | typeof Command.runKeep
      | typeof Command.runLeave
      | typeof Command.runRestart
      | typeof Command.runStop
      | typeof Command.runForget,
    among: () => RunSummary[],
    action: (run: RunSummary) => unknown,
  ) => {
    const handler = async (target?: RunNode | string) => {
      const run = await pickRun(runs, target, among);
      if (run !== undefined) await action(run);
    };
    disposables.add(registerCommand(errors, id, handler));
  };
  /** Whoever wants to see rows before there are any is told how they come to be. */
  const shown = (): RunSummary[] => {
    const all = runs.all();
    if (all.length > 0) return all;
    throw new ExtensionError({
      code: 'usage',
      message: 'Nothing has been attached yet.',
      remedy: 'Open a BPF program and press F5, or take one from the gallery.',
    });
  };
  onRun(Command.runOpen, shown, (run) => panels.open(run, true));
  onRun(Command.runCharts, shown, (run) => charts.open(run));
  onRun(
    Command.runPause,
    () => runs.live(),
    (run) => attacher.pause(run.id, true),
  );
  onRun(
    Command.runResume,
    () => runs.live(),
    (run) => attacher.pause(run.id, false),
  );
  onRun(
    Command.runLimits,
    () => runs.live(),
    (run) => changeLimits(engine, run),
  );
  onRun(
    Command.runKeep,
    () => runs.live(),
    (run) => keeper.ask(run),
  );
  onRun(
    Command.runLeave,
    () => runs.live().filter((run) => run.kept.length > 0),
    (run) => keeper.leave(run),
  );
  onRun(
    Command.runRestart,
    () => runs.all(),
    (run) => attacher.restart(run.id),
  );
  onRun(
    Command.runStop,
    () => runs.live(),
    (run) => keeper.stop(run),
  );
  onRun(
    Command.runForget,
    () => runs.all().filter((run) => !isLive(run)),
    async (run) => {
      await engine.forget(run.id);
      runs.forget(run.id);
    },
  );
  disposables.add(
    registerCommand(errors, Command.runsStopAll, async () => {
      const ended = await Promise.allSettled(runs.live().map((run) => attacher.stop(run.id)));
      const failed = ended.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    }),
  );
}
