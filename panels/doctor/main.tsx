import './doctor.css';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { DoctorPanelState } from '@ringside/core/model';
import { render } from 'preact';
import { vsCodeApi } from '../shared/vscodeApi.ts';
import { DoctorApp } from './app.tsx';
import { DoctorState } from './state.ts';

const root = document.getElementById('app');
if (root !== null) {
  const state = new DoctorState(vsCodeApi<DoctorPanelState>());
  render(<DoctorApp state={state} />, root);
  state.start();
}
