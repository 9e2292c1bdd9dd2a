import * as vscode from 'vscode';
import type { CallOptions, ProgressStep } from '@ringside/core/rpc';

/** Runs a long engine call with a notification that names its steps and whose Cancel really aborts. */
export function withProgress<T>(
  title: string,
  job: (options: Required<CallOptions>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return runWithProgress(options, job, signal);
}

/** The same in the status bar, for what was not asked for (verify on save). */
export function withQuietProgress<T>(
  title: string,
  job: (options: Required<CallOptions>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return runWithProgress({ location: vscode.ProgressLocation.Window, title }, job, signal);
}

async function runWithProgress<T>(
  options: vscode.ProgressOptions,
  job: (options: Required<CallOptions>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return await vscode.window.withProgress(options, async (progress, token) => {
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => abort.abort());
    const joined = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
    try {
      return await job({ signal: joined, progress: (step) => progress.report({ message: stepWords(step) }) });
    } finally {
      subscription.dispose();
    }
  });
}

/** "Uploading agent to web-1 (42 %)". */
export function stepWords({ step, done, total }: ProgressStep): string {
  return done === undefined || total === undefined || total <= 0
    ? step
    : `${step} (${Math.floor((100 * done) / total)} %)`;
}
