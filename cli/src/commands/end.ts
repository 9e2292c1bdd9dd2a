import { Exit } from '@ringside/core';
import { exactly } from '../args.ts';
import type { Command } from './index.ts';

export const end: Command = {
  usage: 'end HOST RUN',
  summary: 'end a kept run; waits until nothing of it is attached',
  options: {},
  async run({ engine, positionals, common, json, text, call, progress }) {
    const [host, run] = exactly(positionals, ['HOST', 'RUN']);
    await engine.endKept(host!, run!, call);
    progress.clear();
    if (common.json) json({ host, run, ended: true });
    else text(`Run ${run!} on ${host!} is ended.`);
    return Exit.done;
  },
};
