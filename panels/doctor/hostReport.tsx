import type { CheckedHost, DoctorCheck, DoctorReport, ErrorData } from '@ringside/core/model';
import type { JSX } from 'preact';
import { clock, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { copyText, fixParts } from './fix.ts';
import type { DoctorState } from './state.ts';
import { hostWords, icons, privilegeWords, words, worst } from './summary.ts';

interface Props {
  host: CheckedHost;
  state: DoctorState;
  /** The only host of the panel: it has nothing to fold, and the panel's own buttons. */
  single: boolean;
}

/** One host: who it is, every check, and what it attaches. */
export function HostReport({ host, state, single }: Props): JSX.Element {
  const { name, report, error } = host;
  const busy = host.state === 'running' || host.state === 'waiting';
  const open = single || !state.folded.value.has(name);
  return (
    <section class="host" aria-label={visible(name, 200)}>
      <div class="host-head">
        {single ? (
          <h2 class="host-name">{visible(name, 200)}</h2>
        ) : (
          <h2 class="host-name">
            <button type="button" class="fold" aria-expanded={open} onClick={() => state.fold(name)}>
              <span class={`codicon codicon-chevron-${open ? 'down' : 'right'}`} aria-hidden="true" />
              <Mark status={busy ? null : worst(host)} busy={busy} />
              <span class="fold-name">{visible(name, 200)}</span>
            </button>
          </h2>
        )}
        <Facts report={report} />
        {!single && <span class="outcome">{visible(busy ? host.step : hostWords(host), 300)}</span>}
        <span class="host-end">
          {host.checkedAt !== null && !busy && <span class="when">checked {clock(host.checkedAt)}</span>}
          {!single && !busy && (
            <IconButton icon="refresh" label={`Check ${name} again`} onPress={() => state.checkAgain(name)} />
          )}
        </span>
      </div>
      {open && (
        <div class={busy && report !== null ? 'host-body stale' : 'host-body'}>
          {error !== null && <Failure host={name} error={error} state={state} />}
          {report !== null && <Checks report={report} state={state} />}
          {report !== null && <Kinds report={report} />}
          {/* Of several hosts the line above says it. */}
          {single && report === null && error === null && (
            <p class="nothing">{busy ? visible(host.step, 300) : 'Not checked. Press "Check again".'}</p>
          )}
        </div>
      )}
    </section>
  );
}

function Facts({ report }: { report: DoctorReport | null }): JSX.Element | null {
  if (report === null) return null;
  const { host } = report;
  const facts = [host.distro, `kernel ${host.kernel}`, host.arch, `${host.cpus} CPUs`].filter((text) => text !== '');
  return (
    <>
      <span class="facts">{visible(facts.join(' · '), 300)}</span>
      <span class="badge" title="What the agent may do on the host">
        {visible(privilegeWords(host), 200)}
      </span>
      {host.readOnly && (
        <span class="badge notable" title="Nothing is loaded, attached or written there (ringside.readOnlyHosts)">
          read-only
        </span>
      )}
    </>
  );
}

function Mark({ status, busy = false }: { status: DoctorCheck['status'] | null; busy?: boolean }): JSX.Element {
  const icon = busy ? 'loading' : status === null ? 'circle-outline' : icons[status];
  return (
    <span class={`mark ${status ?? 'none'}`}>
      <span class={`codicon codicon-${icon}`} aria-hidden="true" />
      <span class="only-read">{status === null ? '' : `${words[status]}: `}</span>
    </span>
  );
}

function Checks({ report, state }: { report: DoctorReport; state: DoctorState }): JSX.Element {
  return (
    <ul class="checks">
      {report.checks.map((check) => (
        <li key={check.id} class={`check ${check.status}`}>
          <Mark status={check.status} />
          <div class="check-text">
            <div class="found">
              <span class="title">{visible(check.title, 200)}</span>
              {check.detail !== '' && <span class="detail">{visible(check.detail, 4000)}</span>}
            </div>
            {check.why !== '' && <div class="why">{visible(check.why, 1000)}</div>}
            {check.remedy !== '' && check.status !== 'ok' && (
              <Fix of={`${report.host.name}/${check.id}`} title={check.title} remedy={check.remedy} state={state} />
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** A host that could not be checked: its error is the one check that failed. */
function Failure({ host, error, state }: { host: string; error: ErrorData; state: DoctorState }): JSX.Element {
  return (
    <ul class="checks">
      <li class="check fail">
        <Mark status="fail" />
        <div class="check-text">
          <div class="found">
            <span class="title">{visible(error.message, 2000)}</span>
            <span class="detail">{error.code}</span>
          </div>
          {error.detail !== '' && (
            <pre class="error-detail" tabIndex={0} aria-label="Details">
              {error.detail
                .slice(0, 8000)
                .split('\n')
                .map((line) => visible(line))
                .join('\n')}
            </pre>
          )}
          {error.remedy !== '' && (
            <Fix of={`${host}/error`} title={error.message} remedy={error.remedy} state={state} />
          )}
        </div>
      </li>
    </ul>
  );
}

interface FixProps {
  of: string;
  title: string;
  remedy: string;
  state: DoctorState;
}

function Fix({ of, title, remedy, state }: FixProps): JSX.Element {
  const copied = state.copied.value === of;
  return (
    <div class="fix">
      <span class="fix-mark" aria-hidden="true">
        →
      </span>
      <span class="fix-text">
        <span class="only-read">What to do: </span>
        {fixParts(remedy).map((part, i) =>
          part.command ? (
            <code key={i}>{visible(part.text, 4000)}</code>
          ) : (
            <span key={i}>{visible(part.text, 4000)}</span>
          ),
        )}
      </span>
      <IconButton
        icon={copied ? 'check' : 'copy'}
        label={`Copy the fix: ${visible(title, 100)}`}
        onPress={() => state.copy(of, copyText(remedy))}
      />
    </div>
  );
}

/** What programs can attach to; what is refused with its reason first. */
function Kinds({ report }: { report: DoctorReport }): JSX.Element | null {
  const kinds = Object.entries(report.features.attach).sort(([, a], [, b]) => Number(a.ok) - Number(b.ok));
  if (kinds.length === 0) return null;
  const refused = kinds.filter(([, { ok }]) => !ok);
  return (
    <details class="kinds" open={refused.length > 0}>
      <summary>
        What programs can attach to
        <span class="detail">
          {refused.length === 0
            ? `all ${kinds.length} kinds`
            : `${kinds.length - refused.length} of ${kinds.length} kinds`}
        </span>
      </summary>
      {refused.length > 0 && (
        <ul class="refused">
          {refused.map(([kind, { reason }]) => (
            <li key={kind}>
              <Mark status="warn" />
              <span class="kind">{visible(kind, 100)}</span>
              <span class="detail">{visible(reason, 1000)}</span>
            </li>
          ))}
        </ul>
      )}
      <ul class="accepted">
        {kinds
          .filter(([, { ok }]) => ok)
          .map(([kind]) => (
            <li key={kind}>
              <Mark status="ok" />
              <span class="kind">{visible(kind, 100)}</span>
            </li>
          ))}
      </ul>
    </details>
  );
}
