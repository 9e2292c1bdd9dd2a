/** Monaco's theme from VS Code's: colours are the window's own, those of tokens are of the nearest built-in theme. */
import type { editor } from 'monaco-editor/editor/editor.api.js';

export type BuiltInTheme = 'vs' | 'vs-dark' | 'hc-black' | 'hc-light';

/** By the classes that VS Code gives to a webview's body. */
export function currentTheme(classes: string): BuiltInTheme {
  const names = classes.split(/\s+/);
  if (names.includes('vscode-high-contrast-light')) return 'hc-light';
  if (names.includes('vscode-high-contrast')) return 'hc-black';
  return names.includes('vscode-light') ? 'vs' : 'vs-dark';
}

const colours: Record<string, string> = {
  'editor.background': '--vscode-editor-background',
  'editor.foreground': '--vscode-editor-foreground',
  'editorLineNumber.foreground': '--vscode-editorLineNumber-foreground',
  'editorLineNumber.activeForeground': '--vscode-editorLineNumber-activeForeground',
  'editor.selectionBackground': '--vscode-editor-selectionBackground',
  'editor.inactiveSelectionBackground': '--vscode-editor-inactiveSelectionBackground',
  'editorCursor.foreground': '--vscode-editorCursor-foreground',
  'scrollbarSlider.background': '--vscode-scrollbarSlider-background',
  'scrollbarSlider.hoverBackground': '--vscode-scrollbarSlider-hoverBackground',
  'scrollbarSlider.activeBackground': '--vscode-scrollbarSlider-activeBackground',
  focusBorder: '--vscode-focusBorder',
};

export function themeData(
  base: BuiltInTheme,
  style: Pick<CSSStyleDeclaration, 'getPropertyValue'>,
): editor.IStandaloneThemeData {
  const found: Record<string, string> = {};
  for (const [id, variable] of Object.entries(colours)) {
    const value = hex(style.getPropertyValue(variable).trim());
    if (value !== '') found[id] = value;
  }
  return { base, inherit: true, rules: [], colors: found };
}

/** Monaco takes colours in hexadecimal only. "" = not one of those that style sheets have here. */
export function hex(colour: string): string {
  if (/^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i.test(colour)) return colour;
  const parts = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)(%)?)?\s*\)$/.exec(colour);
  if (!parts) return '';
  const alpha = parts[4] === undefined ? 1 : Number(parts[4]) / (parts[5] === undefined ? 1 : 100);
  const two = (value: number): string => Math.min(255, Math.round(value)).toString(16).padStart(2, '0');
  return `#${two(Number(parts[1]))}${two(Number(parts[2]))}${two(Number(parts[3]))}${two(alpha * 255)}`;
}
