import { mkdtempSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { makeSample } from '../../scripts/lib/sample.mjs';
import { startEditor, type Editor } from './harness/editor.ts';
import { Workbench } from './harness/workbench.ts';

let editor: Editor; let wb: Workbench; let n = 0;
const shot = async (name: string) => { await editor.page.screenshot({ path: `/tmp/ringside-try/${String(n++).padStart(2, '0')}-${name}.png` }); };
const step = async (name: string, f: () => Promise<unknown>) => { try { await f(); console.log('ok', name); } catch (e) { console.log('FAILED', name, String(e).slice(0, 400)); } await shot(name); console.log((await wb.notifications()).join('\n')); };
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-try-ws-'));
  editor = await startEditor({ folder: makeSample(join(folder, 's')), vsix: '/tmp/ringside-try/try.vsix', settings: { 'ringside.logLevel': 'debug' }, env: { RINGSIDE_BENCH: '1' } });
  wb = new Workbench(editor.page);
});
afterAll(async () => { console.log(editor.consoleErrors.slice(-20).join('\n')); console.log(editor.serverLog().slice(-3000)); await editor.stop(); });
const load = () => { for (let i = 0; i < 5; i++) spawn('/bin/true'); };
test('try', async () => {
  await step('open', async () => { await wb.open('execsnoop.bpf.c'); await wb.lens(/^\s*Attach$/).waitFor(); });
  await step('container', async () => { await editor.page.locator('.activitybar .action-item a[aria-label*="Ringside"]').first().click(); await editor.page.waitForTimeout(3000); });
  await step('attach-pick', async () => { await wb.lens(/^\s*Attach$/).click(); await wb.quickInput().waitFor(); await editor.page.waitForTimeout(1500); });
  await step('attach-local', async () => { await wb.pick('local'); await editor.page.waitForTimeout(6000); load(); await editor.page.waitForTimeout(3000); });
  await step('rows', async () => { load(); await editor.page.waitForTimeout(2000); console.log(await wb.webview().locator('#app').innerText()); });
  await step('metrics', async () => { await editor.page.waitForTimeout(500); });
  await step('reload', async () => { await editor.page.reload(); await editor.page.locator('.monaco-workbench').waitFor(); await wb.webview().getByText('live').first().waitFor({timeout: 40000}); load(); await editor.page.waitForTimeout(2000); console.log(await wb.webview().locator('#app').innerText()); });
  await step('stop', async () => { await wb.command('Ringside: Detach'); await editor.page.waitForTimeout(2500); });
  await step('f5', async () => { await wb.focusEditor('execsnoop.bpf.c'); await editor.page.keyboard.press('F5'); await editor.page.waitForTimeout(6000); load(); await editor.page.waitForTimeout(2000); });
  await step('debug-stop', async () => { await editor.page.keyboard.press('Shift+F5'); await editor.page.waitForTimeout(3000); });
  await step('verify', async () => { await wb.focusEditor('execsnoop.bpf.c'); await wb.command('Ringside: Verify on Host'); await editor.page.keyboard.press('Control+Home'); await editor.page.waitForTimeout(5000); });
  await step('error', async () => { await wb.typeAtEnd('\nint broken(void) { return nope; }\n'); await wb.save(); await editor.page.waitForTimeout(4000); });
  await step('problems', async () => { await wb.command('Problems: Focus on Problems View'); await editor.page.waitForTimeout(1500); });
  await step('gallery', async () => { await wb.command('Ringside: New Program from Gallery'); await editor.page.waitForTimeout(1500); await editor.page.keyboard.press('Escape'); });
  await step('doctor', async () => { await wb.command('Ringside: Check What the Host Can Do'); await editor.page.waitForTimeout(800); await wb.pick('local'); await editor.page.waitForTimeout(6000); });
  await step('walkthrough', async () => { await wb.command('Ringside: First Steps'); await editor.page.waitForTimeout(2500); });
  await step('overview', async () => { await wb.command('Ringside: Hosts and Runs'); await editor.page.waitForTimeout(1000); await editor.page.keyboard.press('Escape'); });
  await step('log', async () => { await wb.command('Ringside: Show Log'); await editor.page.waitForTimeout(1500); });
}, 240_000);
