/** Questions that the engine must put to a person. The CLI asks on the terminal, the extension with native inputs. */
import type { GuardFinding } from './errors.ts';

export interface HostKeyQuestion {
  host: string;
  port: number;
  /** "ssh-ed25519" … */
  keyType: string;
  /** "SHA256:…", as `ssh-keygen -lf` prints it. */
  fingerprint: string;
  /** OpenSSH's randomart picture of the key, lines separated by \n. */
  randomart: string;
  /** Set when there is more reason than usual to look twice: the host is known by other keys. */
  note?: string;
}
export type HostKeyAnswer = 'once' | 'remember' | 'no';

export interface SecretQuestion {
  kind: 'password' | 'passphrase' | 'keyboard-interactive' | 'sudo';
  /** Host alias as the user wrote it. */
  host: string;
  /** What to show: "Password for dev@web-1", the server's own prompt for keyboard-interactive. */
  prompt: string;
  /** Show what is typed. */
  echo: boolean;
  /** 1 for the first time, 2 after a wrong answer … */
  attempt: number;
}

/** What a guard wants to know: before something is attached, and whether the connection is alive with it. */
export interface GuardQuestion {
  /** "attach": shall it be? "keep": it is, and the host detaches it in `withinMs` without a yes. */
  kind: 'attach' | 'keep';
  /** Name of the run. */
  run: string;
  host: string;
  findings: GuardFinding[];
  withinMs?: number;
}

export interface Prompter {
  confirmHostKey(question: HostKeyQuestion, signal?: AbortSignal): Promise<HostKeyAnswer>;
  /** undefined: the person declined. */
  secret(question: SecretQuestion, signal?: AbortSignal): Promise<string | undefined>;
  /** Where this is missing nobody can be asked, which is a no. */
  confirmGuard?(question: GuardQuestion, signal?: AbortSignal): Promise<boolean>;
}

/** Answers no to everything: for scripts and CI, where nobody can be asked. */
export const noPrompter: Prompter = {
  confirmHostKey: () => Promise.resolve('no'),
  secret: () => Promise.resolve(undefined),
};
