/** The theme's chart colours, in an order in which neighbours differ in lightness too. */
const NAMES = ['blue', 'orange', 'green', 'purple', 'yellow', 'red'];

export interface ChartColors {
  text: string;
  quiet: string;
  grid: string;
  background: string;
  lines: string[];
}

/** Reads the theme's variables from an element: a canvas does not know them. */
export function chartColors(element: Element): ChartColors {
  const style = getComputedStyle(element);
  const read = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const text = read('--vscode-foreground', style.color);
  return {
    text,
    quiet: read('--vscode-descriptionForeground', text),
    grid: read('--vscode-editorIndentGuide-background1', read('--vscode-panel-border', 'transparent')),
    background: read('--vscode-editor-background', 'transparent'),
    lines: NAMES.map((name) => read(`--vscode-charts-${name}`, text)),
  };
}

/** Lines beyond the colours are told apart by their dashes. */
export function dashOf(line: number): number[] {
  return [[], [6, 3], [2, 2]][Math.floor(line / NAMES.length) % 3]!;
}

/** The class of a legend's mark, whose colour the style sheet knows. */
export function markClass(line: number): string {
  return `mark mark-${NAMES[line % NAMES.length]}`;
}

/** Calls back when the theme or the font changes, until stopped. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}
