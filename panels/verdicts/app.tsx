import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Announcer } from '../shared/announce.ts';
import { visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { Detail } from './detail.tsx';
import type { VerdictsState } from './state.ts';
import { summaryWords } from './summary.ts';
import { Table } from './table.tsx';

/** The Verdicts panel: a row a program, a column a host, and below it the chosen verdict in full. */
export function VerdictsApp({ state }: { state: VerdictsState }): JSX.Element {
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

  return (
    <main class="verdicts" aria-label="Verdicts" aria-busy={busy}>
      <header class="header">
        <h1 class="name">Verdicts</h1>
        <span class="about">
          <span aria-hidden="true">· </span>
          {visible(state.title.value, 200)}
        </span>
        <span class="summary">
          {busy && <span class="codicon codicon-loading" aria-hidden="true" />}
          <span class="summary-text">{visible(summary, 300)}</span>
        </span>
        <span class="actions" role="toolbar" aria-label="Verdicts">
          {busy ? (
            <IconButton icon="debug-stop" label="Cancel" text="Cancel" onPress={() => state.send({ type: 'cancel' })} />
          ) : (
            <IconButton
              icon="refresh"
              label="Verify again"
              text="Verify again"
              onPress={() => state.send({ type: 'run', host: null })}
            />
          )}
          <IconButton
            icon={copied ? 'check' : 'copy'}
            label={copied ? 'Copied as Markdown' : 'Copy table as Markdown'}
            text={copied ? 'Copied' : 'Copy table'}
            onPress={() => state.copyAll()}
          />
        </span>
      </header>
      <div class="body">
        <Table state={state} />
        <Detail state={state} />
      </div>
      <div ref={spoken} class="only-read" />
    </main>
  );
}
