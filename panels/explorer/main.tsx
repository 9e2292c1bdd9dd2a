import './explorer.css';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { ExplorerPanelState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { ExplorerApp } from './app.tsx';
import { ExplorerState } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const state = new ExplorerState(vsCodeApi<ExplorerPanelState>());
  render(<ExplorerApp state={state} />, root);
  state.start();
}
