/** The README's picture: the panel beside its source, with commands that any machine has and no path of this one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { expect } from 'vitest';
import { at } from '../../../scripts/lib/paths.mjs';
import type { TracePanel } from './tracePanel.ts';
import type { Workbench } from './workbench.ts';

/** Whether `RINGSIDE_DOC_PICTURE=1` asks for a new picture. */
export const docPictureWanted = (): boolean => process.env['RINGSIDE_DOC_PICTURE'] === '1';

const commands: [string, string[]][] = [
  ['uname', ['-sr']],
  ['ls', ['-l', '/etc/ssh']],
  ['git', ['--version']],
  ['date', ['-u']],
  ['id', ['-un']],
  ['grep', ['-c', 'processor', '/proc/cpuinfo']],
  ['df', ['-h', '/']],
  ['sort', ['--version']],
  ['gcc', ['--version']],
];

/** Takes the picture into docs/pictures/trace.png and leaves the window as it was. */
export async function takeDocPicture(workbench: Workbench, panel: TracePanel): Promise<void> {
  const { page } = workbench;
  const before = page.viewportSize();
  await page.setViewportSize({ width: 1360, height: 520 });
  await page.keyboard.press('Control+b');
  // Only what this process starts: nobody else's command lines get into the picture.
  await panel.filter(`ppid == ${String(process.pid)} && filename ~ "^/usr/bin/"`);
  for (const [command, args] of commands) execFileSync(`/usr/bin/${command}`, args, { stdio: 'ignore' });
  await expect
    .poll(async () => (await panel.rows()).length, { timeout: 10_000 })
    .toBeGreaterThanOrEqual(commands.length);
  mkdirSync(at('docs/pictures'), { recursive: true });
  const path = at('docs/pictures/trace.png');
  await page.screenshot({ path, animations: 'disabled' });
  expect(statSync(path).size).toBeLessThanOrEqual(150 * 1024);
  await panel.filter('');
  await page.keyboard.press('Control+b');
  if (before !== null) await page.setViewportSize(before);
}
