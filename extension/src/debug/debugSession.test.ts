import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { ErrorData } from '@ringside/core/rpc';
import type { AppContext } from '../appContext.ts';
import { aProgram, aRun, aStream } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { RingsideDebugSession } = await import('./debugSession.ts');

interface Message {
  type: string;
  event?: string;
  command?: string;
  success?: boolean;
  body?: {
    output?: string;
    category?: string;
    source?: { path: string };
    line?: number;
    supportsRestartRequest?: boolean;
  };
}

function session(fake?: FakeEngine) {
  const context = fakeContext(fake);
  const adapter = new RingsideDebugSession(context as unknown as AppContext);
  const messages: Message[] = [];
  adapter.onDidSendMessage((message) => messages.push(message as Message));
  let seq = 0;
  /** Sends a request and gives its response. */
  const ask = async (command: string, args?: object): Promise<Message> => {
    const from = messages.length;
    adapter.handleMessage({ seq: ++seq, type: 'request', command, arguments: args });
    await vi.waitFor(() =>
      expect(messages.slice(from).some((m) => m.type === 'response' && m.command === command)).toBe(true),
    );
    return messages.slice(from).find((m) => m.type === 'response' && m.command === command)!;
  };
  const output = (): string[] => messages.filter((m) => m.event === 'output').map((m) => m.body!.output!.trimEnd());
  const events = (): string[] =>
    messages.flatMap((m) => (m.type === 'event' && m.event !== 'output' ? [m.event!] : []));
  return { context, adapter, messages, ask, output, events };
}

const launch = { program: '/w/execsnoop.bpf.c', host: 'web-1' };
const attachment = {
  host: 'web-1',
  program: 'handle_exec',
  section: 'tp/x',
  target: 'sched:sched_process_exec',
  link: { id: 1, kind: 'perf' },
};

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
  mock.defaults.set('ringside.agent.ephemeral', false);
  mock.shown.length = 0;
});

test('launch attaches, stop detaches and the session ends with the figures', async () => {
  const fake = new FakeEngine().works();
  fake.answers.attach = () => aRun({ attachments: [attachment] });
  fake.answers.detach = () =>
    aRun({ state: 'ended', endReason: 'interrupt', ledger: { streams: [aStream({ delivered: 1234 })] } });
  const { ask, output, events } = session(fake);
  expect((await ask('initialize')).body?.supportsRestartRequest).toBe(true);
  expect((await ask('launch', launch)).success).toBe(true);
  expect(output()).toContain('handle_exec attached to sched:sched_process_exec on web-1');
  await ask('disconnect');
  expect(fake.called('detach')).toEqual([['run-1']]);
  expect(output().at(-1)).toBe('execsnoop detached from web-1 · 1,234 events, lost 0');
  expect(events()).toEqual(['initialized', 'thread', 'terminated']);
});

describe('a run that is kept', () => {
  const kept = [{ host: 'web-1', run: '0123abcd', expires: String(BigInt(Date.now() + 7_200_000) * 1_000_000n) }];
  const keeping = async () => {
    const fake = new FakeEngine().works();
    fake.answers.keep = (id) => aRun({ id, kept });
    fake.answers.leave = (id) => aRun({ id, kept, state: 'ended', endReason: 'interrupt' });
    const one = session(fake);
    await one.ask('launch', { ...launch, keep: '2h' });
    return { fake, ...one };
  };

  test('launch keeps it for as long as the configuration says', async () => {
    const { fake, output } = await keeping();
    expect(fake.called('keep')).toEqual([['run-1', 7_200]]);
    expect(output().join()).toMatch(/execsnoop on web-1: kept until .*, also without this window/);
  });

  test("Disconnect and the window's end leave it", async () => {
    const { fake, ask, output, events } = await keeping();
    await ask('disconnect');
    expect([fake.called('leave'), fake.called('detach')]).toEqual([[['run-1']], []]);
    expect(output().at(-1)).toMatch(/^execsnoop goes on on web-1 until /);
    expect(events()).toContain('terminated');
    const other = await keeping();
    other.adapter.dispose();
    await vi.waitFor(() => expect(other.fake.called('leave')).toHaveLength(1));
    expect(other.fake.called('detach')).toEqual([]);
  });

  test('Stop ends it', async () => {
    const { fake, ask } = await keeping();
    await ask('terminate');
    expect([fake.called('leave'), fake.called('detach')]).toEqual([[], [['run-1']]]);
    const other = await keeping();
    await other.ask('disconnect', { terminateDebuggee: true });
    expect(other.fake.called('detach')).toHaveLength(1);
  });

  test('that cannot be kept as asked is not begun', async () => {
    const fake = new FakeEngine().works();
    fake.answers.keep = () => {
      throw Object.assign(new Error('full'), { code: 'not-writable', remedy: 'r', detail: '', links: [] });
    };
    const { ask, events } = session(fake);
    expect((await ask('launch', { ...launch, keep: '2h' })).success).toBe(false);
    expect(fake.called('detach')).toEqual([['run-1']]);
    expect(events()).toContain('terminated');
  });
});

test("printk of this run is the program's output with its place, also what came before the answer to attach", async () => {
  const fake = new FakeEngine().works({ programs: [aProgram()] });
  const print = (text: string) => ({ type: 'print', host: 'web-1', program: 'handle_exec', time: '1', text }) as const;
  const { ask, output, messages } = session(fake);
  const works = fake.answers.attach!;
  fake.answers.attach = (...args) => {
    fake.emit('runEvents', 'run-1', [print('early\n')]);
    fake.emit('runEvents', 'other', [print('not mine')]);
    return works(...args);
  };
  await ask('launch', launch);
  fake.emit('runEvents', 'run-1', [print('hello\n')]);
  fake.emit('runEvents', 'other', [print('not mine')]);
  expect(output().filter((line) => line.startsWith('web-1:'))).toEqual(['web-1: early', 'web-1: hello']);
  const line = messages.find((m) => m.body?.output === 'web-1: hello\n');
  expect(line?.body).toMatchObject({ category: 'stdout', source: { path: '/w/execsnoop.bpf.c' }, line: 20 });
});

