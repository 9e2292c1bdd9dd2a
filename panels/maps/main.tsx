import './maps.css';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { MapsPanelState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { MapsApp } from './app.tsx';
import { MapsState } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const state = new MapsState(vsCodeApi<MapsPanelState>());
  render(<MapsApp state={state} />, root);
  state.start();
}
