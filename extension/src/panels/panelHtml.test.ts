import { expect, test } from 'vitest';
import { panelHtml } from './panelHtml.ts';

const page = {
  cspSource: 'https://webview.test',
  title: 'a "b" <c>',
  scripts: ['s.js?x=1&y=2'],
  styles: ['a.css'],
  icons: 'i.css',
  patienceMs: 4000,
};

test('nothing runs or loads but what the policy names, and every script carries the nonce', () => {
  const html = panelHtml(page, 'N0nce');
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)![1]!;
  expect(policy).toBe(
    "default-src 'none'; script-src 'nonce-N0nce'; style-src https://webview.test; font-src https://webview.test; img-src https://webview.test data:",
  );
  expect(policy).not.toContain('unsafe');
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html.match(/<script nonce="N0nce"/g)).toHaveLength(2);
  // Before anything that may fail to load.
  expect(html.indexOf('<script nonce="N0nce">')).toBeLessThan(html.indexOf('<link'));
  expect(html).toContain('<script nonce="N0nce" src="s.js?x=1&amp;y=2">');
  expect(html).toContain('<title>a &quot;b&quot; &lt;c&gt;</title>');
});

test('with the source editor styles may be inline, and scripts still need the nonce', () => {
  const html = panelHtml({ ...page, scripts: ['a.js', 'b.js'], inlineStyles: true }, 'N0nce');
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)![1]!;
  expect(policy).toContain("style-src https://webview.test 'unsafe-inline';");
  expect(policy.replace(/style-src[^;]*;/, '')).not.toContain('unsafe');
  expect(html.match(/<script nonce="N0nce" src/g)).toHaveLength(2);
});

test('each page has a nonce of its own, of 18 random bytes', () => {
  const nonces = new Set(Array.from({ length: 20 }, () => /nonce-([^']+)'/.exec(panelHtml(page))![1]!));
  expect(nonces.size).toBe(20);
  for (const nonce of nonces) expect(Buffer.from(nonce, 'base64')).toHaveLength(18);
});
