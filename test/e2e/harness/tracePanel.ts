/** The trace panel as a person reads it: cells by the names in the header, the filter, the state, the ledger. */
import type { FrameLocator, Locator } from 'playwright-core';
import type { Workbench } from './workbench.ts';

export type Row = Record<string, string>;

export class TracePanel {
  readonly #frame: FrameLocator;
  constructor(workbench: Workbench) {
    this.#frame = workbench.webview();
  }

  /** Waits until the panel has come up. */
  async ready(timeout = 30_000): Promise<void> {
    await this.#frame.locator('main.trace').waitFor({ timeout });
  }

  get grid(): Locator {
    return this.#frame.locator('[role="grid"]');
  }

  /** The run's state as the header says it: "live", "paused", "ended", … */
  async status(): Promise<string> {
    return this.#frame.locator('header .status .label').innerText();
  }

  /** The rows in view, each cell under its column's name. */
  async rows(): Promise<Row[]> {
    return this.grid.evaluate((grid) => {
      const text = (element: Element): string => element.textContent.trim();
      const names = new Map<string, string>();
      for (const header of grid.querySelectorAll('[role="columnheader"]')) {
        const label = header.querySelector('.label, .title, .name') ?? header;
        names.set(header.getAttribute('aria-colindex') ?? '', text(label));
      }
      return [...grid.querySelectorAll('[role="row"]')]
        .filter((row) => row instanceof HTMLElement && !row.hidden && row.querySelector('[role="gridcell"]') !== null)
        .map((row) =>
          Object.fromEntries(
            [...row.querySelectorAll('[role="gridcell"]')].map((cell) => [
              names.get(cell.getAttribute('aria-colindex') ?? '') ?? '',
              text(cell),
            ]),
          ),
        );
    });
  }

  /** Types a filter and applies it, as a person does: `/`-less, by a click into the box. */
  async filter(expression: string): Promise<void> {
    const field = this.#frame.locator('.filter-field input');
    await field.click();
    await field.fill(expression);
    await field.press('Enter');
  }

  /** What the panel says about a filter that is wrong; empty when it is right. */
  async filterFault(): Promise<string> {
    const fault = this.#frame.locator('.fault');
    return (await fault.count()) === 0 ? '' : fault.innerText();
  }

  /** The line below the rows. */
  async ledger(): Promise<string> {
    return (await this.#frame.locator('footer.ledger').innerText()).replaceAll(/\s+/g, ' ');
  }

  /** Presses a button of the panel's header by its name. */
  async press(name: string | RegExp): Promise<void> {
    await this.#frame.locator('header').getByRole('button', { name }).click();
  }
}

/** Produced, delivered and lost out of the ledger line; NaN for what is unknown. */
export function ledgerFigures(line: string): { produced: number; delivered: number; lost: number } {
  const figure = (word: string): number =>
    Number((new RegExp(`${word} ([\\d,.\u202f\u00a0]+)`).exec(line)?.[1] ?? 'NaN').replaceAll(/[^\d]/g, ''));
  return { produced: figure('produced'), delivered: figure('delivered'), lost: figure('lost') };
}
