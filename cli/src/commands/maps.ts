import { once } from 'node:events';
import { Exit, type ExitCode, type MapItem, type TypedMap } from '@ringside/core';
import { hostList, usage } from '../args.ts';
import type { Context } from '../context.ts';
import { figure, ownerText } from '../output/ownerText.ts';
import { bold, dim, table } from '../terminal.ts';
import { listing } from './listing.ts';
import type { Command } from './index.ts';

export const maps: Command = {
  usage: 'maps HOST [ID|NAME|PIN]',
  summary: 'every BPF map on the host; with a map, its entries, typed',
  options: {},
  async run(context) {
    const { positionals } = context;
    if (positionals.length > 2) throw usage(`"${positionals[2]!}" is one argument too many.`);
    const [host, map] = positionals;
    if (map === undefined)
      return listing(context, 'maps', (name) => context.engine.maps(name, context.call), forPeople);
    const hosts = hostList(host);
    if (hosts.length > 1) throw usage('A map belongs to one host: give one.');
    return dump(context, hosts[0]!, map);
  },
};

function forPeople(list: MapItem[]): string {
  if (list.length === 0) return 'No BPF map exists.';
  const rows = list.map((m) => [
    String(m.id),
    m.type,
    m.name,
    String(m.keySize),
    String(m.valueSize),
    String(m.maxEntries),
    figure(m.memoryBytes),
    m.frozen ? 'yes' : '',
    m.ringside === true ? 'yes' : '',
    [ownerText(m.owners), ...m.pins].filter(Boolean).join(' '),
  ]);
  const header = ['ID', 'TYPE', 'NAME', 'KEY', 'VALUE', 'ENTRIES', 'MEMORY', 'FROZEN', 'RINGSIDE', 'OWNERS AND PINS'];
  return table(header, rows, [true, false, false, true, true, true, true]);
}

/** `{"type":"map","map":{…}}`, then `{"type":"entry",…}` for each entry as it comes, then `{"type":"end","entries",…}`. */
async function dump(
  { engine, common, call, json, text, progress }: Context,
  host: string,
  name: string,
): Promise<ExitCode> {
  const described = await engine.describeMap(host, name, call);
  progress.clear();
  if (common.json) json({ type: 'map', host, map: { ...described.map, ...typeNames(described) } });
  else text(`${headline(described)}\n`);
  const reader = await engine.openMapLines(host, String(described.map.id), common.json ? 'json' : 'plain', call);
  let entries = 0;
  let restarted = false;
  try {
    for (let page = await engine.readMapLines(reader); page !== null; page = await engine.readMapLines(reader)) {
      entries += page.entries;
      restarted ||= page.restarted;
      // Bounded memory: nothing more is read until the reader of this output has taken what there is.
      if (!process.stdout.write(page.lines) && !call.signal.aborted)
        await Promise.race([once(process.stdout, 'drain'), once(call.signal, 'abort')]).catch(() => undefined);
      if (call.signal.aborted) return Exit.interrupted;
    }
  } finally {
    await engine.closeMapLines(reader);
  }
  if (common.json) json({ type: 'end', entries, restarted });
  else if (!common.quiet)
    process.stderr.write(
      dim(`${entries} entries${restarted ? '; the map changed so much that some may stand here twice' : ''}\n`),
    );
  return Exit.done;
}

function typeNames({ key, value, perCpu }: TypedMap) {
  return { keyType: key?.type ?? null, valueType: value?.type ?? null, perCpu };
}

function headline({ map, key, value, perCpu }: TypedMap): string {
  const types = `${key ? `${key.type} → ` : ''}${value?.type ?? 'bytes'}${perCpu > 0 ? ` on ${perCpu} CPUs` : ''}`;
  const facts = [`id ${map.id}`, map.type, types, `max_entries ${map.maxEntries}`, `memory ${figure(map.memoryBytes)}`];
  return `${bold(map.name || String(map.id))}  ${facts.join(' · ')}\n${dim([ownerText(map.owners), ...map.pins].filter(Boolean).join(' '))}`;
}
