/** The record button and what becomes of it: recordings of runs, and recordings opened as files. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import { parseDuration } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { registerCommand } from '../commands.ts';
import { setting } from '../config.ts';
import { Command, PanelType, Setting } from '../contributions.ts';
import { bytesText, isLive } from '../format.ts';
import { pickRun } from '../controllers/pickRun.ts';
import type { RunNode } from '../controllers/runsView.ts';
import { recordingFolder, recordingName } from './recordingFile.ts';
import { RecordingEditors } from './recordingEditors.ts';

export function registerRecordings(context: AppContext): void {
  const { disposables, errors, runs } = context;
  const onRun = (id: typeof Command.runRecord | typeof Command.runRecordLast, last: boolean): void => {
    const handler = async (target?: RunNode | string): Promise<void> => {
      const run = await pickRun(runs, target, () => runs.live(), asked);
      if (run !== undefined) await toggle(context, run, last);
    };
    disposables.add(registerCommand(errors, id, handler));
  };
  onRun(Command.runRecord, false);
  onRun(Command.runRecordLast, true);
  disposables.add(registerCommand(errors, Command.openRecording, openRecording));
  disposables.add(sayFailures(context));
  disposables.add(
    vscode.window.registerCustomEditorProvider(PanelType.recording, new RecordingEditors(context), {
      webviewOptions: { retainContextWhenHidden: false },
      supportsMultipleEditorsPerDocument: false,
    }),
  );
}

const isRecording = ({ recording }: RunSummary): boolean => recording?.endedAt === null;

async function toggle({ engine, runs }: AppContext, run: RunSummary, last: boolean): Promise<void> {
  if (isRecording(run)) {
    const ended = await engine.endRecording(run.id);
    runs.update(ended);
    offer(ended);
    return;
  }
  const lastSeconds = last ? await askLast(run) : null;
  if (lastSeconds === undefined) return;
  const file = join(await recordingFolder(), recordingName(run, new Date()));
  const seconds = setting(Setting.recordingMapsSeconds);
  runs.update(
    await engine.record(run.id, {
      file,
      mapsSeconds: seconds > 0 ? seconds : null,
      ...(lastSeconds !== null && { lastSeconds }),
    }),
  );
}

/** How much of a recording is kept, in seconds; undefined when the user leaves. */
async function askLast({ name }: RunSummary): Promise<number | undefined> {
  const text = await vscode.window.showInputBox({
    title: `Record ${name} and keep the last minutes`,
    prompt: 'A time such as 90s, 5m or 2h. What is older leaves the file; end the recording when it has happened.',
    value: '5m',
    validateInput: (typed) =>
      readLast(typed) === undefined ? 'A time such as 90s, 5m or 2h; at most 24h.' : undefined,
  });
  return text === undefined ? undefined : readLast(text);
}

function readLast(text: string): number | undefined {
  const seconds = parseDuration(text.trim());
  return seconds !== undefined && seconds > 0 && seconds <= 86_400 ? seconds : undefined;
}

/** A finished recording, and the way to it. */
function offer({ name, recording }: RunSummary): void {
  if (recording === undefined) return;
  const text = `Recorded ${recording.records.toLocaleString('en-US')} records of ${name} (${bytesText(recording.bytes)}).`;
  void vscode.window.showInformationMessage(text, 'Open', 'Show File').then(async (chosen) => {
    const uri = vscode.Uri.file(recording.file);
    if (chosen === 'Open') await vscode.commands.executeCommand('vscode.openWith', uri, PanelType.recording);
    if (chosen === 'Show File') await vscode.commands.executeCommand('revealFileInOS', uri);
  });
}

/** A recording that ended by itself is said once: nobody may be looking at the panel. */
function sayFailures({ runs }: AppContext): vscode.Disposable {
  const said = new Set<string>();
  return runs.onDidChange(({ run }) => {
    const { recording } = run;
    if (!recording || recording.endedAt === null) return;
    if (recording.error && !said.has(recording.file)) {
      said.add(recording.file);
      void vscode.window.showErrorMessage(`${recording.error.message} ${recording.error.remedy}`);
    } else if (!isLive(run) && !recording.error && !said.has(recording.file)) {
      said.add(recording.file);
      if (recording.endedAt >= (run.endedAt ?? 0)) offer(run);
    }
  });
}

async function openRecording(): Promise<void> {
  const folder = vscode.Uri.file(await recordingFolder());
  const chosen = await vscode.window.showOpenDialog({
    title: 'Open Recording',
    defaultUri: folder,
    filters: { 'Ringside recordings': ['ringside'] },
  });
  if (chosen?.[0]) await vscode.commands.executeCommand('vscode.openWith', chosen[0], PanelType.recording);
}

const asked = {
  placeHolder: 'Record which run?',
  describe: (run: RunSummary): string => `${run.hosts.join(', ')}${isRecording(run) ? ' · recording' : ''}`,
};
