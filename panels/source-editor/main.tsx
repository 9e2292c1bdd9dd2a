/** Monaco, read-only, with the colours of C: loaded after the explorer, which works without it. */
import './sourceEditor.css';
import * as monaco from 'monaco-editor/editor/editor.api.js';
import { conf, language } from 'monaco-editor/languages/definitions/cpp/cpp.js';
import {
  editorReady,
  type SourceEditor,
  type SourceEditorOptions,
  type SourceMarks,
} from '../explorer/sourceEditor.ts';
import { currentTheme, themeData } from './theme.ts';

// Nothing here needs a worker: what would ask for one (links, word completion, occurrences) is off.
Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: () => {
      throw new Error('The source editor has no workers.');
    },
  },
});

monaco.languages.register({ id: 'c' });
monaco.languages.setMonarchTokensProvider('c', language);
monaco.languages.setLanguageConfiguration('c', conf);

function useTheme(): void {
  const theme = currentTheme(document.body.className);
  monaco.editor.defineTheme('ringside', themeData(theme, getComputedStyle(document.documentElement)));
  monaco.editor.setTheme('ringside');
}

const style = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function create(host: HTMLElement, { label, onLine }: SourceEditorOptions): SourceEditor {
  useTheme();
  const editor = monaco.editor.create(host, {
    readOnly: true,
    domReadOnly: true,
    ariaLabel: label,
    automaticLayout: true,
    language: 'c',
    fontFamily: style('--vscode-editor-font-family') || 'monospace',
    fontSize: parseFloat(style('--vscode-editor-font-size')) || 12,
    lineHeight: 20,
    lineNumbersMinChars: 4,
    renderFinalNewline: 'on',
    lineDecorationsWidth: 14,
    glyphMargin: false,
    folding: false,
    minimap: { enabled: false },
    scrollBeyondLastLine: false,
    overviewRulerBorder: false,
    renderLineHighlight: 'none',
    links: false,
    contextmenu: false,
    occurrencesHighlight: 'off',
    selectionHighlight: false,
    quickSuggestions: false,
    wordBasedSuggestions: 'off',
    unicodeHighlight: { ambiguousCharacters: false, invisibleCharacters: false, nonBasicASCII: false },
    stickyScroll: { enabled: false },
    colorDecorators: false,
    smoothScrolling: false,
    cursorBlinking: 'solid',
    tabSize: 8,
    scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10 },
  });
  const decorations = editor.createDecorationsCollection();
  let shown = '';
  // A cursor that was moved by a person chooses its line; one that a new text moves does not.
  editor.onDidChangeCursorPosition(({ reason, position, source }) => {
    const byHand =
      source === 'mouse' || (source === 'keyboard' && reason === monaco.editor.CursorChangeReason.Explicit);
    if (byHand) onLine(position.lineNumber);
  });
  // What was in view stays in view when the room for it changes; what a person has scrolled away stays away.
  let revealed = 0;
  let inView = false;
  const reveal = (): void => {
    editor.revealLineInCenterIfOutsideViewport(revealed, monaco.editor.ScrollType.Immediate);
    inView = true;
  };
  editor.onDidScrollChange(() => {
    inView = editor.getVisibleRanges().some((range) => range.containsPosition({ lineNumber: revealed, column: 1 }));
  });
  editor.onDidLayoutChange(() => {
    if (inView) reveal();
  });
  const observer = new MutationObserver(useTheme);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return {
    setText: (key, text) => {
      if (shown === key) return;
      shown = key;
      editor.getModel()?.dispose();
      editor.setModel(monaco.editor.createModel(text, 'c'));
    },
    mark: (marks) => decorations.set(decorationsOf(marks)),
    reveal: (line) => {
      editor.setPosition({ lineNumber: line, column: 1 });
      revealed = line;
      reveal();
    },
    focus: () => editor.focus(),
    dispose: () => {
      observer.disconnect();
      editor.getModel()?.dispose();
      editor.dispose();
    },
  };
}

function decorationsOf({ current, failed, chain, heat }: SourceMarks): monaco.editor.IModelDeltaDecoration[] {
  const whole = (
    line: number,
    options: monaco.editor.IModelDecorationOptions,
  ): monaco.editor.IModelDeltaDecoration => ({
    range: new monaco.Range(line, 1, line, 1),
    options: { isWholeLine: true, ...options },
  });
  const found: monaco.editor.IModelDeltaDecoration[] = heat.flatMap(({ line, level, words }) => [
    whole(line, { linesDecorationsClassName: `heat heat-${level}` }),
    {
      // Behind the last column, wherever that is.
      range: new monaco.Range(line, 10_000, line, 10_000),
      options: { after: { content: `    ${words}`, inlineClassName: 'heat-words' }, showIfCollapsed: true },
    },
  ]);
  for (const line of chain) if (line > 0) found.push(whole(line, { lineNumberClassName: 'chain-line' }));
  if (failed > 0) found.push(whole(failed, { className: 'failed-line', lineNumberClassName: 'failed-number' }));
  if (current.line > 0) {
    found.push(whole(current.line, { className: 'step-line', zIndex: 5 }));
    if (current.endColumn > current.column)
      found.push({
        range: new monaco.Range(current.line, current.column, current.line, current.endColumn),
        options: { className: 'step-place' },
      });
  }
  return found;
}

globalThis.ringsideSourceEditor = create;
dispatchEvent(new Event(editorReady));
