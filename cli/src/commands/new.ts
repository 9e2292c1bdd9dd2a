import { createFromTemplate, Exit, listTemplates } from '@ringside/core';
import { usage } from '../args.ts';
import { table } from '../terminal.ts';
import type { Command } from './index.ts';

export const newProgram: Command = {
  usage: 'new [TEMPLATE] [DIR]',
  summary: 'a program from the gallery, ready to build',
  options: {},
  async run({ positionals, resourceDir, common, json, text }) {
    const [template, dir] = positionals;
    if (positionals.length > 2) throw usage(`"${positionals[2]!}" is one argument too many.`);
    if (template === undefined) {
      const list = await listTemplates(resourceDir);
      if (common.json) json(list);
      else
        text(
          `${table(
            ['TEMPLATE', 'TITLE'],
            list.map((t) => [t.name, t.title]),
          )}\n\nringside new TEMPLATE [DIR] copies one.`,
        );
      return Exit.done;
    }
    const created = await createFromTemplate(resourceDir, template, dir ?? template);
    if (common.json) json(created);
    else
      text(
        `Created ${created.dir}\n  ${created.files.join('\n  ')}\n\nNext: ringside attach ${created.source} --host local`,
      );
    return Exit.done;
  },
};
