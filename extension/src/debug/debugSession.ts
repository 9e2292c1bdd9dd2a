import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { AttachSpec, ProgramInfo, RunEvent, RunSummary } from '@ringside/core/model';
import type { AppContext } from '../appContext.ts';
import { draftSpec } from '../attach/attacher.ts';
import { setting } from '../config.ts';
import { Setting } from '../contributions.ts';
import { DisposableStore } from '../disposable.ts';
import { isDeclined } from '../declined.ts';
import { declinedText, errorData } from '../errors.ts';
import { formatLost, isLive, leftOutText, lostTotal, swapText, withThousands } from '../format.ts';
import { ephemeral, goesOnText, keptText } from '../kept/keeper.ts';
import { launchSpec } from './launchSpec.ts';
import { parseRequest } from './protocol.ts';
import type { DebugRequest, DebugSource, OutputBody } from './protocol.ts';

/** Output lines a second that reach the Debug Console; it grows slow when flooded, and the trace panel has them all. */
const maxLinesPerSecond = 200;
const threadId = 1;

/** F5 for BPF: launch attaches, restart redeploys, stop detaches, pause holds the view; printk is the program's output. */
export class RingsideDebugSession implements vscode.DebugAdapter {
  readonly #context: AppContext;
  readonly #send = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.#send.event;
  readonly #disposables = new DisposableStore();
  readonly #abort = new AbortController();
  #seq = 1;
  #runId: string | undefined;
  #programs: ProgramInfo[] = [];
  #ended = false;
  /** Events of runs that attach while we do: ours may print before we know that it is ours. */
  #early: { runId: string; event: RunEvent }[] | null = null;
  #window = { started: 0, lines: 0, dropped: 0 };

