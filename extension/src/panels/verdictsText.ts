import type { VerifiedHost } from '@ringside/core/model';
import { verdictWords } from '../../../panels/shared/verdict.ts';

/** The table as Markdown: a row a program, a column a host, as people paste it into a review. */
export function verdictsText(hosts: readonly VerifiedHost[]): string {
  const programs = [...new Set(hosts.flatMap(({ report }) => report?.programs.map(({ name }) => name) ?? []))];
  const heads = hosts.map(({ name, report }) => (report === null ? name : `${name} (${report.kernel})`));
  const cell = (host: VerifiedHost, program: string): string => {
    const verdict = host.report?.programs.find(({ name }) => name === program);
    if (verdict === undefined) return host.error === null ? '' : `not verified: ${host.error.message}`;
    return host.error === null ? verdictWords(verdict) : `${verdictWords(verdict)} (old)`;
  };
  const row = (cells: string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [
    row(['program', ...heads]),
    row(['program', ...heads].map(() => '---')),
    ...programs.map((program) => row([program, ...hosts.map((host) => cell(host, program))])),
    '',
  ].join('\n');
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
