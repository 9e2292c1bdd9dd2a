import type { ProgramVerdict, VerdictReason } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { KernelReport } from '../shared/kernelReport.tsx';
import { nearLimit } from '../shared/verdict.ts';
import type { Chosen, VerdictsState } from './state.ts';
import { verdictOf } from './summary.ts';

/** The chosen verdict in full: why, where the bad value comes from, what to change, what it cost. */
export function Detail({ state }: { state: VerdictsState }): JSX.Element | null {
  const chosen = state.chosen.value;
  const host = state.hosts.value.find(({ name }) => name === chosen?.host);
  const verdict = chosen === null || host === undefined ? undefined : verdictOf(host, chosen.program);
  if (chosen === null || host === undefined || verdict === undefined) return null;
  const { reason } = verdict;
  const limit = nearLimit(verdict);
  return (
    <section class="detail" aria-label={`${chosen.program} on ${chosen.host}`} aria-live="polite">
      <div class="detail-head">
        <h2 class="detail-name">
          {visible(chosen.program, 200)} <span class="quiet">on {visible(chosen.host, 200)}</span>
        </h2>
        <span class="quiet">{visible(verdict.section, 200)}</span>
        <span class="actions">
          {reason !== null && reason.line > 0 && (
            <IconButton
              icon="go-to-file"
              label="Show the line"
              text="Show the line"
              onPress={() => state.send({ type: 'source', ...chosen, cause: null })}
            />
          )}
          <IconButton
            icon="compass"
            label="Explore the verifier's path"
            text="Explore"
            onPress={() => state.send({ type: 'explore', ...chosen })}
          />
          <IconButton
            icon="output"
            label="Show the verifier's log"
            text="Log"
            onPress={() => state.send({ type: 'log', host: chosen.host })}
          />
        </span>
      </div>
      {reason !== null && <Reason reason={reason} chosen={chosen} state={state} />}
      {limit !== null && <p class="message">{visible(limit, 1000)}</p>}
      <Figures verdict={verdict} />
    </section>
  );
}

function Reason({
  reason,
  chosen,
  state,
}: {
  reason: VerdictReason;
  chosen: Chosen;
  state: VerdictsState;
}): JSX.Element {
  const show = (cause: number | null) => () => state.send({ type: 'source', ...chosen, cause });
  return (
    <>
      <p class="title">{visible(reason.title, 1000)}</p>
      {reason.message !== '' && <p class="message">{lines(reason.message)}</p>}
      {(reason.cause.length > 0 || reason.line > 0) && (
        <ol class="chain" aria-label="How it came to this">
          {reason.cause.map((cause, i) => (
            <li key={i}>
              <Place file={cause.file} line={cause.line} onPress={show(i)} />
              <span>{visible(cause.message, 1000)}</span>
            </li>
          ))}
          {reason.line > 0 && (
            <li>
              <Place file={reason.file} line={reason.line} onPress={show(null)} />
              <span>{visible(reason.title, 1000)}</span>
            </li>
          )}
        </ol>
      )}
      {reason.fixes.length > 0 && (
        <p class="message">
          Quick fixes at that line: {reason.fixes.map(({ title }) => visible(title, 200)).join(' · ')}
        </p>
      )}
      <KernelReport reason={reason} open />
    </>
  );
}

const lines = (text: string): string =>
  text
    .slice(0, 4000)
    .split('\n')
    .map((line) => visible(line))
    .join('\n');

function Place({ file, line, onPress }: { file: string; line: number; onPress: () => void }): JSX.Element {
  const name = file.replace(/^.*\//, '');
  return line === 0 ? (
    <span class="place none">no line</span>
  ) : (
    <button type="button" class="place" title={visible(file, 1000)} onClick={onPress}>
      {visible(name === '' ? 'line' : name, 100)}:{line}
    </button>
  );
}

/** Every figure that the kernel gave; what it did not give is not shown as 0. */
function Figures({ verdict: { stats } }: { verdict: ProgramVerdict }): JSX.Element {
  const number = (value: number | null, unit = ''): string =>
    value === null ? 'unknown' : `${value.toLocaleString('en-US')}${unit}`;
  const figures = [
    ['instructions', number(stats.instructions)],
    ['processed', `${number(stats.processed)}${share(stats.limitPercent)}`],
    ['states', number(stats.totalStates)],
    ['stack', number(stats.stackBytes, ' bytes')],
    ['verified in', number(stats.verifyMicros, ' µs')],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const share = (percent: number | null): string =>
  percent === null ? '' : ` (${percent < 1 ? 'under 1' : Math.round(percent)} % of the limit)`;
