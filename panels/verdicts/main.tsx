import './verdicts.css';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { VerdictsPanelState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { VerdictsApp } from './app.tsx';
import { VerdictsState } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const state = new VerdictsState(vsCodeApi<VerdictsPanelState>());
  render(<VerdictsApp state={state} />, root);
  state.start();
}
