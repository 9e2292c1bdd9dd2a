/** VS Code with the packaged extension, in a real browser: code-server on loopback and Chromium through Playwright. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startCodeServer } from '../../../scripts/lib/codeServer.mjs';
import { findChromium } from '../../../scripts/lib/packages.mjs';

/** Settings that keep VS Code itself quiet: no welcome page, no tips, nothing that moves on its own. */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'security.workspace.trust.enabled': false,
  'editor.cursorBlinking': 'solid',
  'editor.minimap.enabled': false,
  'git.enabled': false,
  'chat.commandCenter.enabled': false,
  'window.confirmBeforeClose': 'never',
};

export interface EditorOptions {
  /** Workspace folder that opens. */
  folder: string;
  /** The VSIX to install; none starts VS Code bare. */
  vsix?: string;
  settings?: Record<string, unknown>;
  /** Environment for the server and with it the extension host. */
  env?: NodeJS.ProcessEnv;
}

export interface Editor {
  page: Page;
  url: string;
  /** Folder with settings, logs and extensions of this editor. */
  data: string;
  /** What the extension host and code-server logged, for messages of failed tests. */
  serverLog(): string;
  /** Errors that the browser's console showed. */
  consoleErrors: string[];
  stop(): Promise<void>;
}

/** Starts code-server and opens it in Chromium; the workbench is there when it resolves. */
export async function startEditor(options: EditorOptions): Promise<Editor> {
  const data = mkdtempSync(join(tmpdir(), 'ringside-e2e-'));
  const ended: (() => void | Promise<void>)[] = [];
  ended.push(() => {
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
  const stop = async (): Promise<void> => {
    // What was started last is ended first; one failure does not keep the others alive.
    for (const end of ended.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        console.error(error);
      }
    }
  };
  try {
    writeSettings(data, options.settings ?? {});
    const server = await startCodeServer({
      folder: options.folder,
      data,
      password: false,
      env: { ...process.env, ...options.env },
      ...(options.vsix === undefined ? {} : { vsix: options.vsix }),
    });
    ended.push(() => server.stop());
    const browser = await launchBrowser();
    ended.push(() => browser.close());
    const context = await newContext(browser);
    const page = await context.newPage();
    const consoleErrors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && consoleErrors.push(message.text()));
    await page.goto(`${server.url}?folder=${encodeURIComponent(options.folder)}`);
    await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
    await page.locator('.explorer-viewlet, .statusbar').first().waitFor({ timeout: 60_000 });
    const serverLog = (): string => readFileSync(join(data, 'code-server.log'), 'utf8');
    return { page, url: server.url, data, serverLog, consoleErrors, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** User settings, before the start. */
function writeSettings(data: string, settings: Record<string, unknown>): void {
  const folder = join(data, 'user', 'User');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'settings.json'), JSON.stringify({ ...quietSettings, ...settings }, undefined, 2));
}

/** Chromium without a display. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new Error(
      'No Chromium was found. Install it (Debian: apt-get install chromium) or set CHROMIUM to its path.',
    );
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

async function newContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(20_000);
  return context;
}
