/** Logging in: which method is tried next, and what is asked for it. */
import type { AnyAuthMethod, ParsedKey, Prompt } from 'ssh2';
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Prompter, SecretQuestion } from '../prompt.ts';
import { authFailed } from './authFailed.ts';
import type { ResolvedHost } from './config.ts';
import type { Identities, Identity } from './identities.ts';
import { hasKerberosTicket, OpenSshNeeded, specialAgentKeys } from './openssh/needed.ts';
import { neutralize } from './shell.ts';
import type { Ssh2Module } from './ssh2Module.ts';

const defaultOrder = ['publickey', 'keyboard-interactive', 'password'];

/** ssh2's BaseAgent around one key, so that each key is one attempt of ours and passphrases are asked lazily. */
function singleKeyAgent(ssh2: Ssh2Module, identity: Identity): InstanceType<Ssh2Module['BaseAgent']> {
  class SingleKeyAgent extends ssh2.BaseAgent {
    override getIdentities(done: (error: Error | null, keys?: Buffer[]) => void): void {
      identity.publicKey().then(
        (key) => done(null, [key]),
        (error: unknown) => done(error as Error),
      );
    }

    override sign(_key: string | Buffer | ParsedKey, data: Buffer, ...rest: unknown[]): void {
      const done = rest.pop() as (error: Error | null, signature?: Buffer) => void;
      const options = rest.pop() as { hash?: string } | undefined;
      identity.sign(data, options?.hash).then(
        (signature) => done(null, signature),
        (error: unknown) => done(error as Error),
      );
    }
  }
  return new SingleKeyAgent();
}

export interface AuthenticatorOptions {
  host: ResolvedHost;
  prompter: Prompter;
  log: Log;
  signal?: AbortSignal | undefined;
  /** Where ssh2 has nothing more to offer without asking, the login may go over to OpenSSH. */
  mayUseOpenSsh: boolean;
  /** Ends the connection with this error: the person declined, or the prompter failed. */
  abort: (error: RingsideError) => void;
}

/** One login. ssh2 asks `next` for a method at the start and after every refusal. */
export class Authenticator {
  readonly #ssh2: Ssh2Module;
  readonly #options: AuthenticatorOptions;
  readonly #identities: Promise<Identities>;
  readonly #triedKeys: string[] = [];
  readonly #triedMethods: string[] = [];
  #keys: Identity[] | undefined;
  #unsupported: string[] = [];
  #keyIndex = 0;
  #keyboardAttempts = 0;
  #passwordAttempts = 0;
  #accepted: string[] = [];
  #problems: string[] = [];
  readonly #locked = new Set<string>();
  #declined = false;
  #refused = false;

  constructor(ssh2: Ssh2Module, identities: Promise<Identities>, options: AuthenticatorOptions) {
    this.#ssh2 = ssh2;
    this.#identities = identities;
    this.#options = options;
  }

  /** ssh2 could not use the key on trial (wrong passphrase, agent refused): remembered for the message. */
  noteProblem(message: string): void {
    this.#problems.push(message);
  }

  /** A passphrase was asked for the last time; the key would have been next. */
  notePassphrase(file: string): void {
    this.#locked.add(file);
  }

  /** The server has said no to a key or to an answer. */
  get refused(): boolean {
    return this.#refused;
  }

