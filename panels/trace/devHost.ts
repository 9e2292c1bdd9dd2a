/**
 * A fake VS Code with a synthetic engine behind it, for working on the panel in a browser and for its end-to-end test.
 * The page's query chooses: rows, rate (a second), store (rows kept), columns, theme, state (of the run), hostile, delay
 * (ms of every answer), bench. `window.dev` lets a test look at and change what the host side knows.
 */
import type { PanelState, RowsQuery, RunSummary, ToHost, ToPanel } from '@ringside/core/model';
import { applyTheme, type DevTheme } from './devThemes.ts';
import { SyntheticEngine } from './devEngine.ts';

const query = new URLSearchParams(location.search);
const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);

const engine = new SyntheticEngine({
  rows: number('rows', 10_000_000),
  rate: number('rate', 0),
  store: number('store', Number.POSITIVE_INFINITY),
  columns: number('columns', 0),
  hostile: query.has('hostile'),
  state: (query.get('state') ?? 'running') as RunSummary['state'],
  streams: number('streams', 1),
});
const answerAfter = number('delay', 3);

export interface DevWindow {
  engine: SyntheticEngine;
  sent: ToHost[];
  copied: string[];
  queries: RowsQuery[];
  post(message: unknown): void;
  theme(theme: DevTheme): void;
}

const dev: DevWindow = {
  engine,
  sent: [],
  copied: [],
  queries: [],
  post: (message) => window.postMessage(message, '*'),
  theme: applyTheme,
};
Object.assign(window, { dev });

applyTheme((query.get('theme') ?? 'dark') as DevTheme);

/** As a reload would find it: the state lives in the tab's session. */
const STATE_KEY = 'ringside-dev-state';
const stored = (): PanelState | undefined =>
  (JSON.parse(sessionStorage.getItem(STATE_KEY) ?? 'null') as PanelState | undefined) ?? undefined;

function reply(message: ToPanel): void {
  setTimeout(() => dev.post(message), answerAfter);
}

function receive(message: ToHost): void {
  if (message.type !== 'rows') dev.sent.push(message);
  switch (message.type) {
    case 'ready': {
      const empty: PanelState = { runId: '', stream: '', where: '', hidden: [], widths: {}, spec: null };
      reply({ type: 'init', run: query.has('gone') ? null : engine.summary(), state: stored() ?? empty });
      return;
    }
    case 'rows':
      dev.queries.push(message.query);
      reply({ type: 'rows', id: message.id, page: engine.page(message.query) });
      return;
    case 'detail':
      reply({ type: 'detail', id: message.id, detail: engine.detail(message.seq) });
      return;
    case 'pause':
      engine.setState(message.paused ? 'paused' : 'running');
      {
        reply({ type: 'run', run: engine.summary() });
        return;
      }
    case 'record':
      engine.toggleRecording();
      reply({ type: 'run', run: engine.summary() });
      return;
    case 'control':
      engine.control(message.what);
      reply({ type: 'run', run: engine.summary() });
      return;
    case 'stop':
      engine.setState('ended');
      {
        reply({ type: 'run', run: engine.summary() });
        return;
      }
    case 'keep':
      engine.kept = [{ host: 'web-1', run: '0123abcd', expires: `${Date.now() + 7_200_000}000000` }];
      reply({ type: 'run', run: engine.summary() });
      return;
    case 'restart':
      engine.setState('running');
      {
        reply({ type: 'run', run: engine.summary() });
        return;
      }
    case 'complete': {
      const from = /[@\w.]*$/.exec(message.text.slice(0, message.at))!.index;
      const typed = message.text.slice(from, message.at);
      const fields = engine.page({ runId: '', stream: '', where: '', first: 0, count: 0 }).columns;
      const items = fields
        .filter(({ field, id }) => field !== null && id.startsWith(typed))
        .map(({ id, field }) => ({ text: id, kind: 'field' as const, detail: field!.type }));
      reply({ type: 'completions', id: message.id, completions: { from, to: message.at, items } });
      return;
    }
    case 'ask':
      reply({ type: 'answer', id: message.id, answer: engine.answer(message.ask) });
      return;
    case 'find':
      reply({ type: 'found', id: message.id, found: engine.find(message.ask) });
      return;
    case 'groups':
      reply({ type: 'groups', id: message.id, page: engine.groups(message.query) });
      return;
    case 'export':
    case 'chart':
    case 'remedy':
    case 'declaration':
      return;
    case 'copy':
      dev.copied.push(message.text);
      return;
    case 'state':
      return;
  }
}

window.acquireVsCodeApi = () => ({
  postMessage: (message: unknown) => receive(message as ToHost),
  getState: stored,
  setState: (state: unknown) => sessionStorage.setItem(STATE_KEY, JSON.stringify(state)),
});

setInterval(() => {
  if (!query.has('gone')) dev.post({ type: 'run', run: engine.summary() });
}, 500);
