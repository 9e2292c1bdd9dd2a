import { setTimeout as sleep } from 'node:timers/promises';
import { Exit, type ExitCode, type MapChanges, type MapEntryItem, type MapSetMode } from '@ringside/core';
import { hostList, positiveOption, textOption, usage } from '../args.ts';
import type { Context } from '../context.ts';
import { bold, dim } from '../terminal.ts';
import type { Command } from './index.ts';

export const map: Command = {
  usage: 'map get|set|delete|watch HOST MAP [KEY] [VALUE]',
  summary: 'one entry of a map, JSON in and out; watch prints what changes',
  options: {
    mode: { type: 'string' },
    interval: { type: 'string' },
    limit: { type: 'string' },
    duration: { type: 'string' },
  },
  async run(context) {
    const [action, hosts, name, ...rest] = context.positionals;
    const known = { get, set, delete: remove, watch };
    if (action === undefined || !(action in known))
      throw usage(`"map" takes get, set, delete or watch; not "${action ?? ''}".`);
    const list = hostList(hosts);
    if (list.length > 1) throw usage('A map belongs to one host: give one.');
    if (name === undefined) throw usage('MAP is missing: its id, its name, or its path in bpffs.');
    return known[action as keyof typeof known](context, list[0]!, name, rest);
  },
};

type Action = (context: Context, host: string, name: string, rest: string[]) => Promise<ExitCode>;

const tooMany = (rest: string[], most: number): void => {
  if (rest.length > most) throw usage(`"${rest[most]!}" is one argument too many.`);
};

const get: Action = async (context, host, name, rest) => {
  tooMany(rest, 1);
  return print(context, await context.engine.mapGet(host, name, rest[0] ?? null, context.call));
};

/** KEY VALUE, or VALUE alone for maps without keys. */
const set: Action = async (context, host, name, rest) => {
  tooMany(rest, 2);
  const value = rest.at(-1);
  if (value === undefined) throw usage('VALUE is missing.');
  const mode = (textOption(context.values, 'mode') ?? 'any') as MapSetMode;
  if (!['any', 'new', 'existing'].includes(mode)) throw usage(`--mode takes any, new or existing; not "${mode}".`);
  const key = rest.length === 2 ? rest[0]! : null;
  return print(context, await context.engine.mapSet(host, name, key, value, mode, context.call));
};

const remove: Action = async (context, host, name, rest) => {
  tooMany(rest, 1);
  const taken = await context.engine.mapDelete(host, name, rest[0] ?? null, context.call);
  if (taken) return print(context, taken);
  context.progress.clear();
  if (context.common.json) context.json({ deleted: true });
  else if (!context.common.quiet) process.stderr.write(dim('Deleted.\n'));
  return Exit.done;
};

function print({ common, json, text, progress }: Context, item: MapEntryItem): ExitCode {
  progress.clear();
  if (common.json) json(item);
  else text(line(item));
  return Exit.done;
}

function line(item: MapEntryItem): string {
  const first = item.key ?? item.owner;
  return (first === undefined ? '' : `${JSON.stringify(first)}  `) + JSON.stringify(item.value);
}

/** Polls until Ctrl+C (or --duration): first the whole map, then what is different. */
const watch: Action = async (context, host, name, rest) => {
  const { engine, call, values } = context;
  tooMany(rest, 0);
  const interval = (positiveOption(values, 'interval', false) ?? 1) * 1000;
  const seconds = positiveOption(values, 'duration', false);
  const until = seconds === undefined ? Infinity : performance.now() + seconds * 1000;
  const id = await engine.openMapWatch(host, name, positiveOption(values, 'limit', true) ?? 0, call);
  context.progress.clear();
  try {
    for (let first = true; performance.now() < until; first = false) {
      show(context, await engine.pollMapWatch(id, call), first);
      await sleep(Math.min(interval, Math.max(0, until - performance.now())), undefined, { signal: call.signal });
    }
    return Exit.done;
  } catch (error) {
    if (call.signal.aborted) return Exit.interrupted;
    throw error;
  } finally {
    await engine.closeMapWatch(id);
  }
};

/** JSON: `{"type":"changes","time","changed":[…],"deleted":[keys],"entries","truncated"}` whenever there are some. */
function show({ common, json, text }: Context, changes: MapChanges, first: boolean): void {
  if (!first && changes.changed.length === 0 && changes.deleted.length === 0) return;
  if (common.json) {
    json({ type: 'changes', ...changes });
    return;
  }
  const more = changes.truncated ? ', of which only some are followed' : '';
  text(bold(`${new Date(Number(BigInt(changes.time) / 1_000_000n)).toISOString()}  ${changes.entries} entries${more}`));
  for (const item of changes.changed) text(`  ${line(item)}`);
  for (const key of changes.deleted) text(`  ${JSON.stringify(key)}  ${dim('deleted')}`);
}
