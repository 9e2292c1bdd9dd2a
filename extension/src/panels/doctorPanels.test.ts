import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { WebviewPanel } from 'vscode';
import type { DoctorCheck, DoctorReport, DoctorToPanel } from '@ringside/core/model';
import type { CallOptions } from '@ringside/core/rpc';
import { ExtensionError } from '../errors.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { DoctorPanels } = await import('./doctorPanels.ts');
const { parseDoctorState, parseDoctorToHost } = await import('./doctorGuards.ts');

const check = (given: Partial<DoctorCheck>): DoctorCheck => ({
  ...{ id: 'jit', title: 'JIT compiler', status: 'ok', detail: 'on', why: 'speed', remedy: '' },
  ...given,
});
const report = (name: string): DoctorReport => ({
  host: {
    ...{ name, kernel: '6.1', arch: 'x86_64', distro: 'Debian', cpus: 2, btf: true, lockdown: '', jit: '1' },
    ...{ tracefs: '/t', bpffs: '/b', unprivilegedBpf: '2', uid: 0, capabilities: [], readOnly: false },
  },
  compiler: null,
  checks: [
    check({}),
    check({ id: 'bpffs', title: 'bpffs', status: 'warn', detail: 'not mounted', remedy: 'mount it' }),
  ],
  features: { programTypes: {}, mapTypes: {}, attach: { kprobe: { ok: true, reason: '' } }, other: {} },
});

/** A doctor that answers host by host, when the test says so. */
function doctors(hosts: string[]) {
  const fake = new FakeEngine();
  const calls = new Map<
    string,
    { options: CallOptions; resolve: (r: DoctorReport) => void; reject: (e: unknown) => void }
  >();
  fake.answers.doctor = (host, options = {}) =>
    new Promise<DoctorReport>((resolve, reject) => {
      calls.set(host, { options, resolve, reject });
      options.signal?.addEventListener('abort', () =>
        reject(new ExtensionError({ code: 'cancelled', message: 'Cancelled.' })),
      );
    });
  const context = fakeContext(fake);
  const made: FakePanel<DoctorToPanel>[] = [];
  Object.assign(mock.window, {
    createWebviewPanel: (_type: string, title: string) => {
      const panel = Object.assign(new FakePanel<DoctorToPanel>(), { title });
      made.push(panel);
      return panel;
    },
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
  });
  const panels = new DoctorPanels({ ...context, extensionUri: mock.Uri.file('/ext') as never });
  panels.open(hosts.length === 1 ? hosts[0]! : 'web', hosts);
  const panel = made[0]!;
  panel.send({ type: 'ready' });
  const last = (host: string) =>
    panel.sent.flatMap((m) => (m.type === 'host' ? m.host : m.hosts)).findLast((h) => h.name === host)!;
  return { context, fake, made, panels, panel, calls, last };
}

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.shown.length = 0;
  mock.env.copied = '';
});

test('a check shows its steps while it runs, and its report when it ends', async () => {
  const { panel, calls, last } = doctors(['web-1']);
  expect(panel.title).toBe('Doctor · web-1');
  expect(panel.webview.html).toContain('/ext/dist/panels/doctor.js');
  expect(last('web-1').state).toBe('running');
  calls.get('web-1')!.options.progress!({ step: 'Uploading agent', done: 1, total: 2 });
  expect(last('web-1').step).toBe('Uploading agent (50 %)');
  calls.get('web-1')!.resolve(report('web-1'));
  await vi.waitFor(() => expect(last('web-1').state).toBe('done'));
  expect(last('web-1')).toMatchObject({ step: '', error: null, report: { checks: [{ id: 'jit' }, { id: 'bpffs' }] } });
});

test('hosts have results of their own: one that cannot be reached says why, in the panel and in the text', async () => {
  const { panel, calls, last } = doctors(['web-1', 'web-2']);
  calls.get('web-1')!.resolve(report('web-1'));
  calls.get('web-2')!.reject(new ExtensionError({ code: 'auth-failed', message: 'No key fits.', remedy: 'Add one.' }));
  await vi.waitFor(() => expect(last('web-2').state).toBe('failed'));
  expect(last('web-2')).toMatchObject({ report: null, error: { code: 'auth-failed', remedy: 'Add one.' } });
  panel.send({ type: 'copy-all' });
  await vi.waitFor(() => expect(mock.env.copied).not.toBe(''));
  expect(mock.env.copied).toMatch(/web-1: Debian[\s\S]*! bpffs\n {4}not mounted\n {4}→ mount it/);
  expect(mock.env.copied).toMatch(/web-2: ✗ No key fits\. \(auth-failed\)\n {4}→ Add one\./);
  expect(mock.shown).toEqual([]);
});

test('Cancel ends what runs and what waits, and keeps the report of before', async () => {
  const hosts = Array.from({ length: 10 }, (_, i) => `web-${i}`);
  const { panel, calls, last, fake } = doctors(hosts);
  expect(fake.called('doctor')).toHaveLength(8);
  expect(last('web-9').state).toBe('waiting');
  calls.get('web-0')!.resolve(report('web-0'));
  await vi.waitFor(() => expect(fake.called('doctor')).toHaveLength(9));
  panel.send({ type: 'run', host: 'web-0' });
  panel.send({ type: 'cancel' });
  await vi.waitFor(() => expect(hosts.every((host) => last(host).state === 'cancelled')).toBe(true));
  expect(last('web-0').report).not.toBeNull();
});

test('the same host is shown in the tab that it has, and checked again there', async () => {
  const { panels, made, calls, fake, last } = doctors(['web-1']);
  panels.open('web-1', ['web-1']);
  expect(fake.called('doctor')).toHaveLength(1);
  calls.get('web-1')!.resolve(report('web-1'));
  await vi.waitFor(() => expect(last('web-1').state).toBe('done'));
  panels.open('web-1', ['web-1']);
  expect(fake.called('doctor')).toHaveLength(2);
  expect(made).toHaveLength(1);
});

test('a closed tab cancels its checks', () => {
  const { panel, calls } = doctors(['web-1']);
  panel.dispose();
  expect(calls.get('web-1')!.options.signal!.aborted).toBe(true);
});

test('after a reload the tab asks no host by itself', async () => {
  const { panels, fake } = doctors(['web-1']);
  const restored = new FakePanel<DoctorToPanel>();
  await panels.deserializeWebviewPanel(restored as unknown as WebviewPanel, { title: 'web-2', hosts: ['web-2'] });
  restored.send({ type: 'ready' });
  expect(restored.sent).toMatchObject([
    { type: 'hosts', hosts: [{ name: 'web-2', report: null, state: 'cancelled' }] },
  ]);
  expect(fake.called('doctor')).toHaveLength(1);
  restored.send({ type: 'run', host: null });
  expect(fake.called('doctor')).toHaveLength(2);
});

describe('what the page sends', () => {
  test.each([null, 1, { type: 'other' }, { type: 'run', host: 3 }, { type: 'copy', text: 'x'.repeat(100_000) }])(
    'refused: %j',
    (message) => {
      expect(parseDoctorToHost(message)).toBeNull();
    },
  );

  test.each([
    null,
    {},
    { title: 'a', hosts: [] },
    { title: 'a', hosts: [1] },
    { title: 'a', hosts: Array(300).fill('a') },
  ])('no state: %j', (state) => {
    expect(parseDoctorState(state)).toBeNull();
  });
});
