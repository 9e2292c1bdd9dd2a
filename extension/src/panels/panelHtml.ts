import { randomBytes } from 'node:crypto';
import { pageLoadScript } from './pageLoad.ts';

export interface PanelPage {
  /** webview.cspSource */
  cspSource: string;
  title: string;
  scripts: string[];
  styles: string[];
  /** codicon.css: the icon components of the kit look it up by its id. */
  icons: string;
  /** Monaco writes style elements and attributes; scripts stay bound to the nonce. */
  inlineStyles?: boolean;
  /** How long its files may take, in milliseconds. */
  patienceMs: number;
}

/** A webview's page. Nothing is inline but what carries the nonce, nothing is loaded from elsewhere, no data is in it. */
export function panelHtml(page: PanelPage, nonce = randomBytes(18).toString('base64')): string {
  const { cspSource } = page;
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    // Setting element.style from a script needs no 'unsafe-inline': style attributes in markup stay forbidden.
    `style-src ${cspSource}${page.inlineStyles === true ? ` 'unsafe-inline'` : ''}`,
    `font-src ${cspSource}`,
    `img-src ${cspSource} data:`,
  ].join('; ');
  const links = page.styles.map((href) => `<link rel="stylesheet" href="${attribute(href)}">`).join('\n    ');
  const scripts = page.scripts
    .map((src) => `<script nonce="${attribute(nonce)}" src="${attribute(src)}"></script>`)
    .join('\n    ');
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${attribute(page.title)}</title>
    <script nonce="${attribute(nonce)}">${pageLoadScript(page.patienceMs)}</script>
    <link rel="stylesheet" id="vscode-codicon-stylesheet" href="${attribute(page.icons)}" nonce="${attribute(nonce)}">
    ${links}
  </head>
  <body>
    <div id="app"></div>
    ${scripts}
  </body>
</html>
`;
}

const attribute = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
