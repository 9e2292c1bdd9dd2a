import { Exit } from '@ringside/core';
import { exactly } from '../args.ts';
import { table } from '../terminal.ts';
import type { Command } from './index.ts';

export const hosts: Command = {
  usage: 'hosts',
  summary: 'the hosts of your ssh config',
  options: {},
  async run({ engine, positionals, common, json, text }) {
    exactly(positionals, []);
    const list = await engine.hosts();
    if (common.json) json(list);
    else if (list.length === 0) text('No host in your ssh config. "local" and user@host[:port] work without one.');
    else {
      const rows = list.map((h) => [h.alias, h.hostname, String(h.port), h.user, h.proxyJump ?? '', h.source]);
      text(table(['ALIAS', 'HOSTNAME', 'PORT', 'USER', 'JUMP', 'SOURCE'], rows, [false, false, true]));
    }
    return Exit.done;
  },
};
