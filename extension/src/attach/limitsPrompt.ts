/** Limits of a run: changing them while it lives, and what is said when one of them ended it. */
import * as vscode from 'vscode';
import type { RunLimits, RunSummary } from '@ringside/core/model';
import { limitsText, type Engine } from '@ringside/core/rpc';
import { isLive } from '../format.ts';
import type { RunList } from '../model/runList.ts';

const choices: { label: string; name: keyof RunLimits; unit: string }[] = [
  { label: 'Processor time of a program', name: 'cpuPercent', unit: 'percent of one processor' },
  { label: 'Records of a stream', name: 'recordsPerSecond', unit: 'records a second' },
  { label: 'Time without anybody watching', name: 'timeSeconds', unit: 'seconds' },
];

/** Asks for one limit and its new value, and sets it at once. */
export async function changeLimits(engine: Engine, run: RunSummary): Promise<void> {
  const { limits } = run;
  if (limits === null) return;
  const items = choices.map((choice) => {
    const now = limits[choice.name];
    return { ...choice, description: now === 0 ? 'no limit' : `${now.toLocaleString('en-US')} ${choice.unit}` };
  });
  const chosen = await vscode.window.showQuickPick(items, {
    title: `Limits of ${run.name}`,
    placeHolder: 'Which limit?',
  });
  if (chosen === undefined) return;
  const text = await vscode.window.showInputBox({
    title: `${chosen.label}: ${chosen.unit}`,
    prompt: 'Above it the host detaches the run by itself. 0: no limit.',
    value: String(limits[chosen.name]),
    validateInput: (value) => (/^\d{1,9}$/.test(value.trim()) ? undefined : 'A whole number, 0 for no limit.'),
  });
  if (text === undefined) return;
  const changed = await engine.setLimits(run.id, { [chosen.name]: Number(text.trim()) });
  if (changed.limits !== null) {
    vscode.window.setStatusBarMessage(`Limits of ${run.name}: ${limitsText(changed.limits)}`, 5000);
  }
}

const limitCodes = new Set(['cpu-limit', 'rate-limit', 'time-limit']);

/** A run that its host ended is said where its user is, also without a panel. */
export function sayLimitEnds(runs: RunList, restart: (run: RunSummary) => unknown): vscode.Disposable {
  return runs.onDidChange(({ run, structure }) => {
    if (!structure || isLive(run) || run.error === null || !limitCodes.has(run.error.code)) return;
    void offerRestart(run, run.error.message, run.error.remedy, restart);
  });
}

async function offerRestart(
  run: RunSummary,
  message: string,
  remedy: string,
  restart: (run: RunSummary) => unknown,
): Promise<void> {
  const again = 'Attach Again';
  const chosen = await vscode.window.showWarningMessage(`${run.name}: ${message} ${remedy}`, again);
  if (chosen === again) await restart(run);
}
