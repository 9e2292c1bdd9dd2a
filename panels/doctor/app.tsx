import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Announcer } from '../shared/announce.ts';
import { visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { HostReport } from './hostReport.tsx';
import type { DoctorState } from './state.ts';
import { summaryWords } from './summary.ts';

/** The Doctor panel: what each host can do, what stops it, and how that is repaired. */
export function DoctorApp({ state }: { state: DoctorState }): JSX.Element {
  const spoken = useRef<HTMLDivElement>(null);
  const announcer = useRef<Announcer | null>(null);
  const hosts = state.hosts.value;
  const { busy } = state;
  const summary = hosts.length === 0 ? '' : summaryWords(hosts);
  const copied = state.copied.value;

  useEffect(() => {
    announcer.current = new Announcer(spoken.current!);
    return () => announcer.current?.dispose();
  }, []);
  useEffect(() => {
    if (summary !== '') announcer.current?.say(summary);
  }, [summary]);
  useEffect(() => {
    if (copied !== '') announcer.current?.say('Copied');
  }, [copied]);

  return (
    <main class="doctor" aria-label="Doctor" aria-busy={busy}>
      <header class="header">
        <h1 class="name">Doctor</h1>
        <span class="about">
          <span aria-hidden="true">· </span>
          {visible(state.title.value, 200)}
        </span>
        <span class="summary">
          {busy && <span class="codicon codicon-loading" aria-hidden="true" />}
          <span class="summary-text">{visible(summary, 300)}</span>
        </span>
        <span class="actions" role="toolbar" aria-label="Doctor">
          {busy ? (
            <IconButton icon="debug-stop" label="Cancel" text="Cancel" onPress={() => state.cancel()} />
          ) : (
            <IconButton icon="refresh" label="Check again" text="Check again" onPress={() => state.checkAgain(null)} />
          )}
          <IconButton
            icon={copied === '*' ? 'check' : 'copy'}
            label="Copy all as text"
            text={copied === '*' ? 'Copied' : 'Copy all'}
            onPress={() => state.copyAll()}
          />
        </span>
      </header>
      <div class="hosts" tabIndex={-1}>
        {hosts.map((host) => (
          <HostReport key={host.name} host={host} state={state} single={hosts.length === 1} />
        ))}
      </div>
      <div ref={spoken} class="only-read" />
    </main>
  );
}