test('map dumps that the configuration asks for are printed, the first entries of each', async () => {
  const { ask, output, context } = session();
  await ask('launch', { ...launch, mapsSeconds: 1 });
  expect(context.fake.called('attach')[0]![0]).toMatchObject({ mapsSeconds: 1 });
  const entries = Array.from({ length: 22 }, (_, pid) => ({ key: { pid }, value: '7' }));
  context.fake.emit('runEvents', 'run-1', [{ type: 'map', host: 'web-1', map: 'counts', entries }]);
  const lines = output().filter((line) => line.startsWith('web-1 counts:'));
  expect(lines).toHaveLength(21);
  expect(lines[0]).toBe('web-1 counts: {"pid":0} = "7"');
  expect(lines[20]).toBe('web-1 counts: … 2 more');
});

test('a flood of lines is cut and what was left out is counted', async () => {
  const { ask, output, context } = session();
  await ask('launch', launch);
  const print = { type: 'print', host: 'h', program: 'p', time: '1', text: 'x' } as const;
  const now = vi.spyOn(performance, 'now').mockReturnValue(10_000);
  context.fake.emit(
    'runEvents',
    'run-1',
    Array.from({ length: 1000 }, () => print),
  );
  expect(output().filter((line) => line === 'h: x')).toHaveLength(200);
  now.mockReturnValue(11_001);
  context.fake.emit('runEvents', 'run-1', [print]);
  now.mockRestore();
  expect(output()).toContain('… 800 lines not shown here; the trace panel has them');
});

test('restart puts a new version into the run, and the session says what became of its maps', async () => {
  const { ask, events, output, context } = session();
  await ask('launch', launch);
  expect((await ask('restart')).success).toBe(true);
  const maps = [
    { map: 'events', fate: 'kept', reason: '', entries: 0 },
    { map: 'counts', fate: 'reset', reason: 'its key size was 4, it is 8', entries: 0 },
  ] as const;
  context.fake.emit('runEvents', 'run-1', [{ type: 'swapped', host: 'web-1', overlapNanos: 250_000, maps: [...maps] }]);
  expect(output()).toContain('Replaced on web-1: kept events; reset counts (its key size was 4, it is 8)');
  expect(events()).toEqual(['thread']);
  await ask('terminate');
  expect(context.fake.called('detach').map(([id]) => id)).toEqual(['run-1']);
  expect(events().at(-1)).toBe('terminated');
});

test('a run that ends by itself ends the session and says why', async () => {
  const { ask, events, output, context } = session();
  await ask('launch', launch);
  const error = {
    code: 'host-lost',
    message: 'web-1 is gone.',
    remedy: 'Look at the network.',
    detail: '',
    links: [],
  } satisfies ErrorData;
  context.fake.emit('run', aRun({ state: 'ended', endReason: 'host-lost', error }));
  expect(output().at(-1)).toContain('web-1 is gone. Look at the network.');
  expect(events().at(-1)).toBe('terminated');
});

test('a failed launch is answered, shown once by us, and ends the session', async () => {
  const fake = new FakeEngine().works();
  fake.answers.attach = () => {
    throw Object.assign(new Error('web-1 refused: sudo needs a password.'), {
      code: 'sudo-denied',
      remedy: 'Give it.',
      detail: '',
      links: [],
    });
  };
  const { ask, events, output } = session(fake);
  const answer = await ask('launch', launch);
  expect(answer).toMatchObject({ success: false, body: { error: { showUser: false } } });
  expect(mock.shown.map((message) => message.text)).toEqual(['web-1 refused: sudo needs a password. Give it.']);
  expect(output().at(-1)).toBe('web-1 refused: sudo needs a password. Give it.');
  expect(events()).toEqual(['terminated']);
});

test('stop while it attaches aborts the attach', async () => {
  const fake = new FakeEngine().works();
  fake.answers.attach = (_spec, call) =>
    new Promise((_resolve, reject) => {
      call!.signal!.addEventListener('abort', () =>
        reject(Object.assign(new Error('Cancelled.'), { name: 'AbortError' })),
      );
    });
  const { ask, events, adapter } = session(fake);
  const launched = ask('launch', launch);
  await vi.waitFor(() => expect(fake.called('attach')).toHaveLength(1));
  await ask('disconnect');
  expect((await launched).success).toBe(false);
  expect(events()).toEqual(['terminated']);
  expect(mock.shown).toEqual([]);
  adapter.dispose();
});

test('pause holds the view and says so; stepping and evaluating are refused', async () => {
  const { ask, events, context } = session();
  await ask('launch', launch);
  await ask('pause');
  await ask('continue');
  expect(context.fake.called('pause')).toEqual([
    ['run-1', true],
    ['run-1', false],
  ]);
  expect(events()).toEqual(['thread', 'stopped']);
  expect((await ask('evaluate', { expression: 'x' })).success).toBe(false);
});

test('a session that VS Code drops takes its run with it', async () => {
  const { ask, adapter, context } = session();
  await ask('launch', launch);
  adapter.dispose();
  await vi.waitFor(() => expect(context.fake.called('detach')).toEqual([['run-1']]));
});

test('what is no request is ignored', () => {
  const { adapter, messages } = session();
  for (const message of [null, 3, {}, { type: 'event' }, { type: 'request', seq: '1', command: 'launch' }])
    adapter.handleMessage(message as never);
  expect(messages).toEqual([]);
});
