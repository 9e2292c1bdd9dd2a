/** The charts panel's protocol with the extension host. Data is pulled: the host passes questions on to the engine. */
import type { ErrorData } from '../errors.ts';
import type { RunSummary } from './run.ts';
import type { MapSummaryQuery, MapSummarySpec, SummaryPage, SummaryQuery, SummarySpec } from './summary.ts';

export type ChartLook = 'line' | 'bars' | 'histogram' | 'heatmap' | 'gauge';
/** What a program costs its host. */
export type CostOf = 'runs' | 'nanos' | 'cpu' | 'missed';

/** One chart of a page. */
export interface ChartSpec {
  /** Unique within its page. */
  id: string;
  /** What the user calls it; "" = named after what it shows. */
  title: string;
  look: ChartLook;
  /** Over the whole width of the page. */
  wide: boolean;
  source:
    | { from: 'rows'; stream: string; where: string; spec: SummarySpec }
    /** `host` "" = the first one of the run. */
    | { from: 'map'; host: string; map: string; where: string; spec: MapSummarySpec }
    | { from: 'cost'; of: CostOf };
}

/** What all programs of a run cost, at a moment (ms since the epoch). null is unknown. */
export interface CostSample {
  at: number;
  programs: {
    name: string;
    runsPerSecond: number | null;
    nanosPerRun: number | null;
    cpuPercent: number | null;
    missedPerSecond: number | null;
  }[];
}

export interface ChartsState {
  runId: string;
  /** The program's file: after a window reload its charts show its next run. */
  file: string;
  charts: ChartSpec[];
}

export type ChartsToHost =
  | { type: 'ready' }
  | { type: 'summary'; id: number; query: SummaryQuery }
  | { type: 'mapSummary'; id: number; query: MapSummaryQuery }
  /** Opens the Maps panel of the run. */
  | { type: 'maps' }
  | { type: 'state'; state: ChartsState }
  | { type: 'copy'; text: string }
  | { type: 'trace'; where: string; stream: string }
  | { type: 'reset' };

export type ChartsToPanel =
  | { type: 'init'; run: RunSummary | null; state: ChartsState; costs: CostSample[]; notes: string[] }
  | { type: 'run'; run: RunSummary; cost: CostSample | null }
  | { type: 'add'; chart: ChartSpec }
  | { type: 'summary'; id: number; page: SummaryPage }
  | { type: 'failed'; id: number; error: ErrorData };
