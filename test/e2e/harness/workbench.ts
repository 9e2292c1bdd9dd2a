/** VS Code's own parts, by what a person sees: commands, files, lenses, picks, messages, panels. */
import type { FrameLocator, Locator, Page } from 'playwright-core';

/** Whether it did not fail. */
const works = (step: Promise<unknown>): Promise<boolean> =>
  step.then(
    () => true,
    () => false,
  );

/** Whether it is to be seen within so many milliseconds. */
const comes = (what: Locator, timeout: number): Promise<boolean> => works(what.waitFor({ timeout }));

export class Workbench {
  readonly page: Page;
  constructor(page: Page) {
    this.page = page;
  }

  /** Runs a command from the palette by its full title. */
  async command(title: string): Promise<void> {
    const row = this.quickRows().filter({ hasText: title }).first();
    // A webview that takes the keyboard meanwhile closes the palette: then once more.
    for (let tries = 3; tries > 1; tries -= 1) {
      await this.openPalette();
      const filled = await this.fillQuickInput(`>${title}`);
      if (filled && (await works(row.click({ timeout: 8000 })))) return;
      await this.page.keyboard.press('Escape');
    }
    await this.openPalette();
    await this.quickInput().fill(`>${title}`);
    await this.pick(title);
  }

  /** Reloads the window by VS Code's own command, which lets it save its state first, and waits for the new one. */
  async reloadWindow(): Promise<void> {
    await this.page.evaluate(() => Object.assign(globalThis, { beforeReload: true }));
    await this.command('Developer: Reload Window');
    await this.page.waitForFunction(() => !('beforeReload' in globalThis), undefined, { timeout: 60_000 });
    await this.page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
  }

  /** Opens a file of the workspace by its name. */
  async open(name: string): Promise<void> {
    const tab = this.page
      .locator(`.tab.active[data-resource-name="${name}"], .tab.active[aria-label^="${name}"]`)
      .first();
    // A webview that takes the keyboard meanwhile closes the picker: then once more.
    for (let tries = 3; tries > 0; tries -= 1) {
      await this.page.keyboard.press('Control+p');
      const input = this.quickInput();
      await input.waitFor();
      await input.fill(name);
      await this.quickRows().filter({ hasText: name }).first().waitFor();
      // The list may still be that of all open editors, with another one first.
      await this.quickRows()
        .and(this.page.locator('.focused'))
        .filter({ hasText: name })
        .first()
        .waitFor({ timeout: 5000 });
      await input.press('Enter');
      const opened = await comes(tab, 4000);
      if (opened) return;
    }
    await tab.waitFor();
  }

  /** Runs a command from the palette by the keyboard alone. */
  async keys(title: string): Promise<void> {
    const row = this.quickRows().filter({ hasText: title });
    // The palette lists what was possible when it opened: a command that has become possible since shows in the next one.
    // And a webview that takes the keyboard meanwhile closes it: then once more.
    for (let tries = 4; ; tries -= 1) {
      await this.openPalette();
      const filled = await this.fillQuickInput(`>${title}`);
      if (filled && (await comes(row.first(), 4000)) && (await this.goToRow(title))) break;
      if (tries === 1) throw new Error(`the palette does not list "${title}": ${await this.shownPick()}`);
      await this.page.keyboard.press('Escape');
    }
    await this.page.keyboard.press('Enter');
  }

  /** Goes to the entry of the open quick pick that holds this text with the arrow keys, and takes it. */
  async keysPick(text: string): Promise<void> {
    await this.quickRows()
      .filter({ hasText: text })
      .first()
      .waitFor()
      .catch(async () => Promise.reject(new Error(`no entry "${text}" in: ${await this.shownPick()}`)));
    if (!(await this.goToRow(text))) throw new Error(`"${text}" cannot be reached in: ${await this.shownPick()}`);
    await this.page.keyboard.press('Enter');
  }

  /** Runs a command and takes an entry of what it asks; a webview that takes the keyboard closes that: then once more. */
  async keysChoose(title: string, text: string): Promise<void> {
    const row = this.quickRows().filter({ hasText: text }).first();
    for (let tries = 3; tries > 0; tries -= 1) {
      await this.keys(title);
      if (await comes(row, 5000)) break;
    }
    await this.keysPick(text);
  }

