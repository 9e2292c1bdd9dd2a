/**
 * Plain data that crosses a boundary: worker, webview, JSON output. Types only, nothing here has behaviour.
 * 64-bit integers are decimal strings in JSON shapes and bigint inside the engine.
 */
export type * from './host.ts';
export type * from './inventory.ts';
export type * from './mapsView.ts';
export type * from './mapsPanel.ts';
export type * from './object.ts';
export type * from './build.ts';
export type * from './verdict.ts';
export type * from './testRun.ts';
export type * from './walked.ts';
export type * from './programCode.ts';
export type * from './record.ts';
export type * from './run.ts';
export type * from './points.ts';
export type * from './project.ts';
export type * from './panel.ts';
export type * from './rowTools.ts';
export type * from './rowsLook.ts';
export type * from './summary.ts';
export type * from './chartsPanel.ts';
export type * from './doctorPanel.ts';
export type * from './hostOutcome.ts';
export type * from './explore.ts';
export type * from './explorePanel.ts';
export type * from './verdictsPanel.ts';
export type * from './target.ts';
export type { ErrorCode, ErrorData } from '../errors.ts';
