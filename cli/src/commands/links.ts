import type { LinkItem } from '@ringside/core';
import { figure, ownerText } from '../output/ownerText.ts';
import { table } from '../terminal.ts';
import { listing } from './listing.ts';
import type { Command } from './index.ts';

export const links: Command = {
  usage: 'links HOST',
  summary: 'every attachment on the host, with what interfaces carry without a link',
  options: {},
  run: (context) => listing(context, 'links', (host) => context.engine.links(host, context.call), forPeople),
};

function forPeople(list: LinkItem[]): string {
  if (list.length === 0) return 'No BPF program is attached.';
  const rows = list.map((l) => [
    l.id === null ? '-' : String(l.id),
    l.kind,
    l.program === null ? '' : `${l.program.name} (${l.program.id})`,
    l.target,
    l.attachType ?? '',
    l.missed === null ? '' : figure(l.missed),
    l.ringside === true ? 'yes' : '',
    [ownerText(l.owners), ...l.pins].filter(Boolean).join(' '),
  ]);
  const header = ['ID', 'KIND', 'PROGRAM', 'TARGET', 'ATTACH TYPE', 'MISSED', 'RINGSIDE', 'OWNERS AND PINS'];
  return table(header, rows, [true, false, false, false, false, true]);
}
