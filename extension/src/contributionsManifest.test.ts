import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Command, ContextKey, Setting, View } from './contributions.ts';
import { applyManifest, manifest } from './contributionsManifest.ts';

const packagePath = new URL('../../package.json', import.meta.url);

test('package.json is what the generator writes (else run `node extension/generate.mjs`)', () => {
  const text = readFileSync(packagePath, 'utf8');
  expect(JSON.parse(text)).toEqual(JSON.parse(applyManifest(text)));
});

test('every command has a title, and every menu entry names a command that exists', () => {
  const known = new Set<string>(Object.values(Command));
  expect(manifest.contributes.commands.map((c) => c.command).sort()).toEqual([...known].sort());
  for (const items of Object.values(manifest.contributes.menus)) {
    for (const item of items) expect(known).toContain(item.command);
  }
  const links = JSON.stringify(manifest.contributes.viewsWelcome).matchAll(/(?:command|onCommand):(ringside[\w.]+)/g);
  for (const [, id] of links) expect(known).toContain(id);
});

test('settings that name a command, a path or a way to a host are restricted and never from a workspace', () => {
  const properties = manifest.contributes.configuration.properties as Record<string, { scope: string }>;
  expect(Object.keys(properties).sort()).toEqual(Object.values(Setting).sort());
  for (const id of manifest.capabilities.untrustedWorkspaces.restrictedConfigurations) {
    expect(properties[id]?.scope).toMatch(/^(application|machine-overridable)$/);
  }
  expect(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations).toContain(Setting.clangPath);
});

test('files that the manifest names are there', () => {
  const paths = JSON.stringify(manifest).matchAll(/"(extension\/media\/[^"]+)"/g);
  for (const [, path] of paths) {
    expect(() => readFileSync(new URL(`../../${path!}`, import.meta.url)), path).not.toThrow();
  }
});

test('every step of the walkthrough leads on: its buttons are commands that exist, and something completes it', () => {
  const known = new Set<string>([
    ...Object.values(Command),
    ...Object.values(View).map((view) => `${view}.focus`),
    'workbench.trust.manage',
  ]);
  const keys = new RegExp(`^(isWorkspaceTrusted|${ContextKey.running}|activeWebviewPanelId == ringside\\.\\w+)$`);
  const [{ steps }] = manifest.contributes.walkthroughs as [(typeof manifest.contributes.walkthroughs)[number]];
  expect(steps.map(({ id }) => id)).toEqual([
    ...['trust', 'host', 'doctor', 'create', 'attach', 'rows', 'verify', 'explore'],
  ]);
  for (const { id, description, completionEvents, media } of steps) {
    const buttons = [...description.matchAll(/^\[[^\]]+\]\(command:([^)]+)\)$/gm)].map(([, command]) => command!);
    expect(buttons.length, id).toBeGreaterThan(0);
    for (const command of buttons) expect(known).toContain(command);
    expect(completionEvents.length, id).toBeGreaterThan(0);
    for (const event of completionEvents) {
      const [, kind, what] = /^on(Command|Context):(.+)$/.exec(event) ?? [];
      if (kind === 'Command') expect(known).toContain(what);
      else expect(what, id).toMatch(keys);
    }
    expect(media.altText.length, id).toBeGreaterThan(20);
  }
});

test('the pictures of the walkthrough have the colours of the theme and no others', () => {
  for (const { media } of manifest.contributes.walkthroughs[0]!.steps) {
    const picture = readFileSync(new URL(`../../${media.svg}`, import.meta.url), 'utf8');
    const colours = [...picture.matchAll(/(?:fill|stroke)="([^"]*)"/g)].map(([, colour]) => colour!);
    expect(colours.filter((colour) => colour !== 'none' && !/^var\(--vscode-[\w-]+\)$/.test(colour))).toEqual([]);
  }
});
