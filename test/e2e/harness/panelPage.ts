/**
 * Panels by themselves: a panel's bundle in Chromium under the content policy of a webview, with a fake VS Code (the
 * panel's devHost.ts) behind it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findChromium } from '../../../scripts/lib/packages.mjs';
import { at } from '../../../scripts/lib/paths.mjs';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ttf': 'font/ttf',
};

export interface PanelPageOptions {
  width?: number;
  height?: number;
  /** 2 = everything twice as large, as Ctrl+plus makes it. */
  zoom?: number;
  reducedMotion?: boolean;
  /** Answers what the page says, for a panel whose fake VS Code passes it on; null = no answer. */
  host?: (message: unknown) => Promise<unknown>;
}

/** Serves the development pages of panels, each under its name. */
export class PanelPages {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringside-panels-'));
  readonly #built = new Map<string, Promise<void>>();
  #server: Server | undefined;
  #browser: Browser | undefined;
  #complaints: string[] = [];

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const name = new URL(request.url ?? '/', 'http://panel').pathname.slice(1);
      const type = TYPES[extname(name)];
      if (name === 'favicon.ico') response.writeHead(204).end();
      else if (type === undefined || !/^[\w.-]+$/.test(name)) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': type }).end(readFileSync(join(this.#folder, name)));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error('Chromium is missing: run `npm run setup`.');
    const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
    this.#browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', ...quiet] });
  }

  /** Opens a panel's page in a context of its own. */
  async open(panel: string, query = '', options: PanelPageOptions = {}): Promise<Page> {
    const { width = 1200, height = 700, zoom = 1, reducedMotion = false, host } = options;
    await this.#build(panel);
    const context = await this.#browser!.newContext({
      viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
      deviceScaleFactor: zoom,
      timezoneId: 'UTC',
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(error.message));
    if (host !== undefined) {
      await page.exposeFunction('toHost', async (raw: string) => {
        const answer = await host(JSON.parse(raw));
        if (answer !== null) await page.evaluate((message) => window.postMessage(message, '*'), answer);
      });
    }
    const { port } = this.#server!.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${panel}.html?${query}`);
    await page.locator('main').waitFor();
    return page;
  }

  /** What pages complained of since the last call: a broken content policy, a thrown error. */
  complaints(): string[] {
    return this.#complaints.splice(0);
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await new Promise<void>((resolve) =>
      this.#server === undefined ? resolve() : this.#server.close(() => resolve()),
    );
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #build(panel: string): Promise<void> {
    let built = this.#built.get(panel);
    if (built === undefined) this.#built.set(panel, (built = this.#bundle(panel)));
    return built;
  }

  async #bundle(panel: string): Promise<void> {
    await build({
      entryPoints: [{ in: at('panels', panel, 'dev.ts'), out: panel }],
      outdir: this.#folder,
      bundle: true,
      minify: true,
      format: 'iife',
      platform: 'browser',
      target: 'chrome124',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      loader: { '.ttf': 'file' },
      assetNames: '[name]',
      logLevel: 'silent',
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    const html = readFileSync(at('panels', 'trace', 'dev.html'), 'utf8');
    const own = html.replace(/dev\.(css|js)/g, `${panel}.$1`).replace('Trace panel', `${panel} panel`);
    writeFileSync(join(this.#folder, `${panel}.html`), own);
  }
}
