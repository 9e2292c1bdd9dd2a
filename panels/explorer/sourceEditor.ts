/** What the explorer asks of the source editor, which is a bundle of its own: the panel works before it is there. */

export interface SourceMarks {
  /** The step's place; line 0 = none. */
  current: { line: number; column: number; endColumn: number };
  /** The line of the rejection; 0 = none in this file. */
  failed: number;
  /** Lines of the chain that leads to it. */
  chain: readonly number[];
  /** How hot a line is, from 1 to 4, and the words for it. */
  heat: readonly { line: number; level: number; words: string }[];
}

export interface SourceEditor {
  /** Shows a text; the same key keeps the place that is shown. */
  setText(key: string, text: string): void;
  mark(marks: SourceMarks): void;
  reveal(line: number): void;
  focus(): void;
  dispose(): void;
}

export interface SourceEditorOptions {
  label: string;
  /** A line was chosen by click or key. */
  onLine: (line: number) => void;
}

export type CreateSourceEditor = (host: HTMLElement, options: SourceEditorOptions) => SourceEditor;

/** Sent to the window when `ringsideSourceEditor` is there. */
export const editorReady = 'ringside-source-editor';

declare global {
  var ringsideSourceEditor: CreateSourceEditor | undefined;
}
