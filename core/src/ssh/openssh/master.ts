/** The one ssh process that makes the connection and logs in; every command is a session of it (ControlMaster). */
import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelled, RingsideError, throwIfAborted } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ConnectionState } from '../../model/index.ts';
import type { CallOptions } from '../../progress.ts';
import type { Prompter } from '../../prompt.ts';
import { defaultConfigFiles } from '../configFile.ts';
import { fingerprint } from '../fingerprint.ts';
import { parseHostName } from '../hostName.ts';
import { knownHostsName, matchesHosts, parseKnownHosts } from '../knownHosts.ts';
import { appendKnownHost } from '../knownHostsFiles.ts';
import type { SshOptions } from '../options.ts';
import { IdleTimer } from '../pausingPrompter.ts';
import { neutralize } from '../shell.ts';
import { timeoutError } from '../socket.ts';
import { AskpassServer, type Asked } from './askpass.ts';
import { configText, type NamedHost } from './configText.ts';
import { keeper } from './ending.ts';
import { readFailure, type Typed } from './failure.ts';
import { readPrompt, type OpenSshPrompt } from './prompts.ts';

/** Silence between two steps, people's thinking time not counted. */
const quietSeconds = 30;
/** ssh's own words are kept for the message, up to this. */
const maxStderr = 256 * 1024;
const lastWordsMs = 300;
const readyWord = 'ringside-ready';

export interface MasterOptions {
  /** The host first, then every jump before it. */
  hosts: readonly NamedHost[];
  ssh: SshOptions;
  prompter: Prompter;
  log: Log;
  call: CallOptions;
  onState: (state: ConnectionState) => void;
}

/** A connection that is authenticated. */
export class OpenSshMaster {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #askpass: AskpassServer;
  #stderr = '';
  #over = false;
  readonly #listeners: (() => void)[] = [];

