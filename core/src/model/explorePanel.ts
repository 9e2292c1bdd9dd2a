/** The Explorer panel's protocol with the extension host, which passes questions on. Both sides validate what they get. */
import type { ErrorData } from '../errors.ts';
import type { ExplorationInfo, ExploreQuery } from './explore.ts';

/** What a tab shows; survives a window reload. */
export interface ExplorerTarget {
  /** Path of the log. */
  log: string;
  /** Path of what a verification left beside it; null = the log is all there is. */
  record: string | null;
  program: string;
}

export type ExplorerView = 'path' | 'visits' | 'tree' | 'log' | 'compare';

/** Where the panel is; kept by the page over a reload. */
export interface ExplorerPanelState extends ExplorerTarget {
  step: number;
  leaf: number;
  view: ExplorerView;
}

/** Panel → extension host. */
export type ExplorerToHost =
  | { type: 'ready' }
  /** `side` 1 is the log that is compared with. The answer carries the id. */
  | { type: 'ask'; id: number; side: 0 | 1; query: ExploreQuery }
  /** Opens another program of the same log. */
  | { type: 'open'; program: string }
  /** Puts the edits of a quick fix into the source. */
  | { type: 'fix'; fix: number }
  /** Shows a line of a source, by its place in ExplorationInfo.sources. */
  | { type: 'source'; file: number; line: number; column: number }
  /** Shows the whole log as text. */
  | { type: 'log' }
  | { type: 'copy'; text: string }
  /** Copies a link that opens the panel at a step. */
  | { type: 'link'; step: number }
  /** Asks with what to compare. */
  | { type: 'compare' }
  | { type: 'compare-end' }
  /** Verifies the file once more on the same host. */
  | { type: 'verify' }
  /** Verifies the program once more with every path in the log. */
  | { type: 'whole' };

/** Extension host → panel. */
export type ExplorerToPanel =
  | {
      type: 'opened';
      title: string;
      target: ExplorerTarget;
      info: ExplorationInfo;
      /** The step to begin at; -1 = where the page was, else the end. */
      step: number;
      /** Why quick fixes cannot be applied; "" = they can. */
      noFix: string;
      /** The file can be verified again. */
      canVerify: boolean;
    }
  | { type: 'compared'; title: string; info: ExplorationInfo | null }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failed'; id: number; error: ErrorData }
  | { type: 'go'; step: number }
  /** The log could not be opened. */
  | { type: 'error'; error: ErrorData };
