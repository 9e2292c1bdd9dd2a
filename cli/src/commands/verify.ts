import { Exit, errorCodes } from '@ringside/core';
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
import { oneOrAll } from '../output/outcomes.ts';
import { verdictText } from '../output/verdictText.ts';
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
    else text(outcomes.map(verdictText).join('\n'));
    const failed = outcomes.find((o) => 'error' in o);
    if (failed && 'error' in failed) return errorCodes[failed.error.code];
    return outcomes.every((o) => !('error' in o) && o.ok) ? Exit.done : Exit.rejected;
  },
};
