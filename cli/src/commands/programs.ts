import type { ProgramItem } from '@ringside/core';
import { figure, ownerText } from '../output/ownerText.ts';
import { dim, table } from '../terminal.ts';
import { listing } from './listing.ts';
import type { Command } from './index.ts';

export const programs: Command = {
  usage: 'programs HOST',
  summary: 'every BPF program on the host: whose, what it costs, what it is made for',
  options: {},
  run: (context) => listing(context, 'programs', (host) => context.engine.programs(host, context.call), forPeople),
};

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