  /** Types a path into the file dialog, which puts its own into the field a moment after it has opened. */
  async keysFile(path: string): Promise<void> {
    const input = this.quickInput();
    await input.waitFor();
    for (let tries = 3; tries > 0; tries -= 1) {
      for (let wait = 40; wait > 0 && (await input.inputValue()) === ''; wait -= 1) await this.page.waitForTimeout(50);
      await this.page.keyboard.press('Control+a');
      await this.page.keyboard.type(path);
      if ((await input.inputValue()) === path) return this.page.keyboard.press('Enter');
    }
    throw new Error(`the file dialog has ${await input.inputValue()} in place of ${path}`);
  }

  /** False where it has closed before it was filled. */
  private fillQuickInput(text: string): Promise<boolean> {
    return works(this.quickInput().fill(text, { timeout: 4000 }));
  }

  /** A webview that is being loaded swallows the key: then it is pressed again. */
  private async openPalette(): Promise<void> {
    for (let tries = 4; tries > 1; tries -= 1) {
      await this.page.keyboard.press('F1');
      if (await comes(this.quickInput(), 4000)) return;
    }
    await this.page.keyboard.press('F1');
    await this.quickInput().waitFor();
  }

  private quickRows(): Locator {
    return this.page.locator('.quick-input-widget:visible .monaco-list-row');
  }

  /** What the quick input shows, for the words of a failure. */
  private async shownPick(): Promise<string> {
    const rows = await this.quickRows().allInnerTexts();
    return rows.length === 0 ? 'nothing' : rows.map((row) => row.replaceAll(/\s+/g, ' ').trim()).join(' | ');
  }

  /** Presses the down arrow until the row with this text has the focus; each press waits for what it does. */
  private async goToRow(text: string): Promise<boolean> {
    const focused = this.quickRows().and(this.page.locator('.focused'));
    const index = (): Promise<string | null> =>
      focused
        .first()
        .getAttribute('data-index', { timeout: 2000 })
        .catch(() => null);
    for (let left = 60; left > 0; left -= 1) {
      const at = await index();
      if ((await focused.filter({ hasText: text }).count()) > 0) return true;
      if ((await this.quickRows().count()) === 0) return false;
      await this.page.keyboard.press('ArrowDown');
      for (let wait = 40; wait > 0 && (await index()) === at; wait -= 1) await this.page.waitForTimeout(25);
    }
    return false;
  }

  quickInput(): Locator {
    return this.page
      .locator('.quick-input-widget:visible input.input, .quick-input-widget:visible .quick-input-box input')
      .first();
  }

  /** Takes the entry of the open quick pick that holds this text. */
  async pick(text: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget:visible .monaco-list-row').filter({ hasText: text }).first();
    await row.waitFor();
    await row.click();
  }

  /**
   * Attaches by the lens, on the host that is then asked for. VS Code draws lenses anew after a save or an edit, and a click
   * that meets one while it is replaced is lost: then nothing is asked, and it is clicked again.
   */
  async attachByLens(host: string): Promise<void> {
    const row = this.quickRows().filter({ hasText: host }).first();
    for (let tries = 3; tries > 1; tries -= 1) {
      await this.lens(/^\s*Attach$/).click();
      if (await comes(row, 8000)) return row.click();
    }
    await this.lens(/^\s*Attach$/).click();
    await this.pick(host);
  }

  /** The lens over the program in the open editor. */
  lens(text: string | RegExp): Locator {
    return this.page.locator('.codelens-decoration a:visible').filter({ hasText: text }).first();
  }

  /** Puts the keyboard into the editor of a file that is open. */
  async focusEditor(name: string): Promise<void> {
    await this.page.locator(`.tab[data-resource-name="${name}"]`).first().click();
    await this.page.locator('.editor-group-container.active .monaco-editor .view-lines').first().click();
  }

  /** Brings a line of the open file into the middle of the view; lenses show in view only. */
  async goToLine(line: number): Promise<void> {
    await this.page.keyboard.press('Control+g');
    await this.quickInput().fill(`:${String(line)}`);
    await this.page.keyboard.press('Enter');
  }

  /** Types at the end of the open file. */
  async typeAtEnd(text: string): Promise<void> {
    await this.page.locator('.monaco-editor .view-lines').first().click();
    await this.page.keyboard.press('Control+End');
    await this.page.keyboard.type(text);
  }

  /** The visible lines of the open editor; Monaco writes its spaces as no-break spaces. */
  async source(): Promise<string> {
    return (await this.page.locator('.monaco-editor .view-lines').first().innerText()).replaceAll('\u00a0', ' ');
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('Control+s');
    await this.page.locator('.tab.active:not(.dirty)').first().waitFor();
  }