  constructor(context: AppContext) {
    this.#context = context;
    const { engine, runs, attacher } = context;
    this.#disposables.add(this.#send);
    this.#disposables.defer(
      engine.on('runEvents', (runId, events) => {
        for (const event of events) this.#onRunEvent(runId, event);
      }),
    );
    this.#disposables.add(
      runs.onDidChange(({ run }) => {
        if (run.id === this.#runId && !isLive(run) && !attacher.isRestarting(run.id)) this.#terminated(run);
      }),
    );
    this.#disposables.add(
      attacher.onDidReplace(({ before, run }) => {
        if (before !== this.#runId) return;
        if (run === null) this.#terminated(this.#run());
        else this.#attached(run);
      }),
    );
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    const request = parseRequest(message);
    if (request === null) return;
    this.#dispatch(request).then(
      (body) => this.#respond(request, body),
      (error: unknown) => this.#refuse(request, error),
    );
  }

  async #dispatch(request: DebugRequest): Promise<object | undefined> {
    switch (request.command) {
      case 'initialize':
        // "initialized" may follow the answer at any time; nothing is configured in between.
        queueMicrotask(() => this.#event('initialized'));
        return {
          supportsConfigurationDoneRequest: true,
          supportsRestartRequest: true,
          supportsTerminateRequest: true,
          supportTerminateDebuggee: true,
        };
      case 'launch':
        await this.#launch(request.arguments);
        return undefined;
      case 'restart':
        await this.#restart();
        return undefined;
      case 'terminate':
        await this.#stop();
        return undefined;
      case 'disconnect':
        await (wantsEnd(request.arguments) ? this.#stop() : this.#goAway());
        return undefined;
      case 'pause':
      case 'continue':
        return await this.#pause(request.command === 'pause');
      case 'threads':
        return { threads: [{ id: threadId, name: this.#run()?.name ?? 'Ringside' }] };
      case 'stackTrace':
        return { stackFrames: [], totalFrames: 0 };
      case 'scopes':
        return { scopes: [] };
      case 'setBreakpoints':
      case 'setFunctionBreakpoints':
      case 'setExceptionBreakpoints':
        return { breakpoints: [] };
      case 'configurationDone':
        return undefined;
      default:
        throw new Error('Programs in the kernel cannot be stepped or evaluated: filter in the trace panel instead.');
    }
  }

  #run(): RunSummary | undefined {
    return this.#runId === undefined ? undefined : this.#context.runs.get(this.#runId);
  }

  async #launch(args: unknown): Promise<void> {
    const config = (typeof args === 'object' && args !== null ? args : {}) as Record<string, unknown>;
    const program = config['program'];
    if (typeof program !== 'string') throw new Error('The launch configuration names no program.');
    const { keepSeconds, ...spec } = launchSpec(config);
    const draft: AttachSpec = draftSpec(program, spec);
    // Before anything is built, and not after it is attached.
    if (keepSeconds !== undefined && setting(Setting.ephemeral)) throw ephemeral();
    this.#output('console', `Attaching ${basename(program)} to ${draft.hosts.join(', ')} …`);
    this.#early = [];
    const { signal } = this.#abort;
    const keep = keepSeconds === undefined ? {} : { keepSeconds };
    const run = await this.#context.attacher.start(draft, { signal, ...keep });
    if (run === undefined) this.#terminated(undefined);
    else this.#attached(run);
  }

  #attached(run: RunSummary): void {
    this.#runId = run.id;
    this.#programs = this.#context.attacher.programsOf(run.id);
    for (const { program, target, host } of run.attachments) {
      this.#output('console', `${program} attached to ${target} on ${host}`, program);
    }
    if (run.kept.length > 0) this.#output('console', keptText(run));
    for (const left of run.leftOut) this.#output('stderr', leftOutText(left), left.program);
    for (const { about, text } of run.notes) this.#output('console', about === '' ? text : `${about}: ${text}`);
    this.#event('thread', { reason: 'started', threadId });
    const early = this.#early ?? [];
    this.#early = null;
    for (const { runId, event } of early) this.#onRunEvent(runId, event);
  }

  /** The run goes on with the new version, or with the old one when that fails; the error says why. */
  async #restart(): Promise<void> {
    if (this.#runId === undefined) throw new Error('Nothing is attached yet.');
    await this.#context.attacher.restart(this.#runId);
  }

  async #stop(): Promise<void> {
    this.#abort.abort();
    const run = this.#run();
    if (run !== undefined && isLive(run)) await this.#context.attacher.stop(run.id, { maybeClosing: true });
    this.#terminated(this.#run());
  }

  /** The window closes, or the user chose Disconnect: what is kept goes on, the rest is detached. */
  async #goAway(): Promise<void> {
    const run = this.#run();
    if (run !== undefined && isLive(run) && run.kept.length > 0) {
      this.#abort.abort();
      this.#terminated(await this.#context.attacher.leave(run.id));
    } else {
      await this.#stop();
    }
  }

  async #pause(paused: boolean): Promise<object> {
    if (this.#runId === undefined) throw new Error('Nothing is attached yet.');
    await this.#context.attacher.pause(this.#runId, paused);
    if (paused)
      this.#event('stopped', {
        reason: 'pause',
        description: 'The view is paused, the run goes on',
        threadId,
        allThreadsStopped: true,
      });
    return { allThreadsContinued: true };
  }

  #onRunEvent(runId: string, event: RunEvent): void {
    if (event.type === 'swapped' && runId === this.#runId) this.#output('console', swapText(event));
    if (event.type !== 'print' && event.type !== 'map') return;
    if (runId !== this.#runId) {
      if (this.#early !== null && this.#early.length < maxLinesPerSecond) this.#early.push({ runId, event });
    } else if (event.type === 'print') {
      this.#line(`${event.host}: ${event.text.trimEnd()}`, event.program);
    } else {
      for (const line of mapLines(event)) this.#line(line);
    }
  }

  /** One line of a program, unless there are too many: then how many were left out. */
  #line(text: string, program?: string): void {
    const now = performance.now();
    if (now - this.#window.started >= 1000) {
      const { dropped } = this.#window;
      this.#window = { started: now, lines: 0, dropped: 0 };
      if (dropped > 0)
        this.#output('console', `… ${withThousands(dropped)} lines not shown here; the trace panel has them`);
    }
    this.#window.lines += 1;
    if (this.#window.lines > maxLinesPerSecond) this.#window.dropped += 1;
    else this.#output('stdout', text, program);
  }

  #terminated(run: RunSummary | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    if (run !== undefined) {
      const delivered = run.ledger.streams.reduce((sum, stream) => sum + stream.delivered, 0);
      const error = run.error ? `: ${run.error.message} ${run.error.remedy}` : '';
      const what = run.kept.length > 0 ? goesOnText(run) : `${run.name} detached from ${run.hosts.join(', ')}`;
      const text = `${what}${error} · ${withThousands(delivered)} events, ${formatLost(lostTotal([run.ledger]))}`;
      this.#output(run.error ? 'stderr' : 'console', text);
    }
    this.#event('terminated');
  }

  #output(category: OutputBody['category'], text: string, program?: string): void {
    const body: OutputBody = { category, output: `${text}\n` };
    const place = this.#programs.find((info) => info.name === program)?.source;
    if (place) Object.assign(body, { source: sourceOf(place.file), line: place.line });
    this.#event('output', body);
  }

  #event(event: string, body?: object): void {
    this.#post({ type: 'event', event, body });
  }

  #respond(request: DebugRequest, body: object | undefined): void {
    this.#post({ type: 'response', request_seq: request.seq, command: request.command, success: true, body });
  }

  /** A launch that fails is shown with its buttons by us; VS Code gets an answer that it does not show again. */
  #refuse(request: DebugRequest, error: unknown): void {
    const data = errorData(error);
    const ours = request.command === 'launch' || request.command === 'restart';
    if (ours) {
      // Its remedy is an option of the command.
      const remedy = isDeclined(data) ? declinedText(error) : data.remedy;
      this.#output('stderr', `${data.message} ${remedy}`);
      void this.#context.errors.show(error);
    }
    const body = { error: { id: 1, format: data.message, showUser: !ours } };
    this.#post({
      type: 'response',
      request_seq: request.seq,
      command: request.command,
      success: false,
      message: data.message,
      body,
    });
    if (request.command === 'launch') this.#terminated(undefined);
  }

  #post(message: object): void {
    if (!this.#disposables.disposed) this.#send.fire({ seq: this.#seq++, ...message });
  }

  dispose(): void {
    // The window's end, or a session that VS Code gave up: what is attached goes with it.
    this.#abort.abort();
    const run = this.#run();
    if (run !== undefined && isLive(run) && !this.#ended) {
      const { attacher, errors } = this.#context;
      const gone = run.kept.length > 0 ? attacher.leave(run.id) : attacher.stop(run.id, { maybeClosing: true });
      gone.catch((error: unknown) => errors.log(error));
    }
    this.#disposables.dispose();
  }
}

/** VS Code says so when its user asks for the end; at the window's end it says nothing. */
const wantsEnd = (args: unknown): boolean =>
  typeof args === 'object' && args !== null && (args as { terminateDebuggee?: unknown }).terminateDebuggee === true;

/** Entries of one dump that are printed; the trace panel shows them all. */
const maxEntries = 20;

/** A dump that the launch configuration asked for (mapsSeconds): "web-1 counts: 42 = 7". */
function mapLines({ host, map, entries }: Extract<RunEvent, { type: 'map' }>): string[] {
  const lines = entries
    .slice(0, maxEntries)
    .map(({ key, value }) => `${host} ${map}: ${JSON.stringify(key)} = ${JSON.stringify(value)}`);
  const more = entries.length - lines.length;
  return more > 0 ? [...lines, `${host} ${map}: … ${withThousands(more)} more`] : lines;
}

const sourceOf = (path: string): DebugSource => ({ name: basename(path), path });
