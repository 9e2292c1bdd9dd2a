import { Exit, listCode, type ExitCode, type ProgramItem } from '@ringside/core';
import { hostList, usage } from '../args.ts';
import type { Context } from '../context.ts';
import { figure, ownerText } from '../output/ownerText.ts';
import { dim, table } from '../terminal.ts';
import { listing } from './listing.ts';
import type { Command } from './index.ts';

export const programs: Command = {
  usage: 'programs HOST [ID --xlated|--jited]',
  summary: 'every BPF program on the host: whose, what it costs, what it is made for; or the code of one',
  help: `ID with --xlated: its instructions as the verifier rewrote them; with --jited: its machine code; both by lines of its source.
--json: {"host","id","name","type","arch","xlatedBytes"|null,"jitedBytes"|null,"functions":[{"name","start","address"|null,
"lines":[{"source":{"file","line","column","text"}|null,"xlated":[{"index","text","bytes"}],"jited":{"address","bytes"}|null}]}],
"xlatedUnknown","jitedUnknown"}; null and a reason where the kernel does not show them.`,
  options: { xlated: { type: 'boolean' }, jited: { type: 'boolean' } },
  run: (context) =>
    context.positionals.length > 1
      ? code(context)
      : listing(context, 'programs', (host) => context.engine.programs(host, context.call), forPeople),
};

async function code({ engine, positionals, values, common, json, text, call, progress }: Context): Promise<ExitCode> {
  const [name, id, ...more] = positionals;
  if (more.length > 0) throw usage(`"${more[0]!}" is one argument too many.`);
  const hosts = hostList(name);
  if (hosts.length > 1) throw usage('A program belongs to one host: give one.');
  if (!/^\d{1,10}$/.test(id!))
    throw usage(`"${id!}" is no id of a program.`, 'List them with `ringside programs HOST`.');
  const [xlated, jited] = [values['xlated'] === true, values['jited'] === true];
  const found = await engine.programCode(hosts[0]!, Number(id), call);
  progress.clear();
  if (common.json) json(found);
  else text(listCode(found, xlated === jited ? 'both' : xlated ? 'xlated' : 'jited').text.trimEnd());
  const asked =
    xlated === jited ? found.xlatedUnknown || found.jitedUnknown : xlated ? found.xlatedUnknown : found.jitedUnknown;
  return asked === '' ? Exit.done : Exit.cannot;
}

function forPeople(list: ProgramItem[]): string {
  if (list.length === 0) return 'No BPF program is loaded.';
  const rows = list.map((p) => [
    String(p.id),
    p.type,
    p.name,
    p.attachTo ?? '',
    figure(p.runs),
    p.nanosPerRun === null ? '?' : p.nanosPerRun.toFixed(0),
    figure(p.memoryBytes),
    p.ringside === true ? 'yes' : '',
    [ownerText(p.owners), ...p.pins].filter(Boolean).join(' '),
  ]);
  const header = ['ID', 'TYPE', 'NAME', 'MADE FOR', 'RUNS', 'NS/RUN', 'MEMORY', 'RINGSIDE', 'OWNERS AND PINS'];
  const hint = list.every((p) => p.runs === null) ? `\n${dim('RUNS: nobody counts them now.')}` : '';
  return table(header, rows, [true, false, false, false, true, true, true]) + hint;
}
