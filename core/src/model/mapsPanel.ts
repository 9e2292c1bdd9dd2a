/** The Maps panel's protocol with the extension host, which passes questions on. Both sides validate what they get. */
import type { ErrorData } from '../errors.ts';
import type { ChartSpec } from './chartsPanel.ts';
import type { MapLook, MapsAnswers, MapsQuery, MapsScope, MapTarget } from './mapsView.ts';

/** What a tab shows; survives a window reload. */
export interface MapsPanelState {
  scope: MapsScope;
  /** The run's file and hosts, or the host: by these the tab finds its run again after a reload. */
  title: string;
  /** The map that is shown, and by its name what takes its place after it was made anew. */
  target: MapTarget | null;
  map: string;
  look: MapLook;
  widths: Record<string, number>;
  view: 'table' | 'histogram' | '';
}

/** Panel → extension host. */
export type MapsToHost =
  | { type: 'ready' }
  | { type: 'ask'; id: number; query: MapsQuery }
  | { type: 'copy'; text: string }
  | { type: 'state'; state: MapsPanelState }
  /** Adds a chart to the page of the run whose maps are shown. */
  | { type: 'chart'; chart: ChartSpec }
  /** Connects the hosts of the scope again. */
  | { type: 'reconnect' };

/** Extension host → panel. */
export type MapsToPanel =
  | { type: 'init'; title: string; state: MapsPanelState }
  | { type: 'answer'; id: number; ask: MapsQuery['ask']; value: MapsAnswers[MapsQuery['ask']] }
  | { type: 'failed'; id: number; error: ErrorData };