  /** The next method, or false when there is none left. `methodsLeft` is null before the first answer. */
  async next(methodsLeft: readonly string[] | null): Promise<AnyAuthMethod | false> {
    const { keys, unsupported } = await this.#identities;
    this.#keys = keys;
    this.#unsupported = unsupported;
    if (methodsLeft) this.#accepted = [...methodsLeft];
    if (methodsLeft && this.#triedKeys.length + this.#triedMethods.length > 0) this.#refused = true;
    const wanted = this.#options.host.preferredAuthentications;
    const order = (wanted.length > 0 ? wanted : defaultOrder).filter(
      (method) => !methodsLeft || methodsLeft.includes(method),
    );
    // Without a key to begin with, "none" makes the server say what it takes, so that nothing is asked in vain.
    if (!methodsLeft && (order[0] !== 'publickey' || !this.#canTry('publickey'))) return this.#none();
    const method = order.find((candidate) => this.#canTry(candidate));
    if (method === 'publickey') return this.#nextKey();
    // Before anybody is asked for a password that a certificate or a security key makes needless.
    const more = await this.#openSshOffers();
    if (more !== undefined) throw new OpenSshNeeded(more, this.failure());
    if (method === 'keyboard-interactive') return this.#keyboard();
    return method === 'password' ? this.#password() : false;
  }

  /** What OpenSSH could still offer to this server. */
  async #openSshOffers(): Promise<string | undefined> {
    const { host, mayUseOpenSsh } = this.#options;
    if (!mayUseOpenSsh) return undefined;
    if (host.pubkeyAuthentication && this.#accepted.includes('publickey')) {
      if (this.#unsupported.length === 0 && host.identityAgent !== null && !host.identitiesOnly)
        this.#unsupported.push(...(await specialAgentKeys(host.identityAgent)).map((type) => `agent key ${type}`));
      if (this.#unsupported.length > 0) return this.#unsupported.join(', ');
    }
    const ticket =
      host.gssapiAuthentication && this.#accepted.includes('gssapi-with-mic') && (await hasKerberosTicket());
    return ticket ? 'GSSAPI' : undefined;
  }

  #canTry(method: string): boolean {
    const { host } = this.#options;
    switch (method) {
      case 'publickey':
        return host.pubkeyAuthentication && this.#keyIndex < (this.#keys?.length ?? 0);
      case 'keyboard-interactive':
        return host.kbdInteractiveAuthentication && this.#keyboardAttempts < host.numberOfPasswordPrompts;
      case 'password':
        // Both ways ask for the same password as a rule: three wrong answers are enough.
        return (
          host.passwordAuthentication && this.#passwordAttempts + this.#keyboardAttempts < host.numberOfPasswordPrompts
        );
      default:
        return false;
    }
  }

  #none(): AnyAuthMethod {
    return { type: 'none', username: this.#options.host.user };
  }

  #nextKey(): AnyAuthMethod {
    const identity = this.#keys?.[this.#keyIndex++];
    if (!identity) throw new Error('no key left');
    this.#triedKeys.push(identity.label);
    this.#options.log.debug(`${this.#options.host.name}: trying ${identity.label}`);
    return { type: 'agent', username: this.#options.host.user, agent: singleKeyAgent(this.#ssh2, identity) };
  }

  #keyboard(): AnyAuthMethod {
    const attempt = ++this.#keyboardAttempts;
    this.#noteTried('keyboard-interactive');
    return {
      type: 'keyboard-interactive',
      username: this.#options.host.user,
      prompt: (name, instructions, _language, prompts, finish) => {
        this.#answer(`${name}\n${instructions}`, prompts, attempt).then(finish, (error: unknown) =>
          this.#options.abort(RingsideError.from(error)),
        );
      },
    };
  }

  async #answer(heading: string, prompts: readonly Prompt[], attempt: number): Promise<string[]> {
    const answers: string[] = [];
    for (const { prompt, echo } of prompts) {
      const text = neutralize([heading.trim(), prompt.trim()].filter((part) => part !== '').join('\n'), 1000);
      answers.push(await this.#ask({ kind: 'keyboard-interactive', prompt: text, echo: echo ?? false, attempt }));
    }
    return answers;
  }

  async #password(): Promise<AnyAuthMethod> {
    const { host } = this.#options;
    const attempt = ++this.#passwordAttempts;
    const prompt = `Password for ${host.user}@${host.name.replace(/^.*@/, '')}`;
    const password = await this.#ask({ kind: 'password', prompt, echo: false, attempt });
    this.#noteTried('password');
    return { type: 'password', username: host.user, password };
  }

  async #ask(question: Omit<SecretQuestion, 'host'>): Promise<string> {
    const { host, prompter, signal } = this.#options;
    const answer = await prompter.secret({ ...question, host: host.name }, signal);
    if (answer === undefined) {
      this.#declined = true;
      throw this.failure(
        `it asks for a ${question.kind === 'password' ? 'password' : 'typed answer'}, and none was given`,
      );
    }
    return answer;
  }

  #noteTried(what: string): void {
    if (!this.#triedMethods.includes(what)) this.#triedMethods.push(what);
  }

  /** The error when all is tried: names what was tried, what the server takes, and what can be done. */
  failure(why?: string): RingsideError {
    const tooMany = this.#problems.some((problem) => /too many authentication failures/i.test(problem));
    const needsOpenSsh = `Certificates and security keys (${this.#unsupported.join(', ')}) need OpenSSH itself: use --transport openssh (or auto, with ssh installed).`;
    return authFailed({
      host: this.#options.host,
      ...(why !== undefined && { why }),
      tried: {
        ...{ keys: this.#triedKeys, methods: this.#triedMethods },
        ...{ passwords: this.#passwordAttempts, rounds: this.#keyboardAttempts, locked: [...this.#locked] },
      },
      ...{ accepted: this.#accepted, tooMany, declined: this.#declined },
      ...(this.#unsupported.length > 0 && { remedy: needsOpenSsh }),
      detail: this.#problems.map((problem) => neutralize(problem)).join('\n'),
    });
  }
}
