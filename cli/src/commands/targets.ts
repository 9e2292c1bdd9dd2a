import { Exit, type TargetEntry, type TargetKind, type TargetListing, type TargetQuery } from '@ringside/core';
import { hostList, positiveOption, textOption, usage } from '../args.ts';
import { targetList } from '../output/targetList.ts';
import { oneOrAll } from '../output/outcomes.ts';
import { dim } from '../terminal.ts';
import type { Command } from './index.ts';

const kinds = [
  'kprobe',
  'fentry',
  'tracepoint',
  'raw_tp',
  'lsm',
  'uprobe',
  'usdt',
  'iface',
  'cgroup',
  'process',
  'container',
] as const satisfies readonly TargetKind[];

export const targets: Command = {
  usage: 'targets HOST KIND [PATTERN]',
  summary: 'what programs can attach to on a host, with arguments and their types',
  options: { binary: { type: 'string' }, pid: { type: 'string' }, limit: { type: 'string' } },
  async run({ engine, values, positionals, common, json, text, call, progress }) {
    const [hosts, kind, pattern = '', more] = positionals;
    const names = hostList(hosts);
    if (kind === undefined) throw usage('KIND is missing.', `It is one of ${kinds.join(', ')}.`);
    if (more !== undefined) throw usage(`"${more}" is one argument too many.`, 'Put a pattern with * in quotes.');
    const query: TargetQuery = { kind: kindNamed(kind), pattern };
    const binary = textOption(values, 'binary');
    const pid = positiveOption(values, 'pid', true);
    const limit = positiveOption(values, 'limit', true);
    const inFiles = query.kind === 'uprobe' || query.kind === 'usdt';
    if (!inFiles && (binary !== undefined || pid !== undefined))
      throw usage(`--binary and --pid belong to uprobe and usdt; ${query.kind} takes neither.`);
    if (inFiles && binary === undefined && pid === undefined)
      throw usage(`${query.kind} needs --binary PATH, or --pid PID of a process that uses it.`);
    if (binary !== undefined) query.binary = binary;
    if (pid !== undefined) query.pid = pid;
    if (limit !== undefined) query.limit = limit;
    const lists = await Promise.all(names.map((name) => engine.targets(name, query, call)));
    progress.clear();
    if (common.json) json(oneOrAll(lists));
    else for (const list of lists) forPeople(list, lists.length > 1, text, common.quiet);
    return Exit.done;
  },
};

function kindNamed(text: string): TargetKind {
  const found = kinds.find((kind) => kind === text);
  if (found === undefined) throw usage(`"${text}" is no kind of target.`, `The kinds are ${kinds.join(', ')}.`);
  return found;
}

function forPeople(list: TargetListing, named: boolean, text: (line: string) => void, quiet: boolean): void {
  if (named) text(dim(`# ${list.host}`));
  if (list.targets.length > 0) text(targetList(list));
  if (quiet) return;
  const { total } = list;
  if (total === 0) process.stderr.write(`No ${list.kind} of ${list.host} matches.\n`);
  else if (total > list.targets.length)
    process.stderr.write(
      `${list.targets.length} of ${total} are shown: give a narrower pattern, or --limit ${total}.\n`,
    );
  const why = sameReason(list.targets);
  if (why !== null) process.stderr.write(`None of them can be used: ${why}.\n`);
}

/** Why nothing of the list can be attached to, if it is one reason for all. */
function sameReason(targets: TargetEntry[]): string | null {
  const first = targets[0]?.unusable ?? null;
  return targets.length > 1 && targets.every((target) => target.unusable === first) ? first : null;
}
