import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFromTemplate, listTemplates, parseManifest } from './gallery.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const gallery = join(root, 'bpf-snippets');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringside-gallery-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the gallery', () => {
  it('has the eight first programs', async () => {
    const names = (await listTemplates(root)).map((template) => template.name);
    expect(names).toEqual([
      'cpuprofile',
      'execsnoop',
      'exitsnoop',
      'openlat',
      'opensnoop',
      'syscount',
      'tcpconnect',
      'xdpcount',
    ]);
  });

  it('has manifests that name maps and fields of their sources, and nothing the schema does not know', async () => {
    const schema = JSON.parse(await readFile(join(gallery, 'manifest.schema.json'), 'utf8')) as {
      properties: Record<string, unknown>;
      required: string[];
    };
    for (const template of await listTemplates(root)) {
      const manifest = JSON.parse(await readFile(join(gallery, template.name, 'manifest.json'), 'utf8')) as object;
      const source = await readFile(join(gallery, template.name, template.source), 'utf8');
      const view = template.defaultView;
      const map = 'map' in view ? view.map : view.stream;
      expect(Object.keys(manifest).filter((key) => !(key in schema.properties))).toEqual([]);
      expect(schema.required.filter((key) => !(key in manifest))).toEqual([]);
      expect(source, template.name).toMatch(new RegExp(`\\} ${map} SEC\\("\\.maps"\\);`));
      for (const column of template.columns.filter((name) => name !== 'key' && name !== 'value')) {
        expect(source, `${template.name} ${column}`).toMatch(
          new RegExp(`\\b${column.split('.').at(-1)!}(\\[\\w+\\])?;`),
        );
      }
    }
  });

  it('has sources with a GPL-compatible licence that count what a full ring loses', async () => {
    for (const template of await listTemplates(root)) {
      const source = await readFile(join(gallery, template.name, template.source), 'utf8');
      expect(source).toMatch(/^\/\/ SPDX-License-Identifier: MIT OR GPL-2\.0-only\n/);
      expect(source).toContain('char LICENSE[] SEC("license") = "Dual MIT/GPL";');
      const reserves = source.match(/bpf_ringbuf_reserve\(&(\w+)/g)?.length ?? 0;
      expect(source.match(/count_lost\(\w+\);/g)?.length ?? 0, template.name).toBe(reserves);
    }
  });

  it('has editor snippets whose placeholders VS Code understands', async () => {
    const snippets = JSON.parse(await readFile(join(gallery, 'snippets', 'c.json'), 'utf8')) as Record<
      string,
      { prefix: string; description: string; body: string[] }
    >;
    const prefixes = Object.values(snippets).map((snippet) => snippet.prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    for (const { prefix, description, body } of Object.values(snippets)) {
      expect(prefix).toMatch(/^bpf-[a-z-]+$/);
      expect(description).not.toBe('');
      const text = body.join('\n');
      // Whatever follows a "$" is a tab stop; and each one that is mirrored is also declared.
      expect(text.match(/\$(?!\d|\{\d+[:|])/g)).toBeNull();
      for (const [, mirrored] of text.matchAll(/\$([1-9])/g)) expect(text).toContain(`\${${mirrored!}`);
    }
  });
});

describe('createFromTemplate', () => {
  it('makes a folder that builds alone and attaches with F5', async () => {
    const created = await createFromTemplate(root, 'xdpcount', join(folder, 'mine'));
    expect(created.source).toBe(join(folder, 'mine', 'xdpcount.bpf.c'));
    expect((await readdir(join(folder, 'mine'))).sort()).toEqual([
      '.vscode',
      'lost.h',
      'manifest.json',
      'xdpcount.bpf.c',
      'xdpcount.bpf.test.json',
    ]);
    expect(created.files.sort()).toEqual([
      '.vscode/launch.json',
      'lost.h',
      'manifest.json',
      'xdpcount.bpf.c',
      'xdpcount.bpf.test.json',
    ]);
    const launch = JSON.parse(await readFile(join(folder, 'mine/.vscode/launch.json'), 'utf8')) as unknown;
    expect(launch).toMatchObject({
      configurations: [{ type: 'ringside', request: 'launch', host: 'local', targets: { iface: 'lo' } }],
    });
  });

  it('overwrites nothing and leaves nothing half done', async () => {
    await writeFile(join(folder, 'lost.h'), 'mine');
    await expect(createFromTemplate(root, 'execsnoop', folder)).rejects.toMatchObject({ code: 'file-exists' });
    expect(await readdir(folder)).toEqual(['lost.h']);
  });

  it('names the templates that there are', async () => {
    await expect(createFromTemplate(root, '../execsnoop', folder)).rejects.toMatchObject({
      code: 'unknown-template',
      remedy: expect.stringContaining('execsnoop') as string,
    });
  });

  it('says that a file stands where the folder should be', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(createFromTemplate(root, 'execsnoop', join(folder, 'file'))).rejects.toMatchObject({
      code: expect.stringMatching(/file-exists|not-writable/) as string,
    });
  });

  it('says when there is no gallery', async () => {
    await expect(listTemplates(folder)).rejects.toMatchObject({ code: 'file-not-found' });
  });
});

describe('parseManifest', () => {
  const good = {
    title: 'T',
    description: 'D',
    source: 'a.bpf.c',
    needs: { kernel: '5.8', features: ['xdp'] },
    targets: {},
    defaultView: { map: 'm' },
    columns: ['key'],
  };

  it('takes a good one', () => {
    expect(parseManifest('a', JSON.stringify(good))).toEqual({ name: 'a', ...good });
  });

  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no title', JSON.stringify({ ...good, title: '' })],
    ['a source elsewhere', JSON.stringify({ ...good, source: '../b.bpf.c' })],
    ['no kernel', JSON.stringify({ ...good, needs: { features: [] } })],
    ['a target that is no text', JSON.stringify({ ...good, targets: { iface: 1 } })],
    ['two views', JSON.stringify({ ...good, defaultView: { map: 'm', stream: 's' } })],
    ['no columns', JSON.stringify({ ...good, columns: 'key' })],
  ])('refuses %s', (_, json) => {
    expect(() => parseManifest('a', json)).toThrow(/manifest of a is broken/);
  });

  it('leaves out folders without a manifest and reports broken ones', async () => {
    await mkdir(join(folder, 'bpf-snippets', 'include'), { recursive: true });
    expect(await listTemplates(folder)).toEqual([]);
    await mkdir(join(folder, 'bpf-snippets', 'x'));
    await writeFile(join(folder, 'bpf-snippets', 'x', 'manifest.json'), '{}');
    await expect(listTemplates(folder)).rejects.toMatchObject({ code: 'bad-value' });
  });
});
