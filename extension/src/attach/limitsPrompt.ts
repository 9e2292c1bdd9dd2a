/** Limits of a run: changing them while it lives, and what is said when one of them ended it. */
import * as vscode from 'vscode';
import type { RunLimits, RunSummary } from '@ringside/core/model';
import { durationText, limitNames, limitsText, parseDuration, type Engine } from '@ringside/core/rpc';
import { isLive } from '../format.ts';
import type { RunList } from '../model/runList.ts';

interface Choice {
  label: string;
  unit: string;
  /** "30 % of one processor" */
  words: (value: number) => string;
  /** As it is typed, and read again; undefined for what is none. */
  typed: (value: number) => string;
  read: (text: string) => number | undefined;
  wrong: string;
}

const wholeNumber = {
  typed: String,
  read: (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  wrong: 'A whole number, 0 for no limit.',
};

const choices: Record<keyof RunLimits, Choice> = {
  cpuPercent: {
    label: 'Processor time of a program',
    unit: 'percent of one processor',
    words: (value) => `${value} % of one processor`,
    ...wholeNumber,
  },
  recordsPerSecond: {
    label: 'Records of a stream',
    unit: 'records a second',
    words: (value) => `${value.toLocaleString('en-US')} records a second`,
    ...wholeNumber,
  },
  timeSeconds: {
    label: 'Time without anybody watching',
    unit: 'such as 90s, 15m or 2h',
    words: durationText,
    typed: (value) =>
      value === 0
        ? '0'
        : durationText(value)
            .replace(/ days?$/, 'd')
            .replace(' ', ''),
    read: (text) => (text === '0' ? 0 : parseDuration(text)),
    wrong: 'A time such as 90s, 15m or 2h, 0 for no limit.',
  },
};

/** Asks for one limit and its new value, and sets it at once. */
export async function changeLimits(engine: Engine, run: RunSummary): Promise<void> {
  const { limits } = run;
  if (limits === null) return;
  const items = limitNames.map((name) => {
    const { label, words } = choices[name];
    return { label, name, description: limits[name] === 0 ? 'no limit' : words(limits[name]) };
  });
  const chosen = await vscode.window.showQuickPick(items, {
    title: `Limits of ${run.name}`,
    placeHolder: 'Which limit? Above it the host detaches the run by itself',
  });
  if (chosen === undefined) return;
  const { label, unit, typed, read, wrong } = choices[chosen.name];
  const text = await vscode.window.showInputBox({
    title: `${label}: ${unit}`,
    prompt: 'Above it the host detaches the run by itself. 0: no limit.',
    value: typed(limits[chosen.name]),
    validateInput: (value) => (read(value.trim()) === undefined ? wrong : undefined),
  });
  const limit = text === undefined ? undefined : read(text.trim());
  if (limit === undefined) return;
  const changed = await engine.setLimits(run.id, { [chosen.name]: limit });
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
