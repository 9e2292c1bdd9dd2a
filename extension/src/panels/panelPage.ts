import * as vscode from 'vscode';
import { PageLoader } from './pageLoad.ts';
import { panelHtml } from './panelHtml.ts';

/** Where the panels' bundles are: the one folder that a webview may read. */
export const panelFolder = (extensionUri: vscode.Uri): vscode.Uri =>
  vscode.Uri.joinPath(extensionUri, 'dist', 'panels');

export const panelOptions = (extensionUri: vscode.Uri): vscode.WebviewOptions => ({
  enableScripts: true,
  localResourceRoots: [panelFolder(extensionUri)],
});

/** Loads the bundle `name` of panels/ into a webview, again when its files did not come, with its icon for the tab. */
export function usePanelPage(
  panel: vscode.WebviewPanel,
  extensionUri: vscode.Uri,
  name: string,
  title: string,
  /** With the source editor, a bundle of its own that is loaded after the panel's. */
  { editor = false } = {},
): void {
  const media = (file: string) => vscode.Uri.joinPath(extensionUri, 'extension', 'media', file);
  const { webview } = panel;
  const file = (of: string) => webview.asWebviewUri(vscode.Uri.joinPath(panelFolder(extensionUri), of)).toString();
  panel.iconPath = { light: media(`${name}-light.svg`), dark: media(`${name}-dark.svg`) };
  webview.options = panelOptions(extensionUri);
  // Each time with another nonce: VS Code loads nothing anew that has not changed.
  const loader = new PageLoader((patienceMs) => {
    webview.html = panelHtml({
      cspSource: webview.cspSource,
      title,
      scripts: [file(`${name}.js`), ...(editor ? [file('source-editor.js')] : [])],
      styles: [file(`${name}.css`), ...(editor ? [file('source-editor.css')] : [])],
      inlineStyles: editor,
      icons: file('codicon.css'),
      patienceMs,
    });
  });
  webview.onDidReceiveMessage((message: unknown) => loader.receive(message));
  panel.onDidDispose(() => loader.dispose());
}
