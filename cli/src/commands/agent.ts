import { Exit, timeLeft } from '@ringside/core';
import { hostList, usage } from '../args.ts';
import { oneOrAll } from '../output/outcomes.ts';
import { table } from '../terminal.ts';
import type { Command } from './index.ts';

export const agent: Command = {
  usage: 'agent status|remove HOST',
  summary: 'what is installed and running there; remove leaves nothing',
  options: {},
  async run({ engine, positionals, common, json, text, call, progress }) {
    const [action, host] = positionals;
    if (action !== 'status' && action !== 'remove')
      throw usage(`"agent" takes status or remove; not "${action ?? ''}".`);
    if (positionals.length > 2) throw usage(`"${positionals[2]!}" is one argument too many.`);
    const names = hostList(host);
    if (action === 'status') {
      const all = await Promise.all(names.map((name) => engine.agentStatus(name, call)));
      progress.clear();
      if (common.json) json(oneOrAll(all));
      else {
        for (const s of all) {
          if (s.installed.length === 0) text(`${s.host}: no agent is installed.`);
          else
            text(
              table(
                ['PATH', 'BYTES', 'CURRENT'],
                s.installed.map((i) => [i.path, String(i.bytes), i.current ? 'yes' : 'no']),
                [false, true],
              ),
            );
          for (const k of s.kept) text(`kept: run ${k.run} (${k.name}), pid ${k.pid}, ${timeLeft(k.expires)} left`);
          for (const r of s.running) text(`running: pid ${r.pid}, user ${r.user}, ${r.startedSeconds} s`);
        }
      }
    } else {
      const all = await Promise.all(names.map((name) => engine.agentRemove(name, call)));
      progress.clear();
      if (common.json) json(oneOrAll(all));
      else
        for (const r of all)
          text(
            r.removed.length === 0
              ? `${r.host}: there was nothing to remove.`
              : `${r.host}: removed\n  ${r.removed.join('\n  ')}`,
          );
    }
    return Exit.done;
  },
};
