/** The ground that the other end-to-end tests stand on: VS Code itself works here. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEditor, type Editor } from './harness/editor.ts';
import { picture } from './harness/pictures.ts';
import { Workbench } from './harness/workbench.ts';

let folder: string;
let editor: Editor;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-folder-'));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'hello.c'), 'int answer = 42;\n');
  editor = await startEditor({ folder, settings: { 'workbench.colorTheme': 'Default Light Modern' } });
});

afterAll(async () => {
  await editor.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('VS Code opens a folder, shows a file and takes a theme', async () => {
  const workbench = new Workbench(editor.page);
  await workbench.open('hello.c');
  await expect.poll(() => workbench.source()).toContain('answer = 42');
  for (const theme of ['dark', 'high-contrast', 'high-contrast-light', 'light'] as const) await workbench.theme(theme);
  await picture(editor.page, 'bare-editor');
});
