import { Exit, type CheckStatus, type DoctorReport } from '@ringside/core';
import { hostList, usage } from '../args.ts';
import { oneOrAll } from '../output/outcomes.ts';
import { bold, dim, green, red, yellow } from '../terminal.ts';
import type { Command } from './index.ts';

const mark: Record<CheckStatus, string> = { ok: green('✓'), warn: yellow('!'), fail: red('✗'), unknown: dim('?') };

export const doctor: Command = {
  usage: 'doctor [HOST]',
  summary: 'can this host run BPF, and what not',
  options: {},
  async run({ engine, positionals, common, json, text, call, progress }) {
    if (positionals.length > 1) throw usage(`"${positionals[1]!}" is one argument too many.`);
    const names = hostList(positionals[0] ?? 'local');
    const reports = await Promise.all(names.map((name) => engine.doctor(name, call)));
    progress.clear();
    if (common.json) json(oneOrAll(reports));
    else for (const report of reports) text(forPeople(report));
    return reports.some((r) => r.checks.some((c) => c.status === 'fail')) ? Exit.cannot : Exit.done;
  },
};

function forPeople({ host, compiler, checks, features }: DoctorReport): string {
  const lines = [
    bold(`${host.name}: ${host.distro || 'Linux'} · kernel ${host.kernel} · ${host.arch} · ${host.cpus} CPUs`),
    ...checks.flatMap((c) => [
      `${mark[c.status]} ${c.title}${c.detail ? dim(`  ${c.detail}`) : ''}`,
      ...(c.remedy && c.status !== 'ok' ? [`    → ${c.remedy}`] : []),
    ]),
    `compiler: ${compiler ? `${compiler.path} ${compiler.version}` : 'none'}`,
  ];
  const attach = Object.entries(features.attach);
  const can = attach.filter(([, f]) => f.ok).map(([kind]) => kind);
  const cannot = attach.filter(([, f]) => !f.ok);
  lines.push(`attaches: ${can.join(', ') || 'nothing'}`);
  for (const [kind, f] of cannot) lines.push(dim(`  not ${kind}: ${f.reason}`));
  return lines.join('\n');
}
