import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { Command } from '../contributions.ts';
import { RunNode } from './runsView.ts';

/**
 * After a reconnect: what is kept goes on by itself, and a run that ended with its connection is started again with one
 * click, from the message or from the tree.
 */
export function registerLostRuns(context: AppContext): void {
  const { disposables, errors, runs, attacher, keeper, lostRuns } = context;
  const startAgain = async (runId: string): Promise<void> => {
    try {
      await attacher.startAgain(runId);
    } catch (error) {
      await errors.show(error, { retry: () => startAgain(runId) });
    }
  };
  disposables.add(
    registerCommand(errors, Command.runStartAgain, async (target) => {
      const id = target instanceof RunNode ? target.runId : target;
      const run = id === undefined ? runs.all().find((one) => lostRuns.isLost(one)) : runs.get(id);
      if (run !== undefined) await startAgain(run.id);
    }),
  );
  disposables.add(
    lostRuns.onDidComeBack(({ run, kept }) => {
      for (const one of kept) {
        // One that ended meanwhile, or that somebody else watches now, stays in the tree as what it is.
        keeper.adopt(one).then(
          () => lostRuns.replaced(run.id),
          (error: unknown) => errors.log(error),
        );
      }
      if (kept.length === 0 && lostRuns.isLost(run)) void offer(run, () => startAgain(run.id));
    }),
  );
}

async function offer(run: RunSummary, startAgain: () => Promise<void>): Promise<void> {
  const again = 'Start Again';
  const hosts = run.hosts.join(', ');
  const are = run.hosts.length === 1 ? 'is' : 'are';
  const message = `${hosts} ${are} connected again. ${run.name} ended when the connection was lost.`;
  if ((await vscode.window.showWarningMessage(message, again)) === again) await startAgain();
}
