import type { ProgramVerdict, VerifiedHost } from '@ringside/core/model';

/** The programs of all reports, in the order in which the first host that has them names them. */
export const programsOf = (hosts: readonly VerifiedHost[]): string[] => [
  ...new Set(hosts.flatMap(({ report }) => report?.programs.map(({ name }) => name) ?? [])),
];

export const verdictOf = ({ report }: VerifiedHost, program: string): ProgramVerdict | undefined =>
  report?.programs.find(({ name }) => name === program);

const isBusy = ({ state }: VerifiedHost): boolean => state === 'running' || state === 'waiting';

/** "3 hosts: 2 accept it, 1 rejects it" */
export function summaryWords(hosts: readonly VerifiedHost[]): string {
  const busy = hosts.filter(isBusy);
  if (busy.length === 1 && busy[0] !== undefined) return busy[0].step === '' ? 'verifying' : busy[0].step;
  if (busy.length > 1) return `verifying on ${busy.length} of ${hosts.length} hosts`;
  const told = hosts.filter(({ error, report }) => error === null && report !== null);
  const accept = told.filter(({ report }) => report?.ok).length;
  const reject = told.length - accept;
  const silent = hosts.length - told.length;
  const parts = [
    accept > 0 ? `${accept} ${accept === 1 ? 'accepts' : 'accept'} it` : '',
    reject > 0 ? `${reject} ${reject === 1 ? 'rejects' : 'reject'} it` : '',
    silent > 0 ? `${silent} not verified` : '',
  ].filter((text) => text !== '');
  return `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}: ${parts.join(', ')}`;
}
