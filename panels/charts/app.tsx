import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { count, rate, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { Menu, type MenuItem, type MenuRequest } from '../shared/menu.tsx';
import { Card } from './card.tsx';
import { addItems } from '../shared/chartChoices.ts';
import type { ChartsModel } from './state.ts';

/** A page of charts of one run. */
export function App({ model }: { model: ChartsModel }): JSX.Element {
  const [menu, setMenu] = useState<MenuRequest | null>(null);
  const openMenu = (label: string, opener: HTMLElement, items: () => MenuItem[], search?: string): void => {
    const box = opener.getBoundingClientRect();
    const place = { x: box.right, y: box.bottom + 2, alignRight: true };
    setMenu({ label, items, opener, ...place, ...(search === undefined ? {} : { search }) });
  };
  const charts = model.charts.value;
  const notes = model.notes.value;
  return (
    <main class="charts" aria-label="Charts">
      <Head model={model} openMenu={openMenu} />
      {model.notice.value !== '' && (
        <div class="note" role="status">
          {model.notice.value}
        </div>
      )}
      {notes.length > 0 && (
        <ul class="note" role="status">
          {notes.map((note) => (
            <li key={note}>{visible(note, 500)}</li>
          ))}
        </ul>
      )}
      {!model.ready.value ? (
        <p class="nothing">Loading the run…</p>
      ) : model.run.value === null ? (
        <p class="nothing">This program does not run. Attach it, and its charts go on here.</p>
      ) : charts.length === 0 ? (
        <p class="nothing">No chart yet: Add Chart has those that this program's records can be made into.</p>
      ) : (
        <div class="page">
          {charts.map((chart) => (
            <Card key={chart.id} model={model} chart={chart} openMenu={openMenu} />
          ))}
        </div>
      )}
      {menu !== null && <Menu request={menu} close={() => setMenu(null)} />}
    </main>
  );
}

interface HeadProps {
  model: ChartsModel;
  openMenu: (label: string, opener: HTMLElement, items: () => MenuItem[], search?: string) => void;
}

function Head({ model, openMenu }: HeadProps): JSX.Element {
  const run = model.run.value;
  const rows = run?.ledger.streams.reduce((sum, stream) => sum + stream.delivered, 0) ?? 0;
  return (
    <header class="head">
      <h1>{visible(run?.name ?? 'Charts', 200)}</h1>
      {run !== null && <span class="quiet">· {visible(run.hosts.join(', '), 200)}</span>}
      {run !== null && (
        <span class="quiet figures-now">
          {model.live ? `${run.state} · ${rate(run.rate)}` : run.state} · {count(rows)} rows
        </span>
      )}
      <span class="head-actions">
        <vscode-button
          onClick={(event) =>
            openMenu(
              'Add a chart',
              event.currentTarget,
              () =>
                addItems(
                  run,
                  (chart) => model.add(chart),
                  () => model.showMaps(),
                ),
              'Find a chart',
            )
          }
        >
          <span slot="content-before" class="codicon codicon-add" aria-hidden="true" />
          Add Chart
        </vscode-button>
        <IconButton
          icon="ellipsis"
          label="More actions"
          onPress={(opener) =>
            openMenu('More actions', opener, () => [
              { label: 'Reset to the Program’s Charts', run: () => model.reset() },
              { label: 'Show the Rows', run: () => model.showRows('', '') },
            ])
          }
        />
      </span>
    </header>
  );
}