  /** The lines of the open editor that an error is drawn under, as their numbers stand beside them. */
  async errorLines(): Promise<number[]> {
    return this.page
      .locator('.editor-group-container.active .monaco-editor')
      .first()
      .evaluate((shown) => {
        const top = (element: Element): number => Math.round(element.getBoundingClientRect().top);
        const numbers = new Map(
          [...shown.querySelectorAll('.margin-view-overlays .line-numbers')].map((number) => [
            top(number),
            Number(number.textContent),
          ]),
        );
        const lines = [...shown.querySelectorAll('.view-overlays > div')].filter(
          (line) => line.querySelector('.squiggly-error') !== null,
        );
        return lines.map((line) => numbers.get(top(line)) ?? NaN);
      });
  }

  /** The lines of the open editor that a test's coverage marks as reached. */
  async coveredLines(): Promise<number[]> {
    const numbers = this.page.locator('.editor-group-container.active .coverage-deco-hit');
    return (await numbers.allInnerTexts()).map(Number);
  }

  /** The icon beside a test in the open editor. */
  testGlyph(state: 'run' | 'loading' | 'passed' | 'failed' | 'skipped'): Locator {
    const glyph = this.page.locator('.editor-group-container.active .testing-run-glyph');
    return glyph.and(this.page.locator(state === 'loading' ? '.codicon-loading' : `.codicon-testing-${state}-icon`));
  }

  /** Takes the quick fix with this title at the cursor, by the keyboard alone. */
  async quickFix(title: RegExp, look: () => Promise<unknown>): Promise<void> {
    await this.page.keyboard.press('Control+.');
    const rows = this.page.locator('.action-widget .monaco-list-row');
    await rows.filter({ hasText: title }).first().waitFor();
    await look();
    const focused = rows.and(this.page.locator('.focused'));
    for (let left = 20; left > 0 && (await focused.filter({ hasText: title }).count()) === 0; left -= 1) {
      const at = await focused.first().getAttribute('data-index');
      await this.page.keyboard.press('ArrowDown');
      for (let wait = 40; wait > 0 && (await focused.first().getAttribute('data-index')) === at; wait -= 1)
        await this.page.waitForTimeout(25);
    }
    await focused.filter({ hasText: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** A button of a modal dialog or of a notification. */
  button(text: string | RegExp): Locator {
    return this.page.locator('.monaco-dialog-box, .notification-toast').getByRole('button', { name: text }).first();
  }

  /** The texts of all notifications that show now. */
  async notifications(): Promise<string[]> {
    return this.page.locator('.notification-toast .notification-list-item-message').allInnerTexts();
  }

  /** The notification that says this. */
  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast').filter({ hasText: text }).first();
  }

  /** Closes every notification, and waits until none is there. */
  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
    await this.page.locator('.notification-toast').waitFor({ state: 'detached' });
  }

  /** The modal dialog. */
  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** The row of a tree in the side bar that says this. */
  treeRow(text: string | RegExp): Locator {
    return this.page.locator('.sidebar .monaco-list-row').filter({ hasText: text }).first();
  }

  /** Goes to the row of the tree that has the keyboard with the arrow keys, from its top. */
  async keysTree(text: RegExp): Promise<void> {
    const focused = this.page.locator('.sidebar .monaco-list-row.focused').filter({ hasText: text });
    await this.page.keyboard.press('Home');
    for (let left = 60; left > 0 && (await focused.count()) === 0; left -= 1)
      await this.page.keyboard.press('ArrowDown');
  }

  /** An action that stands in a row of a tree when the row is chosen. */
  async rowAction(row: Locator, name: string): Promise<void> {
    await row.hover();
    await row.getByRole('button', { name }).first().click();
  }

  statusBar(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item').filter({ hasText: text }).first();
  }

  /** The content of the visible webview. VS Code nests two frames: its own loader, and ours. */
  webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  }

  /** Takes a colour theme through its picker, as a person does, and waits until it shows. */
  async theme(theme: Theme): Promise<void> {
    const { label, kind } = themes[theme];
    await this.command('Preferences: Color Theme');
    await this.quickInput().fill(label);
    await this.pick(label);
    await this.waitForTheme(kind);
  }

  private async waitForTheme(kind: string): Promise<void> {
    await this.page.locator(`.monaco-workbench.${kind}`).waitFor({ timeout: 15_000 });
  }
}

/** The themes that every panel is looked at in. */
export const themes = {
  light: { label: 'Light Modern', kind: 'vs' },
  dark: { label: 'Dark Modern', kind: 'vs-dark' },
  'high-contrast': { label: 'Dark High Contrast', kind: 'hc-black' },
  'high-contrast-light': { label: 'Light High Contrast', kind: 'hc-light' },
} as const;
export type Theme = keyof typeof themes;
