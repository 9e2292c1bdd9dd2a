import * as vscode from 'vscode';
import type { RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { commandOf } from '../commands.ts';
import { onSettingChange, setting } from '../config.ts';
import { Command, Setting } from '../contributions.ts';
import { bpfSelector } from '../files.ts';
import { formatLost, formatRate, lostTotal } from '../format.ts';
import { liveTooltip, liveWords } from '../liveText.ts';
import type { KnownVerdict } from '../model/verdicts.ts';
import { scanPrograms } from '../programScan.ts';
import type { ScannedProgram } from '../programScan.ts';
import { Throttle } from '../throttle.ts';
import { describeVerdict } from '../verdictText.ts';

/** Lenses move the text below them: live figures in them change at most once a second. */
const refreshIntervalMs = 1000;

/** Attach · Verify · verdict or live cost above each program, and the same for the whole file on its first line. */
class ProgramLenses implements vscode.CodeLensProvider {
  readonly #context: AppContext;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;

  constructor(context: AppContext) {
    this.#context = context;
    const { disposables, verdicts, runs, chosenHosts } = context;
    disposables.add(this.#changed);
    const refresh = disposables.add(new Throttle(refreshIntervalMs, () => this.#changed.fire()));
    disposables.add(verdicts.onDidChange(() => this.#changed.fire()));
    disposables.add(chosenHosts.onDidChange(() => this.#changed.fire()));
    disposables.add(runs.onDidChange(() => refresh.request()));
    disposables.add(onSettingChange([Setting.codeLens], () => this.#changed.fire()));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!setting(Setting.codeLens, document.uri)) return [];
    const programs = scanPrograms(document.getText());
    if (programs.length === 0) return [];
    const run = this.#context.runs.live().find((live) => live.file === document.uri.fsPath);
    const lenses = this.#fileLenses(document, programs, run);
    for (const program of programs) lenses.push(...this.#programLenses(document, program.name, program.line, run));
    return lenses;
  }

  #fileLenses(
    { uri, version }: vscode.TextDocument,
    programs: ScannedProgram[],
    run: RunSummary | undefined,
  ): vscode.CodeLens[] {
    const at = lensAt(0);
    const host = this.#context.chosenHosts.get(uri);
    const others = this.#context.chosenHosts.others(uri).length;
    const more = host === undefined || others === 0 ? '' : ` +${others}`;
    const lenses =
      run === undefined
        ? [
            at(
              programs.length === 1 ? '$(play) Attach' : '$(play) Attach all',
              commandOf(Command.attach, 'Attach', uri),
            ),
            at('$(pass) Verify', commandOf(Command.verify, 'Verify', uri)),
          ]
        : run.state !== 'running' && run.state !== 'paused'
          ? [
              at('$(debug-stop) Cancel', commandOf(Command.runStop, 'Cancel', run.id)),
              at(`${run.state}…`, commandOf(Command.runOpen, 'Open Trace', run.id)),
            ]
          : [
              at('$(debug-stop) Detach', commandOf(Command.runStop, 'Detach', run.id)),
              at('$(debug-restart) Restart', commandOf(Command.runRestart, 'Restart', run.id)),
              at(
                `${formatRate(run.rate)} · ${formatLost(lostTotal([run.ledger]))}`,
                commandOf(Command.runOpen, 'Open Trace', run.id),
              ),
            ];
    lenses.push(at(`$(remote) ${host ?? 'choose host'}${more}`, commandOf(Command.chooseHost, 'Choose Host', uri)));
    const verdicts = programs.flatMap(({ name }) => this.#context.verdicts.get(uri, name) ?? []);
    const first = verdicts.find((known) => known.verdict.verdict === 'rejected') ?? verdicts[0];
    if (first) {
      const show = commandOf(Command.showVerdict, 'Show Verifier Log', uri, first.verdict.name);
      lenses.push(at(fileVerdictWords(verdicts, version), show));
    }
    return lenses;
  }

  #programLenses(
    document: vscode.TextDocument,
    name: string,
    line: number,
    run: RunSummary | undefined,
  ): vscode.CodeLens[] {
    const { uri } = document;
    const at = lensAt(line);
    const verdict = this.#context.verdicts.get(uri, name);
    const attached = run?.attachments.some((attachment) => attachment.program === name) === true;
    const lenses = attached
      ? [
          at(`$(record) ${liveWords(run, name)}`, {
            ...commandOf(Command.runOpen, 'Open Trace', run.id),
            tooltip: liveTooltip(run, name),
          }),
          at('$(file-binary) Translated code', commandOf(Command.programCode, 'Translated Code', uri, name)),
        ]
      : [
          at('$(play) Attach', commandOf(Command.attach, 'Attach', uri, name)),
          at('$(pass) Verify', commandOf(Command.verify, 'Verify', uri, name)),
        ];
    if (verdict)
      lenses.push(
        at(verdictWords(verdict, document.version), commandOf(Command.showVerdict, 'Show Verifier Log', uri, name)),
        at('$(compass) Explore', commandOf(Command.explore, 'Explore the Verifier’s Path', uri, name)),
      );
    return lenses;
  }
}

const lensAt = (line: number) => (title: string, command: vscode.Command) =>
  // An icon takes no space of its own, and a plain one after it is lost.
  new vscode.CodeLens(new vscode.Range(line, 0, line, 0), {
    ...command,
    title: title.replace(/^(\$\(.*?\)) /, '$1\u00a0'),
  });

function verdictWords(known: KnownVerdict, version: number): string {
  const words = describeVerdict(known.verdict, known.host, known.before);
  return known.version === version ? words : `${words} (before the last edit)`;
}

/** "✓ web-1 accepts all 3", "✗ web-1 rejects 1 of 3"; one program has its own words. */
function fileVerdictWords(known: KnownVerdict[], version: number): string {
  const first = known[0]!;
  if (known.length === 1) return verdictWords(first, version);
  const rejected = known.filter(({ verdict }) => verdict.verdict === 'rejected').length;
  const words =
    rejected === 0
      ? `✓ ${first.host} accepts all ${known.length}`
      : `✗ ${first.host} rejects ${rejected} of ${known.length}`;
  return first.version === version ? words : `${words} (before the last edit)`;
}

export function registerCodeLens(context: AppContext): void {
  context.disposables.add(vscode.languages.registerCodeLensProvider(bpfSelector, new ProgramLenses(context)));
}
