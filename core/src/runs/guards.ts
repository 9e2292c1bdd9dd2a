/**
 * What the guards of a host's agent want to have confirmed, and by whom: rules that were confirmed in advance, else a person.
 * What may cut the connection is committed on the host only when it has been confirmed once more over the living connection.
 */
import { RingsideError, type ErrorCode, type GuardFinding } from '../errors.ts';
import type { GuardQuestion, Prompter } from '../prompt.ts';

/** What was attached and has to be committed. */
export interface ToCommit {
  findings: GuardFinding[];
  /** 0: nothing has to be. */
  withinMs: number;
}

/** How a connection looks from here when what was attached has cut it. */
const cut: readonly ErrorCode[] = ['host-lost', 'agent-exited', 'lease-expired', 'ssh-transport', 'host-timeout'];

export class Guards {
  private readonly known: Set<string>;
  /** Rules of what may cut the connection, to be asked about each time unless they were confirmed in advance. */
  private readonly inAdvance: ReadonlySet<string>;
  /** One question after the other, also where several hosts ask at once. */
  private asking: Promise<unknown> = Promise.resolve();

  constructor(
    /** The run, in words. */
    private readonly run: string,
    confirmed: readonly string[],
    private readonly prompter: Prompter,
  ) {
    this.inAdvance = new Set(confirmed);
    this.known = new Set(confirmed);
  }

  /**
   * Tries, asks about what the host refuses without a confirmation, and tries again with it.
   * Errors: those of `attempt`, among them guard-confirmation-needed when the answer was no.
   */
  async confirmed<T>(
    host: string,
    attempt: (confirmed: string[]) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const confirmed = new Set(this.known);
    for (;;) {
      try {
        return await attempt([...confirmed]);
      } catch (error) {
        const failure = RingsideError.from(error);
        const open = failure.findings.filter((f) => !confirmed.has(f.rule));
        if (failure.code !== 'guard-confirmation-needed' || open.length === 0)
          throw cut.includes(failure.code) ? this.maybeCut(host, confirmed, failure) : failure;
        if (!(await this.ask({ kind: 'attach', run: this.run, host, findings: open }, signal))) throw failure;
        for (const { rule, cutting } of open) {
          confirmed.add(rule);
          if (!cutting) this.known.add(rule);
        }
      }
    }
  }

  /**
   * Commits what may cut the connection, after it was confirmed once more. That it was confirmed in advance is enough where
   * the commit itself has to come through the connection; on this machine it does not.
   * Errors: guard-rolled-back, cancelled.
   */
  async commit(
    host: string,
    { findings, withinMs }: ToCommit,
    commit: (signal: AbortSignal) => Promise<unknown>,
    call: AbortSignal | undefined,
  ): Promise<void> {
    if (withinMs === 0) return;
    const deadline = AbortSignal.timeout(withinMs);
    const signal = call ? AbortSignal.any([call, deadline]) : deadline;
    const inAdvance = host !== 'local' && findings.every((f) => this.inAdvance.has(f.rule));
    const question: GuardQuestion = { kind: 'keep', run: this.run, host, findings, withinMs };
    const kept = inAdvance || (await this.ask(question, signal));
    if (call?.aborted) throw new RingsideError('cancelled', 'Cancelled.');
    if (!kept && !deadline.aborted) throw answeredNo(host, findings);
    if (!kept) throw rolledBack(host, findings, 'nobody confirmed that the connection is still there');
    try {
      await within(commit(signal), signal);
    } catch (error) {
      const failure = RingsideError.from(error);
      throw rolledBack(host, findings, 'the confirmation did not get through', failure);
    }
  }

  private maybeCut(host: string, confirmed: ReadonlySet<string>, failure: RingsideError): RingsideError {
    if (confirmed.size === 0) return failure;
    return new RingsideError(failure.code, failure.message, {
      remedy: `If what was to be attached has cut the connection (${[...confirmed].join(', ')} was confirmed), ${host} has detached it by itself by now. ${failure.remedy}`,
      detail: failure.detail,
      cause: failure,
    });
  }

  private ask(question: GuardQuestion, signal: AbortSignal | undefined): Promise<boolean> {
    const answer = this.asking.then(async () => {
      if (signal?.aborted || !this.prompter.confirmGuard) return false;
      return this.prompter.confirmGuard(question, signal);
    });
    this.asking = answer.catch(() => undefined);
    return answer;
  }
}

/** What waits for a connection that may be cut does not wait longer than the host does. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new RingsideError('host-timeout', 'The host does not answer.'));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}

const programsOf = (findings: readonly GuardFinding[]): string =>
  [...new Set(findings.map((f) => f.program).filter((p) => p !== ''))].join(', ');

const detailOf = (findings: readonly GuardFinding[]): string =>
  findings.map((f) => `${f.rule}: ${f.reason}`).join('\n');

/** Nothing has to be done about it: an empty remedy tells the editor that its user knows. */
const answeredNo = (host: string, findings: readonly GuardFinding[]): RingsideError =>
  new RingsideError('guard-rolled-back', `${programsOf(findings)} was to be detached again, and is, from ${host}.`, {
    detail: detailOf(findings),
  });

function rolledBack(
  host: string,
  findings: readonly GuardFinding[],
  why: string,
  cause?: RingsideError,
): RingsideError {
  return new RingsideError(
    'guard-rolled-back',
    `${programsOf(findings)} may have cut the connection to ${host}, and ${why}: it is detached, by the host itself where it was not reached.`,
    {
      remedy: 'Attach elsewhere, or let the traffic of your own connection pass.',
      detail: [detailOf(findings), ...(cause ? [cause.message] : [])].join('\n'),
      ...(cause && { cause }),
    },
  );
}
