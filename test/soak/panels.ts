/** What a person does with the panels for half an hour, one thing after the other, in VS Code. */
import type { Frame, Locator } from 'playwright-core';
import { ledgerFigures } from '../e2e/harness/tracePanel.ts';
import type { BenchEditor } from '../bench/benchEditor.ts';

export const SOURCE = 'soak.bpf.c';
type Panel = 'trace' | 'maps' | 'charts';

export interface Step {
  name: string;
  run(): Promise<unknown>;
}

export class SoakPanels {
  constructor(private readonly bench: BenchEditor) {}

  /** In their order; over and over. */
  steps(): Step[] {
    const { workbench } = this.bench;
    const command = (title: string, name = title): Step => ({ name, run: () => workbench.command(title) });
    const move = (panel: Panel, direction: string): Step => ({
      name: `move ${panel} ${direction}`,
      run: () => this.onTab(panel, () => workbench.command(`View: Move Editor into ${direction} Group`)),
    });
    const shown = (panel: Panel): Step => ({ name: `show ${panel}`, run: () => this.show(panel) });
    const hide: Step = { name: 'hide', run: () => workbench.open(SOURCE) };
    return [
      { name: 'open maps', run: () => this.openMaps() },
      shown('maps'),
      { name: 'open charts', run: () => this.open('charts', 'Ringside: Open Charts') },
      shown('charts'),
      move('charts', 'Next'),
      shown('trace'),
      { name: 'scroll', run: () => this.scroll() },
      hide,
      command('Developer: Reload Webviews', 'reload panels'),
      shown('trace'),
      move('trace', 'Next'),
      shown('maps'),
      { name: 'close maps', run: () => this.close('maps') },
      move('trace', 'Previous'),
      { name: 'close charts', run: () => this.close('charts') },
      hide,
    ];
  }

  private tab(panel: Panel): Locator {
    const { page } = this.bench.editor;
    const tabs = page.locator('.tab');
    if (panel === 'maps') return tabs.filter({ hasText: /maps/i }).first();
    if (panel === 'charts') return tabs.filter({ hasText: /charts/i }).first();
    return tabs
      .filter({ hasText: 'soak' })
      .filter({ hasNotText: new RegExp(`maps|charts|${SOURCE}`, 'i') })
      .first();
  }

  /** Brings it to the front, and waits until it draws. */
  async show(panel: Panel): Promise<void> {
    await this.tab(panel).click({ timeout: 10_000 });
    await this.frame(panel, 30_000);
  }

  private async onTab(panel: Panel, action: () => Promise<unknown>): Promise<void> {
    await this.show(panel);
    await this.tab(panel).click();
    await action();
    await this.frame(panel, 30_000);
  }

  private async open(panel: Panel, title: string): Promise<void> {
    if ((await this.tab(panel).count()) > 0) return;
    await this.bench.workbench.command(title);
    await this.frame(panel, 30_000);
  }

  private async openMaps(): Promise<void> {
    if ((await this.tab('maps').count()) > 0) return;
    await this.bench.workbench.command('Ringside: Show Maps');
    await this.bench.workbench.pick('soak');
    await this.frame('maps', 30_000);
  }

  private async close(panel: Panel): Promise<void> {
    if ((await this.tab(panel).count()) === 0) return;
    await this.tab(panel).click();
    await this.bench.workbench.command('View: Close Editor');
  }

  private async scroll(): Promise<void> {
    const frame = await this.frame('trace', 30_000);
    const box = await frame.locator('[role="grid"]').first().boundingBox();
    if (box === null) throw new Error('the rows are not drawn');
    const { mouse } = this.bench.editor.page;
    await mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let i = 0; i < 60; i++) await mouse.wheel(0, i < 40 ? -400 : 400);
    await frame.locator('[role="grid"]').first().press('End');
  }

  /** The panel's own frame, once it draws. */
  async frame(panel: Panel, timeout: number): Promise<Frame> {
    const { page } = this.bench.editor;
    const end = performance.now() + timeout;
    for (;;) {
      for (const frame of page.frames()) {
        const drawn = await frame
          .evaluate((kind) => document.querySelector(`main.${kind}`)?.checkVisibility() === true, panel)
          .catch(() => false);
        if (drawn) return frame;
      }
      if (performance.now() > end) throw new Error(`the ${panel} panel does not draw`);
      await page.waitForTimeout(100);
    }
  }

  /** What there is of each webview's page, for what does not draw. */
  async frames(): Promise<unknown[]> {
    const look = (): unknown => {
      const app = document.getElementById('app');
      return [
        document.readyState,
        document.body.className,
        document.body.children.length,
        app?.innerHTML.slice(0, 200),
      ];
    };
    return Promise.all(
      this.bench.editor.page
        .frames()
        .map(async (frame) => [
          new URL(frame.url()).pathname,
          await Promise.race([
            frame.evaluate(look).catch(String),
            new Promise((done) => setTimeout(done, 2_000, 'silent')),
          ]),
        ]),
    );
  }

  /** What the trace panel's ledger says. */
  async ledger(): Promise<{ produced: number; delivered: number; lost: number; text: string }> {
    const frame = await this.frame('trace', 30_000);
    const text = (await frame.locator('footer.ledger').innerText()).replaceAll(/\s+/g, ' ');
    return { ...ledgerFigures(text), text };
  }
}
