import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { countdown, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { TraceState } from './state.ts';
import { endSentence, isLive, keptNote, recordingText, stateNote, statusOf } from './status.ts';

export interface HeaderProps {
  state: TraceState;
  more: (opener: HTMLElement) => void;
}

/** What is seen (run, hosts, state, rate) and what can be done with the run. */
export function Header({ state, more }: HeaderProps): JSX.Element {
  const run = state.run.value;
  const spec = state.spec.value;
  const paused = state.paused.value;
  const status = state.ready.value ? statusOf(run, paused) : ({ tone: 'busy', label: 'loading' } as const);
  const live = isLive(run);
  const note = stateNote(run);
  const kept = keptNote(run);
  const left = !live && (run?.kept.length ?? 0) > 0;
  const name = run?.name ?? spec?.file.split(/[\\/]/).pop() ?? '';
  const hosts = visible((run?.hosts ?? spec?.hosts ?? []).join(', '), 200);
  const replay = run?.replay;
  const recording = recordingText(run?.recording, Date.now());
  const pausable = run !== null && !replay && (run.state === 'running' || run.state === 'paused');
  return (
    <header class="header">
      <div class="what">
        <h1 class="name" title={run?.file ?? spec?.file ?? ''}>
          {visible(name, 200)}
        </h1>
        {hosts !== '' && (
          <span class="hosts" title={`Hosts: ${hosts}`}>
            <span aria-hidden="true">· </span>
            {hosts}
          </span>
        )}
        {kept !== '' && (
          <span class="kept" title={`Kept: it goes on ${kept}, also without this window`}>
            <span class="codicon codicon-pinned" aria-hidden="true" />
            <span class="only-read">Kept </span>
            {kept}
          </span>
        )}
      </div>
      <span class={`status ${status.tone}`}>
        <span class="dot" aria-hidden="true" />
        <span class="label">{status.label}</span>
        {note !== '' && (
          <span
            class="rate"
            title={live ? 'Records per second, all streams of the run' : run === null ? '' : endSentence(run)}
          >
            {note}
          </span>
        )}
        {live && run?.endsAt !== undefined && <EndsIn at={run.endsAt} />}
      </span>
      <span class="actions" role="toolbar" aria-label="Run">
        {pausable && (
          <IconButton
            icon={paused ? 'debug-continue' : 'debug-pause'}
            label={paused ? 'Resume the view' : 'Pause the view; the run goes on'}
            onPress={() => state.setPaused(!paused)}
          />
        )}
        {pausable && (
          <span class={recording === '' ? 'record' : 'record on'}>
            <IconButton
              icon="record"
              label={recording === '' ? 'Record' : 'End the recording'}
              onPress={() => state.record()}
              {...(recording !== '' && { text: recording })}
            />
          </span>
        )}
        {!replay && (run !== null || spec !== null) && (
          <IconButton
            icon="debug-restart"
            label={live ? 'Build and attach again' : left ? 'Go on with it' : 'Attach again'}
            onPress={() => state.restart()}
          />
        )}
        {live && !replay && (
          <IconButton
            icon="debug-stop"
            label={kept === '' ? 'Stop: detach everything' : 'Stop: detach, or leave it running'}
            onPress={() => state.stop()}
          />
        )}
        <IconButton icon="ellipsis" label="More actions" onPress={more} />
      </span>
    </header>
  );
}

/** Counts down by itself: a run that is paused tells nothing new. Not read out each second. */
function EndsIn({ at }: { at: number }): JSX.Element {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span class="ends" role="timer" title="It is detached then, by itself">
      ends in {countdown(at, now)}
    </span>
  );
}
