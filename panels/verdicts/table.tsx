import type { ProgramVerdict, VerifiedHost } from '@ringside/core/model';
import type { JSX } from 'preact';
import { clock, visible } from '../shared/format.ts';
import { nearLimit, verdictWords } from '../shared/verdict.ts';
import type { VerdictsState } from './state.ts';
import { programsOf, verdictOf } from './summary.ts';

export function Table({ state }: { state: VerdictsState }): JSX.Element {
  const hosts = state.hosts.value;
  const programs = programsOf(hosts);
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col" class="program">
            program
          </th>
          {hosts.map((host) => (
            <th key={host.name} scope="col">
              <Head host={host} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {programs.map((program) => (
          <tr key={program}>
            <th scope="row" class="program">
              {visible(program, 200)}
            </th>
            {hosts.map((host) => (
              <td key={host.name} class={host.error !== null || host.state !== 'done' ? 'stale' : ''}>
                <Cell host={host} program={program} state={state} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A host, its kernel, and when it said so or why it did not. */
function Head({ host }: { host: VerifiedHost }): JSX.Element {
  const { name, report, error, checkedAt } = host;
  const busy = host.state === 'running' || host.state === 'waiting';
  const words = busy
    ? host.step
    : error !== null
      ? `${report === null ? '' : 'old: '}${error.message}`
      : checkedAt === null
        ? 'not verified'
        : `verified ${clock(checkedAt)}`;
  return (
    <>
      <span class="host">{visible(name, 200)}</span>
      {report !== null && <span class="kernel">{visible(report.kernel, 100)}</span>}
      <span class={error !== null && !busy ? 'said bad' : 'said'} title={visible(words, 1000)}>
        {visible(words, 200)}
      </span>
    </>
  );
}

interface CellProps {
  host: VerifiedHost;
  program: string;
  state: VerdictsState;
}

function Cell({ host, program, state }: CellProps): JSX.Element {
  const verdict = verdictOf(host, program);
  if (verdict === undefined) return <span class="none">{host.report === null ? '' : 'not in the object'}</span>;
  const chosen = state.chosen.value?.host === host.name && state.chosen.value.program === program;
  return (
    <button
      type="button"
      class={`cell ${look(verdict)}`}
      aria-pressed={chosen}
      onClick={() => (state.chosen.value = chosen ? null : { host: host.name, program })}
    >
      {visible(verdictWords(verdict), 300)}
    </button>
  );
}

const look = (verdict: ProgramVerdict): string =>
  verdict.verdict === 'rejected' ? 'bad' : nearLimit(verdict) !== null ? 'careful' : verdict.verdict;
