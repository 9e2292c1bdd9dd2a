/** The run that a command is about. */
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { describeRun } from '../format.ts';
import type { RunList } from '../model/runList.ts';

/**
 * The run of a node or id; without one (from the palette) the only one of `among`, or the one that is chosen from them.
 * Undefined where there is none, or the user leaves.
 */
export async function pickRun(
  runs: Pick<RunList, 'get'>,
  target: { runId: string } | string | undefined,
  among: () => RunSummary[],
  { placeHolder = 'Choose a run', describe = describeRun } = {},
): Promise<RunSummary | undefined> {
  if (target !== undefined) return runs.get(typeof target === 'string' ? target : target.runId);
  const candidates = among();
  if (candidates.length <= 1) return candidates[0];
  const items = candidates.map((run) => ({ label: run.name, description: describe(run), run }));
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.run;
}
