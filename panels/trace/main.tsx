import './trace.css';
import '@vscode-elements/elements/dist/vscode-option/index.js';
import '@vscode-elements/elements/dist/vscode-single-select/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { PanelState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { App } from './app.tsx';
import { TraceState } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const state = new TraceState(vsCodeApi<PanelState>());
  render(<App state={state} />, root);
  state.start();
}
