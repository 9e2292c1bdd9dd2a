import './charts.css';
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { ChartsState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { App } from './app.tsx';
import { ChartsModel } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const model = new ChartsModel(vsCodeApi<ChartsState>());
  render(<App model={model} />, root);
  model.start();
}
