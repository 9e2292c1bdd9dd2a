import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Command, Setting } from './contributions.ts';
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
  const links = JSON.stringify([manifest.contributes.viewsWelcome, manifest.contributes.walkthroughs]).matchAll(
    /(?:command|onCommand):(ringside[\w.]+)/g,
  );
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
