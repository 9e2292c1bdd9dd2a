import { Exit, RingsideError, type ProjectRequest } from '@ringside/core';
import { exactly, usage } from '../args.ts';
import type { Command } from './index.ts';

const languages: readonly string[] = ['c', 'go', 'rust'] satisfies ProjectRequest['language'][];

export const project: Command = {
  usage: 'project FILE --language c|go|rust --out DIR [--list]',
  summary: 'a project of its own from a program: user space, build files, README',
  help: 'Nothing is overwritten. --list shows the files and writes none.',
  options: { language: { type: 'string' }, out: { type: 'string' }, list: { type: 'boolean' } },
  async run({ engine, positionals, values, common, json, text, call, progress }) {
    const [file] = exactly(positionals, ['FILE']);
    const language = values['language'] ?? 'c';
    if (typeof language !== 'string' || !languages.includes(language))
      throw usage(`There is no project in "${String(language)}".`, `Languages: ${languages.join(', ')}.`);
    const dir = values['out'];
    if (typeof dir !== 'string') throw usage('The folder of the project is needed.', 'Name it: --out DIR.');
    const request = { file: file!, language: language as ProjectRequest['language'], dir };
    const plan = await engine.planProject(request, call);
    progress.clear();
    const isListed = values['list'] === true;
    if (!isListed) {
      if (call.signal.aborted) throw new RingsideError('cancelled', 'Nothing was written.');
      await engine.writeProject(plan);
    }
    const files = plan.files.map(({ path }) => path);
    if (common.json) json({ dir: plan.dir, name: plan.name, language: plan.language, files, existing: plan.existing });
    else
      text(
        `${isListed ? 'Would create' : 'Created'} ${plan.dir}\n${files.map((path) => `  ${path}${plan.existing.includes(path) ? '  (exists)' : ''}`).join('\n')}${isListed ? '' : `\n\nNext: make -C ${plan.dir}; README.md says what to install.`}`,
      );
    return Exit.done;
  },
};
