/** One step of a long job, in words that can stand in a notification: "Uploading agent to web-1". */
export interface ProgressStep {
  step: string;
  done?: number;
  total?: number;
}
export type ReportProgress = (step: ProgressStep) => void;

/** What every long engine call takes: it reports its steps and stops when the signal fires. */
export interface CallOptions {
  signal?: AbortSignal;
  progress?: ReportProgress;
}