  private constructor(child: ChildProcess, folder: string, askpass: AskpassServer) {
    this.#child = child;
    this.#folder = folder;
    this.#askpass = askpass;
    const end = (): void => {
      if (this.#over) return;
      this.#over = true;
      this.#askpass.close();
      void rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
      for (const listener of this.#listeners.splice(0)) listener();
    };
    child.once('close', end);
    child.once('error', end);
    // A ProxyCommand may hold on to the pipes for longer than ssh lives.
    child.once('exit', () => setTimeout(end, lastWordsMs).unref());
  }

  get over(): boolean {
    return this.#over;
  }

  /** What ssh said, without its debugging lines. */
  get lastWords(): string {
    return this.#stderr
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^(debug\d: |Transferred: |Bytes per second: )/.test(line))
      .join('\n');
  }

  onEnd(listener: () => void): void {
    if (this.#over) queueMicrotask(listener);
    else this.#listeners.push(listener);
  }

  /** Arguments of an ssh that runs a command over this connection; should it be gone, it must not make another one. */
  get sessionArguments(): string[] {
    const options = [
      ...['ControlMaster=no', `ControlPath=${controlPath(this.#folder)}`, 'ProxyCommand=exit 255'],
      ...['RemoteCommand=none', 'LogLevel=ERROR'],
    ];
    return ['-F', join(this.#folder, 'config'), '-T', ...options.flatMap((option) => ['-o', option])];
  }

  /** At once and not when ssh has ended: a command that is done exits before that. */
  end(): void {
    this.#child.stdin?.destroy();
    this.#askpass.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Connects and logs in. On any error nothing stays behind. */
  static async open(options: MasterOptions): Promise<OpenSshMaster> {
    const { hosts, ssh, log, call } = options;
    throwIfAborted(call.signal);
    const [host] = hosts;
    if (host === undefined) throw new Error('no host');
    const folder = await mkdtemp(join(tmpdir(), 'ringside-ssh-'));
    let askpass: AskpassServer | undefined;
    try {
      const newKeys = join(folder, 'known_hosts');
      await writeFile(newKeys, '', { mode: 0o600 });
      const userFiles = defaultConfigFiles(ssh.configFile).map(({ file }) => file);
      await writeFile(join(folder, 'config'), configText(hosts, ssh, newKeys, userFiles), { mode: 0o600 });
      const opening = new Opening(options, newKeys);
      askpass = await AskpassServer.start(folder, (asked) => opening.answer(asked));
      const child = spawn('/bin/sh', ['-c', keeper, 'sh', 'ssh', ...masterArguments(host, folder, ssh)], {
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, ...askpass.environment() },
      });
      child.stdin.on('error', () => undefined);
      const master = new OpenSshMaster(child, folder, askpass);
      log.debug(`${host.resolved.name}: OpenSSH's own ssh makes the connection`);
      await opening.wait(master, child);
      await opening.remember();
      return master;
    } catch (error) {
      askpass?.close();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Called by `Opening` only: ssh's words as they come. */
  hear(text: string): void {
    if (this.#stderr.length > maxStderr) this.#stderr = this.#stderr.slice(-maxStderr / 2);
    this.#stderr += text;
  }

  get heard(): string {
    return this.#stderr;
  }
}

function controlPath(folder: string): string {
  return join(folder, 'c').replaceAll('%', '%%');
}

function masterArguments({ argument, resolved }: NamedHost, folder: string, ssh: SshOptions): string[] {
  const typed = parseHostName(resolved.name);
  const options = [
    ...['ControlMaster=yes', `ControlPath=${controlPath(folder)}`, 'ControlPersist=no'],
    ...['RemoteCommand=none', 'PermitLocalCommand=yes', `LocalCommand=echo ${readyWord}`],
  ];
  return [
    ...['-F', join(folder, 'config'), '-v', '-N', '-T'],
    ...options.flatMap((option) => ['-o', option]),
    ...(typed.user === undefined ? [] : ['-l', typed.user]),
    ...(typed.port === undefined ? [] : ['-p', String(typed.port)]),
    ...(ssh.identityFile === undefined ? [] : ['-i', ssh.identityFile]),
    ...['--', argument],
  ];
}

/** The time from the start of ssh to its login: questions are answered, silence and refusals are noticed. */
class Opening {
  readonly #options: MasterOptions;
  readonly #newKeys: string;
  readonly #host: NamedHost;
  readonly #attempts = new Map<string, number>();
  readonly #remembered: { fingerprint: string; host: NamedHost }[] = [];
  #prompter: Prompter;
  #timer: IdleTimer | undefined;
  readonly #typed: Typed = { passwords: 0, answers: 0, declined: '', locked: [] };
  #fail: (error: RingsideError) => void = () => undefined;
  #heard: () => string = () => '';

  constructor(options: MasterOptions, newKeys: string) {
    this.#options = options;
    this.#newKeys = newKeys;
    this.#host = options.hosts[0]!;
    this.#prompter = options.prompter;
  }

  wait(master: OpenSshMaster, child: ChildProcess): Promise<void> {
    const { call, onState } = this.#options;
    const host = this.#host.resolved;
    onState('checking-key');
    return new Promise((resolve, reject) => {
      let settled = false;
      const finish = (error: RingsideError | undefined): void => {
        if (settled) return;
        settled = true;
        this.#timer?.stop();
        call.signal?.removeEventListener('abort', onAbort);
        if (error === undefined) {
          resolve();
          return;
        }
        master.end();
        reject(error);
      };
      this.#fail = finish;
      this.#heard = () => master.heard;
      const onAbort = (): void => finish(cancelled());
      call.signal?.addEventListener('abort', onAbort, { once: true });
      this.#timer = new IdleTimer(quietSeconds * 1000, () =>
        finish(timeoutError(host, 'connecting and logging in', quietSeconds)),
      );
      this.#prompter = this.#timer.wrap(this.#options.prompter);
      let authenticating = false;
      const saysAuthenticating = (): void => {
        if (authenticating) return;
        authenticating = true;
        onState('authenticating');
      };
      let out = '';
      let heard = '';
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        out = (out + chunk).slice(-1000);
        if (!out.includes(readyWord)) return;
        // The two streams are not in step: what stderr has to say of it may come after the word.
        saysAuthenticating();
        finish(undefined);
      });
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        master.hear(chunk);
        this.#timer?.touch();
        heard = authenticating ? '' : (heard + chunk).slice(-4000);
        if (/^debug1: Authenticating to /m.test(heard)) saysAuthenticating();
      });
      child.once('error', (error) =>
        finish(new RingsideError('ssh-transport', `ssh cannot be started: ${error.message}.`, { cause: error })),
      );
      master.onEnd(() => finish(readFailure(host, master.heard, this.#typed)));
      if (call.signal?.aborted) onAbort();
    });
  }

  /** What ssh asks, put to the person. A refusal ends the whole attempt: ssh would only ask again. */
  async answer({ text, hint }: Asked): Promise<string | undefined> {
    try {
      return await this.#answer(readPrompt(text, hint));
    } catch (error) {
      this.#fail(RingsideError.from(error));
      return undefined;
    }
  }

  async #answer(prompt: OpenSshPrompt): Promise<string | undefined> {
    const { call, log } = this.#options;
    const { name } = this.#host.resolved;
    switch (prompt.kind) {
      case 'notice':
        log.info(`${name}: ${prompt.text}`);
        call.progress?.({ step: prompt.text });
        // ssh ends the program itself when the key was touched.
        return new Promise(() => undefined);
      case 'confirm':
        return undefined;
      case 'host-key':
        return this.#hostKey(prompt);
      case 'secret': {
        const key = `${prompt.secret} ${prompt.prompt}`;
        const attempt = (this.#attempts.get(key) ?? 0) + 1;
        this.#attempts.set(key, attempt);
        if (prompt.file !== undefined && attempt === this.#host.resolved.numberOfPasswordPrompts)
          this.#typed.locked.push(prompt.file);
        const typed = await this.#prompter.secret(
          { kind: prompt.secret, host: name, prompt: prompt.prompt, echo: false, attempt },
          call.signal,
        );
        if (typed !== undefined) {
          if (prompt.secret === 'password') this.#typed.passwords++;
          else if (prompt.secret === 'keyboard-interactive') this.#typed.answers++;
          return typed;
        }
        // A key without its passphrase is one key less; ssh goes on to the next.
        if (prompt.secret === 'passphrase') return undefined;
        const what = prompt.secret === 'password' ? 'password' : 'typed answer';
        this.#typed.declined = `it asks for a ${what}, and none was given`;
        this.#fail(readFailure(this.#host.resolved, this.#heard(), this.#typed));
        return undefined;
      }
    }
  }

  async #hostKey(prompt: OpenSshPrompt & { kind: 'host-key' }): Promise<string | undefined> {
    const { hosts, call } = this.#options;
    const host = hosts.find((each) => nameOf(each) === prompt.name.toLowerCase());
    const answer = await this.#prompter.confirmHostKey(
      {
        host: host?.resolved.name ?? prompt.name,
        port: host?.resolved.port ?? 22,
        keyType: prompt.keyType,
        fingerprint: prompt.fingerprint,
        randomart: prompt.randomart,
        ...(prompt.note !== undefined && { note: prompt.note }),
      },
      call.signal,
    );
    if (answer === 'remember' && host) this.#remembered.push({ fingerprint: prompt.fingerprint, host });
    return answer === 'no' ? 'no' : 'yes';
  }

  /** Puts the keys that are to be remembered (or were accepted by configuration) into the user's file. */
  async remember(): Promise<void> {
    const { ssh, log, hosts } = this.#options;
    const accepted = parseKnownHosts(await readFile(this.#newKeys, 'utf8'), this.#newKeys);
    for (const { key, hosts: names } of accepted) {
      const shown = fingerprint(key);
      const host = hosts.find((each) => matchesHosts(nameOf(each), names));
      if (host === undefined) continue;
      const asked = this.#remembered.some((entry) => entry.host === host && entry.fingerprint === shown);
      if (!asked && !acceptsNew(host.resolved.strictHostKeyChecking, ssh)) continue;
      const { hashKnownHosts, userKnownHostsFiles } = host.resolved;
      const file = ssh.knownHostsFile ?? userKnownHostsFiles[0];
      if (file === undefined) continue;
      try {
        await appendKnownHost(file, nameOf(host), key, hashKnownHosts);
        log.info(`${host.resolved.name}: host key ${shown} added to ${file}`);
      } catch (error) {
        log.warn(`The host key could not be added to ${file}: ${neutralize((error as Error).message)}`);
      }
    }
  }
}

/** The name under which a host stands in known_hosts. */
function nameOf({ resolved }: NamedHost): string {
  return resolved.hostKeyAlias?.toLowerCase() ?? knownHostsName(resolved.hostname, resolved.port);
}

function acceptsNew(checking: string, ssh: SshOptions): boolean {
  return ssh.acceptNewHostKey || checking === 'accept-new' || checking === 'no';
}
