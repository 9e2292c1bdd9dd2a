import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { pickHost } from '../attach/hostPicker.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { errorData } from '../errors.ts';
import { untilText } from '../format.ts';
import { isSame, keptKey } from '../model/keptMemory.ts';
import type { KeptRun } from '../model/keptRuns.ts';
import { withProgress } from '../progress.ts';
import { KeptNode } from './keptNode.ts';
import { RunNode } from './runsView.ts';

/** After a start: panels that come back go on with their runs by themselves first. */
const settleMs = 4000;

/** Commands on kept runs, and the word that there are some. */
export function registerKeptRuns(context: AppContext): void {
  const { disposables, errors, kept } = context;
  const adopt = (one: KeptRun): Promise<void> => adoptHere(context, one);
  disposables.add(
    registerCommand(errors, Command.keptAdopt, async (target) => {
      for (const one of await chosen(context, target, 'Adopt Kept Run')) await adopt(one);
    }),
  );
  disposables.add(
    registerCommand(errors, Command.keptEnd, async (target) => {
      for (const one of await chosen(context, target, 'End Kept Run')) await context.keeper.end(one);
    }),
  );
  const said = new Set<string>();
  disposables.add(kept.onDidFind(({ runs }) => void announce(context, said, runs)));
  const timer = setTimeout(() => void announce(context, said, kept.all()), settleMs);
  disposables.defer(() => clearTimeout(timer));
}

/** A run that another version has left cannot be read: then it can still be ended. */
async function adoptHere({ keeper, errors }: AppContext, one: KeptRun): Promise<void> {
  try {
    await keeper.adopt(one);
  } catch (error) {
    const foreign = errorData(error).code === 'protocol';
    await errors.show(error, foreign ? { actions: [{ title: 'End It…', run: () => keeper.end(one) }] } : {});
  }
}

/**
 * The kept runs of a node; from the palette one is picked, of a host that is asked for when none is known. A node that was
 * clicked while its tree changed arrives as nothing: the only run that there is needs no picking.
 */
async function chosen(context: AppContext, target: unknown, title: string): Promise<KeptRun[]> {
  if (target instanceof KeptNode) return [target.kept];
  if (target instanceof RunNode) {
    const run = context.runs.get(target.runId);
    return run === undefined ? [] : ofRun(context, run);
  }
  const known = context.kept.all();
  if (known.length === 1) return known;
  const one = known.length > 0 ? await pickKept(known, title) : await fromHost(context, title);
  return one === undefined ? [] : [one];
}

function ofRun({ kept }: AppContext, run: RunSummary): KeptRun[] {
  const left = kept.leftOf(run);
  if (left.length === 0)
    void vscode.window.showInformationMessage(`${run.name} is not kept on ${run.hosts.join(', ')} any more.`);
  return left;
}

async function fromHost({ hosts, kept }: AppContext, title: string): Promise<KeptRun | undefined> {
  const host = await pickHost(hosts, undefined, `${title}: Host`);
  if (host === undefined) return undefined;
  const runs = await withProgress(`Ringside: looking for kept runs on ${host}`, (call) => kept.refresh(host, call));
  if (runs.length > 0) return await pickKept(runs, title);
  void vscode.window.showInformationMessage(`No run is kept on ${host}.`);
  return undefined;
}

async function pickKept(runs: KeptRun[], title: string): Promise<KeptRun | undefined> {
  const items = runs.map((one) => ({
    label: `$(pinned) ${one.name}`,
    description: `${one.host} · until ${untilText(one.expires)}`,
    ...(one.info ? { detail: `kept by ${one.info.by}` } : {}),
    one,
  }));
  const options = { title, placeHolder: 'Choose a run that is kept on its host', matchOnDescription: true };
  return (await vscode.window.showQuickPick(items, options))?.one;
}

/** One message for all that is new, each run once in a window. */
async function announce(context: AppContext, said: Set<string>, runs: KeptRun[]): Promise<void> {
  // What this window has left just now is no news to whoever left it.
  const ours = context.runs.all().flatMap((run) => run.kept);
  const isNews = (one: KeptRun): boolean =>
    !said.has(keptKey(one)) && !context.keeper.isAdopting(one) && !ours.some((on) => isSame(on, one));
  const news = runs.filter(isNews);
  for (const one of news) said.add(keptKey(one));
  const [first] = news;
  if (first === undefined) return;
  const single = news.length === 1;
  const [adopt, end, show] = [single ? 'Adopt' : 'Adopt…', single ? 'End…' : '', 'Show'];
  const buttons = [adopt, end, show].filter((title) => title !== '');
  const answer = await vscode.window.showInformationMessage(announcement(news), ...buttons);
  const node = single ? new KeptNode(first, 'hosts') : undefined;
  if (answer === adopt) await vscode.commands.executeCommand(Command.keptAdopt, node);
  else if (answer === end) await vscode.commands.executeCommand(Command.keptEnd, node);
  else if (answer === show) await vscode.commands.executeCommand(Command.keptShow);
}

/** "execsnoop goes on on web-1 until 14:32, kept by ana on laptop." */
export function announcement(runs: KeptRun[]): string {
  const [first] = runs;
  if (first === undefined) return '';
  if (runs.length === 1) {
    const by = first.info === null || first.info.by === '' ? '' : `, kept by ${first.info.by}`;
    return `${first.name} goes on on ${first.host} until ${untilText(first.expires)}${by}.`;
  }
  const hosts = [...new Set(runs.map((one) => one.host))];
  return `${runs.length} kept runs go on on ${hosts.join(', ')}: ${runs.map((one) => one.name).join(', ')}.`;
}
