import { Exit, timeLeft } from '@ringside/core';
import { exactly, hostList } from '../args.ts';
import { table } from '../terminal.ts';
import type { Command } from './index.ts';

export const runs: Command = {
  usage: 'runs HOST',
  summary: 'runs that go on on a host without a client',
  options: {},
  async run({ engine, positionals, common, json, text, call, progress }) {
    const hosts = hostList(exactly(positionals, ['HOST'])[0]);
    const all = (await Promise.all(hosts.map((host) => engine.keptRuns(host, call)))).flat();
    progress.clear();
    if (common.json) json(all);
    else if (all.length === 0) text('No run is kept.');
    else {
      const rows = all.map((r) => [r.host, r.run, r.name, `${timeLeft(r.expires)} left`, r.by]);
      text(table(['HOST', 'RUN', 'PROGRAM', 'TIME', 'KEPT BY'], rows, []));
    }
    return Exit.done;
  },
};
