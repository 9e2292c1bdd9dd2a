import * as vscode from 'vscode';
import type { GuardQuestion, HostKeyAnswer, HostKeyQuestion, Prompter, SecretQuestion } from '@ringside/core/rpc';

const nothingYet = 'Nothing is attached until you confirm it.';
const onceMore = 'What may cut your connection is asked about once more when it is attached.';

/** The engine's questions as native dialogs. Nothing typed here is kept. */
export class NativePrompter implements Prompter {
  /** Modal, because the answer decides whom to trust; closing it is a no. */
  async confirmHostKey(question: HostKeyQuestion, signal?: AbortSignal): Promise<HostKeyAnswer> {
    const { host, port } = question;
    // A host that was typed may have its port in its name.
    const place = port === 22 || host.endsWith(`:${port}`) ? host : `${host}:${port}`;
    const detail = [
      `${question.keyType} key fingerprint:`,
      question.fingerprint,
      '',
      question.randomart.replaceAll(' ', '\u00a0'), // a dialog's text runs spaces together
      '',
      ...(question.note === undefined ? [] : [question.note, '']),
      'Compare it with what the administrator of the host tells you. "Remember" adds it to the known hosts.',
    ].join('\n');
    const answers: Record<string, HostKeyAnswer> = { 'Connect Once': 'once', Remember: 'remember' };
    const chosen = await orAborted(
      vscode.window.showWarningMessage(
        `The host ${place} is not known yet. Do you trust its key?`,
        { modal: true, detail },
        ...Object.keys(answers),
      ),
      signal,
    );
    return (chosen === undefined ? undefined : answers[chosen]) ?? 'no';
  }

  /** Modal: what is asked about can harm a host. Closing it is a no. */
  async confirmGuard(question: GuardQuestion, signal?: AbortSignal): Promise<boolean> {
    const { kind, run, host, findings, withinMs = 0 } = question;
    const bullet = findings.length > 1 ? '• ' : '';
    const reasons = findings.map(
      ({ rule, reason, cutting }) => `${bullet}${reason} [${rule}${cutting ? ', may cut your connection' : ''}]`,
    );
    const docs = findings.some((finding) => finding.cutting) ? `${nothingYet} ${onceMore}` : nothingYet;
    const [message, yes, more, further] =
      kind === 'attach'
        ? [`Attach ${run} to ${host}? It can do harm there.`, 'Attach Anyway', docs, []]
        : [
            `${run} is attached on ${host}. Does your connection still work?`,
            'Leave Attached',
            `Without your answer ${host} detaches it in ${Math.floor(withinMs / 1000)} seconds.`,
            // In the place of Cancel: closing the dialog is the same answer.
            [{ title: 'Detach Now', isCloseAffordance: true }],
          ];
    const detail = [...reasons, more].join('\n\n');
    const chosen = await orAborted(
      vscode.window.showWarningMessage<vscode.MessageItem>(
        message,
        { modal: true, detail },
        { title: yes },
        ...further,
      ),
      signal,
    );
    return chosen?.title === yes;
  }

  async secret(question: SecretQuestion, signal?: AbortSignal): Promise<string | undefined> {
    const source = new vscode.CancellationTokenSource();
    const cancel = (): void => source.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await vscode.window.showInputBox(
        {
          title: secretTitle(question),
          prompt: question.prompt,
          password: !question.echo,
          ignoreFocusOut: true,
        },
        source.token,
      );
    } finally {
      signal?.removeEventListener('abort', cancel);
      source.dispose();
    }
  }
}

function secretTitle({ kind, host, attempt }: SecretQuestion): string {
  const again = attempt > 1 ? ` (attempt ${attempt}: the last answer was not accepted)` : '';
  switch (kind) {
    case 'sudo':
      return `sudo on ${host}${again}`;
    case 'passphrase':
      return `Key for ${host}${again}`;
    case 'password':
    case 'keyboard-interactive':
      return `Log in to ${host}${again}`;
  }
}

/** A modal cannot be closed by us: when the question is withdrawn, its answer no longer counts. */
async function orAborted<T>(answer: Thenable<T | undefined>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return await answer;
  if (signal.aborted) return undefined;
  return await new Promise<T | undefined>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    answer.then(resolve, reject);
  });
}
