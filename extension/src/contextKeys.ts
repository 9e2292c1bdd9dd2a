import * as vscode from 'vscode';
import type { ContextKeyValues } from './contributions.ts';

const current = new Map<string, unknown>();

/** Sets a context key, but only when it changes: each set re-evaluates every menu. */
export function setContextKey<K extends keyof ContextKeyValues>(key: K, value: ContextKeyValues[K]): void {
  if (current.get(key) === value) return;
  current.set(key, value);
  void vscode.commands.executeCommand('setContext', key, value);
}
