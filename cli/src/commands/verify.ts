import { Exit, errorCodes, type ProgramVerdict, type VerifyOutcome } from '@ringside/core';
import {
  assignments,
  exactly,
  hostList,
  listOption,
  loadOptionNames,
  loadOptions,
  targets,
  textOption,
} from '../args.ts';
import { hostFailure, oneOrAll } from '../output/outcomes.ts';
import { bold, dim, green, red, yellow } from '../terminal.ts';
import type { Command } from './index.ts';

export const verify: Command = {
  usage:
    'verify FILE|OBJECT --host HOST [--program NAME]… [--target [PROGRAM:]KEY=VALUE]… [--set VAR=VALUE]… [--map-size MAP=ENTRIES]… [--kconfig NAME=VALUE]… [--btf FILE] [--full-log OUT]',
  summary: "the host's verifier verdict; nothing is attached",
  options: {
    host: { type: 'string' },
    program: { type: 'string', multiple: true },
    target: { type: 'string', multiple: true },
    set: { type: 'string', multiple: true },
    ...loadOptionNames,
    'full-log': { type: 'string' },
  },
  async run({ engine, positionals, values, common, json, text, call, progress }) {
    const [file] = exactly(positionals, ['FILE']);
    const hosts = hostList(textOption(values, 'host'));
    const fullLog = textOption(values, 'full-log');
    const outcomes = await engine.verify(
      {
        file: file!,
        hosts,
        programs: listOption(values, 'program'),
        targets: targets(listOption(values, 'target')),
        set: assignments(listOption(values, 'set'), 'set'),
        load: loadOptions(values),
        ...(fullLog && { fullLog }),
      },
      call,
    );
    progress.clear();
    if (common.json) json(oneOrAll(outcomes));
    else text(outcomes.map(forPeople).join('\n'));
    const failed = outcomes.find((o) => 'error' in o);
    if (failed && 'error' in failed) return errorCodes[failed.error.code];
    return outcomes.every((o) => !('error' in o) && o.ok) ? Exit.done : Exit.rejected;
  },
};

function forPeople(outcome: VerifyOutcome): string {
  if ('error' in outcome) return hostFailure(outcome);
  return [
    bold(`${outcome.host} (kernel ${outcome.kernel})`),
    ...outcome.programs.map(programLines),
    ...outcome.notes.map((n) => dim(`  ${n}`)),
  ].join('\n');
}

function programLines(p: ProgramVerdict): string {
  const mark = { accepted: green('✓'), rejected: red('✗'), skipped: yellow('–') }[p.verdict];
  const { processed, limitPercent, verifyMicros } = p.stats;
  const stats =
    processed === null
      ? ''
      : dim(`  ${processed} instructions processed (${limitPercent ?? '?'} %), ${verifyMicros ?? '?'} µs`);
  const lines = [`  ${mark} ${p.name} ${dim(p.section)}${stats}`];
  if (p.reason) {
    const { title, message, file, line, column, cause, fixes, kernelSuggestion } = p.reason;
    if (file) lines.push(`      ${file}:${line}:${column}`);
    lines.push(`      ${bold(title)}: ${message}`);
    for (const c of cause) lines.push(dim(`      ${c.file}:${c.line}:${c.column}: ${c.message}`));
    for (const f of fixes) lines.push(`      fix: ${f.title}`);
    if (kernelSuggestion !== '') lines.push(dim(`      the kernel suggests: ${kernelSuggestion}`));
  }
  return lines.join('\n');
}
