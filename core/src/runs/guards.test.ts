import { describe, expect, it } from 'vitest';
import { RingsideError, type GuardFinding } from '../errors.ts';
import type { GuardQuestion, Prompter } from '../prompt.ts';
import { Guards } from './guards.ts';

const finding = (rule: string, cutting = false): GuardFinding => ({
  rule,
  program: 'on_packet',
  target: 'eth0',
  reason: `reason of ${rule}`,
  cutting,
});

const needed = (...findings: GuardFinding[]): RingsideError =>
  new RingsideError('guard-confirmation-needed', 'This needs your confirmation.', { findings });

function person(answer: (question: GuardQuestion) => boolean): Prompter & { asked: GuardQuestion[] } {
  const asked: GuardQuestion[] = [];
  return {
    asked,
    confirmHostKey: () => Promise.resolve('no'),
    secret: () => Promise.resolve(undefined),
    confirmGuard: (question) => {
      asked.push(question);
      return Promise.resolve(answer(question));
    },
  };
}

/** A host that refuses until all of these rules are confirmed. */
function host(...findings: GuardFinding[]): { attempts: string[][]; attempt(confirmed: string[]): Promise<string> } {
  const attempts: string[][] = [];
  return {
    attempts,
    attempt: (confirmed) => {
      attempts.push(confirmed);
      const open = findings.filter((f) => !confirmed.includes(f.rule));
      return open.length > 0 ? Promise.reject(needed(...open)) : Promise.resolve('attached');
    },
  };
}

describe('what the host wants to have confirmed', () => {
  it('is asked once, with all findings, and then done', async () => {
    const [asked, web] = [person(() => true), host(finding('send-signal'), finding('ssh-interface', true))];
    expect(await new Guards('drop', [], asked).confirmed('web-1', web.attempt, undefined)).toBe('attached');
    expect(asked.asked).toMatchObject([{ kind: 'attach', run: 'drop', host: 'web-1' }]);
    expect(asked.asked[0]!.findings.map((f) => f.rule)).toEqual(['send-signal', 'ssh-interface']);
    expect(web.attempts).toEqual([[], ['send-signal', 'ssh-interface']]);
  });

  it('is an error with every finding when the answer is no, or nobody can be asked', async () => {
    const web = host(finding('send-signal'));
    const nobody: Prompter = { confirmHostKey: () => Promise.resolve('no'), secret: () => Promise.resolve(undefined) };
    for (const prompter of [person(() => false), nobody]) {
      await expect(new Guards('drop', [], prompter).confirmed('web-1', web.attempt, undefined)).rejects.toMatchObject({
        code: 'guard-confirmation-needed',
        findings: [{ rule: 'send-signal' }],
      });
    }
  });

  it('is not asked when it was confirmed in advance, and only the rest else', async () => {
    const [asked, web] = [person(() => true), host(finding('send-signal'), finding('lsm-deny', true))];
    await new Guards('drop', ['send-signal'], asked).confirmed('web-1', web.attempt, undefined);
    expect(asked.asked.map((q) => q.findings.map((f) => f.rule))).toEqual([['lsm-deny']]);
  });

  it('is asked again about what may cut the connection, and not about the rest', async () => {
    const [asked, web] = [person(() => true), host(finding('send-signal'), finding('ssh-interface', true))];
    const guards = new Guards('drop', [], asked);
    await guards.confirmed('web-1', web.attempt, undefined);
    await guards.confirmed('web-1', web.attempt, undefined);
    expect(asked.asked[1]!.findings.map((f) => f.rule)).toEqual(['ssh-interface']);
  });

  it('does not go round in circles with a host that asks for what was confirmed', async () => {
    const attempt = (): Promise<never> => Promise.reject(needed(finding('send-signal')));
    const asked = person(() => true);
    await expect(new Guards('drop', [], asked).confirmed('web-1', attempt, undefined)).rejects.toMatchObject({
      code: 'guard-confirmation-needed',
    });
    expect(asked.asked).toHaveLength(1);
  });
});

describe('what may have cut the connection', () => {
  const cutting = { findings: [finding('ssh-interface', true)], withinMs: 1000 };
  const commits = (): { count: number; commit(): Promise<void> } => {
    const done = { count: 0, commit: () => (done.count++, Promise.resolve()) };
    return done;
  };

  it('is committed after a second question', async () => {
    const [asked, done] = [person(() => true), commits()];
    await new Guards('drop', [], asked).commit('web-1', cutting, done.commit, undefined);
    expect(asked.asked).toMatchObject([{ kind: 'keep', withinMs: 1000 }]);
    expect(done.count).toBe(1);
  });

  it('is committed at once when it was confirmed in advance, but for this machine, where that proves nothing', async () => {
    const [asked, done] = [person(() => false), commits()];
    const guards = new Guards('drop', ['ssh-interface'], asked);
    await guards.commit('web-1', cutting, done.commit, undefined);
    expect([asked.asked.length, done.count]).toEqual([0, 1]);
    await expect(guards.commit('local', cutting, done.commit, undefined)).rejects.toMatchObject({
      code: 'guard-rolled-back',
    });
    expect([asked.asked.length, done.count]).toEqual([1, 1]);
  });

  it('is rolled back when the answer is no or comes too late', async () => {
    const done = commits();
    const slow: Prompter = { ...person(() => true), confirmGuard: (_q, signal) => answerAtEnd(signal) };
    // Who answered with no knows what to do.
    for (const [prompter, remedy] of [
      [person(() => false), ''],
      [slow, expect.stringContaining('Attach elsewhere')],
    ] as const) {
      const guards = new Guards('drop', [], prompter);
      await expect(guards.commit('web-1', { ...cutting, withinMs: 20 }, done.commit, undefined)).rejects.toMatchObject({
        code: 'guard-rolled-back',
        remedy,
        detail: 'ssh-interface: reason of ssh-interface',
      });
    }
    expect(done.count).toBe(0);
  });

  it('is rolled back when the commit does not get through', async () => {
    const guards = new Guards(
      'drop',
      ['ssh-interface'],
      person(() => true),
    );
    const never = (): Promise<void> => new Promise(() => undefined);
    await expect(guards.commit('web-1', { ...cutting, withinMs: 20 }, never, undefined)).rejects.toMatchObject({
      code: 'guard-rolled-back',
      message: expect.stringContaining('did not get through') as string,
    });
  });

  it('is nothing to speak of when nothing may', async () => {
    const [asked, done] = [person(() => true), commits()];
    await new Guards('drop', [], asked).commit('web-1', { findings: [], withinMs: 0 }, done.commit, undefined);
    expect([asked.asked.length, done.count]).toEqual([0, 0]);
  });
});

function answerAtEnd(signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(false), { once: true }));
}
