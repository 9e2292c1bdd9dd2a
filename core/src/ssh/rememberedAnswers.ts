/** What a person answered for one connection, for what must be opened beside it. Only in memory, and gone with the connection. */
import type { HostKeyAnswer, HostKeyQuestion, Prompter, SecretQuestion } from '../prompt.ts';

/** A one-time code is never right twice; these are. */
const lasting: readonly SecretQuestion['kind'][] = ['sudo', 'password', 'passphrase'];

export class RememberedAnswers implements Prompter {
  private readonly hostKeys = new Map<string, HostKeyAnswer>();
  private readonly secrets = new Map<string, string>();

  constructor(private readonly person: Prompter) {}

  async confirmHostKey(question: HostKeyQuestion, signal?: AbortSignal): Promise<HostKeyAnswer> {
    const key = `${question.host} ${question.port} ${question.keyType} ${question.fingerprint}`;
    const answer = this.hostKeys.get(key) ?? (await this.person.confirmHostKey(question, signal));
    if (answer !== 'no') this.hostKeys.set(key, answer);
    return answer;
  }

  /** An answer that was refused (its attempt is counted up) is asked for anew. */
  async secret(question: SecretQuestion, signal?: AbortSignal): Promise<string | undefined> {
    if (!lasting.includes(question.kind)) return this.person.secret(question, signal);
    const key = `${question.kind} ${question.host} ${question.prompt}`;
    const known = question.attempt === 1 ? this.secrets.get(key) : undefined;
    const answer = known ?? (await this.person.secret(question, signal));
    if (answer === undefined) this.secrets.delete(key);
    else this.secrets.set(key, answer);
    return answer;
  }

  forget(): void {
    this.hostKeys.clear();
    this.secrets.clear();
  }
}
