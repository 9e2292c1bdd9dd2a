import * as vscode from 'vscode';
import type { RunLimits } from '@ringside/core/model';
import type { SshOptions } from '@ringside/core/rpc';
import { Setting } from './contributions.ts';
import type { SettingId, SettingValues } from './contributions.ts';

/** Reads a setting with its type; `scope` for settings that may differ by folder. */
export function setting<K extends SettingId>(id: K, scope?: vscode.Uri): SettingValues[K] {
  const value = vscode.workspace.getConfiguration(undefined, scope).get<SettingValues[K]>(id);
  if (value === undefined) throw new Error(`The setting ${id} has no default in package.json.`);
  return value;
}

/** Connection options as the settings say them. */
export function sshOptions(): SshOptions {
  const configFile = setting(Setting.sshConfigFile);
  return {
    ...(configFile === '' ? {} : { configFile }),
    acceptNewHostKey: false,
    transport: setting(Setting.sshTransport),
    sudo: setting(Setting.sudo),
    ephemeral: setting(Setting.ephemeral),
    readOnlyHosts: setting(Setting.readOnlyHosts),
  };
}

export const storeBytes = (): number => setting(Setting.storeMegabytes) * 1024 * 1024;

/** What a run may cost its hosts, as the settings say it. */
export const runLimits = (): RunLimits => ({
  cpuPercent: setting(Setting.limitCpuPercent),
  recordsPerSecond: setting(Setting.limitRecordsPerSecond),
  timeSeconds: setting(Setting.limitMinutesUnwatched) * 60,
});

/** Calls back when one of the settings changed. */
export function onSettingChange(ids: SettingId[], changed: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    if (ids.some((id) => event.affectsConfiguration(id))) changed();
  });
}
