/** VS Code with the packaged extension on a real host, for figures that a person would feel. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { vsixFile } from '../../scripts/lib/paths.mjs';
import { startEditor, type Editor } from '../e2e/harness/editor.ts';
import { TracePanel } from '../e2e/harness/tracePanel.ts';
import { Workbench } from '../e2e/harness/workbench.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';

export interface BenchEditor {
  editor: Editor;
  workbench: Workbench;
  panel: TracePanel;
  sshd: TestSshd;
  folder: string;
  /** The extension host writes its figures there. */
  metrics: string;
  /** Event-loop delay of the extension host in the last full span of two seconds, milliseconds. */
  loopDelay(): Promise<{ p50: number; p99: number; max: number }>;
  stop(): Promise<void>;
}

/** `files`: name → text of the workspace. */
export async function benchEditor(
  files: Record<string, string>,
  settings: Record<string, unknown> = {},
): Promise<BenchEditor> {
  if (!existsSync(vsixFile())) throw new Error('there is no VSIX: run npm run package');
  const folder = await mkdtemp(join(tmpdir(), 'ringside-bench-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const sshd = await startSshd();
  const metrics = join(folder, '..', `${folder.split('/').at(-1)!}.metrics.json`);
  const editor = await startEditor({
    folder,
    vsix: vsixFile(),
    // Off, as on the desktop: in the browser VS Code saves by itself a second after the last keystroke.
    settings: {
      'ringside.ssh.configFile': sshd.configFile,
      'workbench.colorTheme': 'Default Dark Modern',
      'files.autoSave': 'off',
      ...settings,
    },
    env: { RINGSIDE_BENCH: metrics },
  });
  const workbench = new Workbench(editor.page);
  return {
    editor,
    workbench,
    panel: new TracePanel(workbench),
    sshd,
    folder,
    metrics,
    async loopDelay() {
      const report = JSON.parse(await readFile(metrics, 'utf8')) as {
        eventLoop: { p50: number; p99: number; max: number };
      };
      return report.eventLoop;
    },
    async stop() {
      await editor.stop();
      await sshd.stop();
      await rm(folder, { recursive: true, force: true });
      for (const file of [metrics, `${metrics}.engine`]) await rm(file, { force: true });
    },
  };
}

/** Runs /bin/true all the time, so that there is always an event to see. */
export function everyoneExecutes(): () => void {
  const child = spawn('/bin/sh', ['-c', 'while :; do /bin/true; sleep 0.01; done'], { stdio: 'ignore' });
  return () => child.kill();
}

/** Attaches the program in the open editor by its lens; milliseconds from the click to the first row in the panel. */
export async function attachToRow({ workbench, editor }: BenchEditor, host?: string): Promise<number> {
  const lens = workbench.lens(/^\s*Attach$/);
  await lens.waitFor({ timeout: 30_000 });
  const begin = performance.now();
  await lens.click();
  if (host !== undefined) await workbench.pick(host);
  // Playwright's own waiting looks twice a second once it has waited a little: that would be the figure.
  while (!(await rowShown(editor.page))) {
    if (performance.now() - begin > 60_000) throw new Error('no row came in 60 s');
    await editor.page.waitForTimeout(10);
  }
  const took = performance.now() - begin;
  await editor.page.waitForTimeout(100);
  return took;
}

/** True when some frame of the page (the newest webview) shows a row. */
export async function rowShown(page: Page): Promise<boolean> {
  const selector = 'main.trace [role="row"]:not([hidden]) [role="gridcell"]';
  const shown = await Promise.all(
    page
      .frames()
      .map((frame) => frame.evaluate((s) => document.querySelector(s) !== null, selector).catch(() => false)),
  );
  return shown.includes(true);
}

/** Stops the run in the panel and closes its tab. */
export async function stopRun({ workbench, panel, editor }: BenchEditor): Promise<void> {
  await panel.press('Stop: detach everything');
  const end = performance.now() + 20_000;
  while ((await panel.status()) !== 'ended' && performance.now() < end) await editor.page.waitForTimeout(50);
  await workbench.command('View: Close Editor');
}
