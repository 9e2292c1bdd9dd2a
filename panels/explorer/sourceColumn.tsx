import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { visible } from '../shared/format.ts';
import { editorReady, type SourceEditor, type SourceMarks } from './sourceEditor.ts';
import type { ExplorerState } from './state.ts';
import { heatLevels } from './words.ts';

/** Lines around the step's, while the editor is not there. */
const AROUND = 200;

/** The C source at the step, with what each line costs. */
export function SourceColumn({ state }: { state: ExplorerState }): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<SourceEditor | null>(null);
  const [ready, setReady] = useState(globalThis.ringsideSourceEditor !== undefined);
  const source = state.source.value;
  const now = state.now.value;
  const reason = state.info.value?.reason ?? null;
  const text = source?.text ?? null;

  useEffect(() => {
    const onReady = (): void => setReady(true);
    addEventListener(editorReady, onReady);
    return () => removeEventListener(editorReady, onReady);
  }, []);
  useEffect(() => {
    const create = globalThis.ringsideSourceEditor;
    if (!ready || create === undefined || host.current === null) return undefined;
    const made = create(host.current, {
      label: 'C source',
      onLine: (line) => void state.goToVisit(true, { line, file: state.source.value?.file ?? -1 }),
    });
    editor.current = made;
    return () => {
      editor.current = null;
      made.dispose();
    };
  }, [ready, text === null]);

  const inFile = now !== null && source !== null && now.file === source.file;
  const marks: SourceMarks = {
    current: inFile
      ? { line: now.line, column: now.column, endColumn: now.endColumn }
      : { line: 0, column: 1, endColumn: 1 },
    failed: reason !== null && reason.file === source?.name ? reason.line : 0,
    chain: reason?.cause.filter(({ file }) => file === source?.name).map(({ line }) => line) ?? [],
    heat: source === null ? [] : heatLevels(source.heat),
  };
  const key = `${state.info.value?.id ?? 0} ${source?.file ?? -1}`;
  useEffect(() => {
    if (editor.current === null || text === null) return;
    editor.current.setText(key, text);
    editor.current.mark(marks);
    if (marks.current.line > 0) editor.current.reveal(marks.current.line);
  }, [ready, key, text, marks.current.line, marks.current.column, now?.step]);

  const name = source?.name.replace(/^.*\//, '') ?? '';
  return (
    <section class="column source" aria-label="C source">
      <div class="column-head">
        <h2>{name === '' ? 'C source' : visible(name, 200)}</h2>
        {source?.partial === true && <span class="quiet">lines that the log quotes</span>}
        {inFile && now.line > 0 && (
          <button
            type="button"
            class="link"
            title="Open this line in the editor (e)"
            onClick={() => state.send({ type: 'source', file: now.file, line: now.line, column: now.column })}
          >
            line {now.line}
          </button>
        )}
      </div>
      {text === null ? (
        <p class="empty">
          {now === null
            ? 'No instruction is shown.'
            : 'The log names no source line here. Build with -g to see the C line of each instruction.'}
        </p>
      ) : ready ? (
        <div ref={host} class="editor" />
      ) : (
        <PlainSource text={text} line={marks.current.line} />
      )}
    </section>
  );
}

function PlainSource({ text, line }: { text: string; line: number }): JSX.Element {
  const lines = text.split('\n');
  const from = Math.max(0, line - AROUND);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const [all, at] = [box.current!, box.current!.querySelector<HTMLElement>('.current')];
    if (at !== null) all.scrollTop = at.offsetTop - all.offsetTop - (all.clientHeight - at.clientHeight) / 2;
  }, [text, line]);
  return (
    <pre ref={box} class="plain" role="group" aria-label="Lines of the source" tabIndex={0}>
      {lines.slice(from, line + AROUND).map((one, i) => (
        <div key={i} class={from + i + 1 === line ? 'current' : ''}>
          <span class="number">{from + i + 1}</span>
          {one}
        </div>
      ))}
    </pre>
  );
}
