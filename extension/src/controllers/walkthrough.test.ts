/** The walkthrough in a window without a folder, as it is right after the installation: no step leads nowhere. */
import { beforeEach, expect, test, vi } from 'vitest';
import { DisposableStore } from '../disposable.ts';
import { walkthroughs } from '../contributionsWalkthrough.ts';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { Command } = await import('../contributions.ts');
const { registerAttachCommands } = await import('./attachCommands.ts');
const { registerExplorer } = await import('./explorerController.ts');
const { registerGalleryView } = await import('./galleryView.ts');
const { registerHostsView } = await import('./hostsView.ts');
const { registerRunsView } = await import('./runsView.ts');
const { registerVerify } = await import('./verifyController.ts');

const nothing = () => ({ dispose: () => undefined });
/** What the person was asked or told, and what came of it. */
let seen: string[];

/** A picker that is left as soon as it stands there. */
class LeftPick {
  title = '';
  value = '';
  placeholder = '';
  items: unknown[] = [];
  readonly #hidden = new mock.EventEmitter<void>();
  onDidHide = this.#hidden.event;
  onDidChangeValue = nothing;
  onDidAccept = nothing;
  show(): void {
    seen.push(`asks: ${this.title}`);
    this.#hidden.fire();
  }
  dispose(): void {
    this.items = [];
  }
}

beforeEach(() => {
  seen = [];
  mock.shown.length = 0;
  mock.registered.clear();
  mock.window.opened.length = 0;
  mock.defaults.set('ringside.hostGroups', {}).set('ringside.readOnlyHosts', []);
  Object.assign(mock.dialogs, {
    input: (title: string) => void seen.push(`asks: ${title}`),
    path: ({ title }: { title: string }) => void seen.push(`asks: ${title}`),
    pick: (items: unknown[]) => items[0],
  });
  Object.assign(mock.window, { createQuickPick: () => new LeftPick(), registerUriHandler: nothing });
  Object.assign(mock.languages, { registerCodeActionsProvider: nothing });
  Object.assign(mock, { CodeActionKind: { QuickFix: 'quickfix' } });
  const events = ['onDidSaveTextDocument', 'onDidChangeTextDocument', 'onDidDeleteFiles', 'onDidGrantWorkspaceTrust'];
  Object.assign(mock.workspace, Object.fromEntries(events.map((event) => [event, nothing])));
});

const template = { name: 'execsnoop', title: 'Programs that start', source: 'execsnoop.bpf.c', description: '' };

function make() {
  const fake = new FakeEngine().works();
  fake.answers.hosts = () => [];
  fake.answers.templates = () => [{ ...template, needs: { kernel: '5.8', features: [] } }];
  fake.answers.createFromTemplate = (_name, folder) => ({ source: `${folder}/execsnoop.bpf.c` });
  const opens = { open: (what: unknown) => void seen.push(`opens: ${JSON.stringify(what).slice(0, 40)}`) };
  const context = {
    ...fakeContext(fake),
    ...{ disposables: new DisposableStore(), doctors: opens, panels: opens, charts: opens, explorers: opens },
  };
  for (const register of [registerAttachCommands, registerExplorer, registerGalleryView, registerHostsView])
    register(context as never);
  for (const register of [registerRunsView, registerVerify]) register(context as never);
  return context;
}

/** The buttons of a step that are ours. */
const commandsOf = (id: string): string[] => {
  const { description } = walkthroughs[0]!.steps.find((step) => step.id === id)!;
  return [...description.matchAll(/\(command:(ringside\.[^)]+)\)/g)].flatMap(([, command]) =>
    command!.endsWith('.focus') ? [] : [command!],
  );
};

async function press(id: string): Promise<string[]> {
  for (const command of commandsOf(id)) await mock.registered.get(command)!();
  return [...seen, ...mock.shown.map(({ text }) => `says: ${text}`)];
}

const noProgram = 'says: No BPF program is open. Open a .bpf.c file, or take one from the gallery.';

test.each([
  ['trust', []],
  ['host', ['asks: Connect to Host', 'asks: Add Host (1/2)']],
  ['doctor', ['asks: Check What the Host Can Do']],
  ['create', ['asks: New program: execsnoop']],
  ['attach', [noProgram]],
  ['rows', ['says: Nothing has been attached yet. Open a BPF program and press F5, or take one from the gallery.']],
  ['verify', [noProgram]],
  ['explore', ['asks: Open Verifier Log', noProgram]],
])('the step "%s" asks for what it needs, or says it', async (id, wanted) => {
  make();
  expect(await press(id)).toEqual(wanted);
});

test('every step is looked at', () => {
  expect(walkthroughs[0]!.steps.map(({ id }) => id)).toEqual([
    ...['trust', 'host', 'doctor', 'create', 'attach', 'rows', 'verify', 'explore'],
  ]);
});

test('a program of the gallery goes below a folder of the machine, and is opened', async () => {
  const { fake } = make();
  mock.dialogs.path = () => mock.Uri.file('/home/me/probes');
  await mock.registered.get(Command.snippetCreate)!();
  expect(fake.called('createFromTemplate')).toEqual([['execsnoop', '/home/me/probes/execsnoop']]);
  expect(mock.window.opened).toEqual([mock.Uri.file('/home/me/probes/execsnoop/execsnoop.bpf.c')]);
  expect(mock.shown).toEqual([]);
});

test('rows are shown as soon as something is attached', async () => {
  const { runs } = make();
  runs.update(aRun());
  expect(await press('rows')).toEqual([expect.stringMatching(/^opens: {"id":"run-1"/)]);
});
