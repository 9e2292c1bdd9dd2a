/** What sudo says when it says no, and what can be done about it. */
import { RingsideError } from '../errors.ts';

const byRootLogin =
  'or log in as root (user@host in the ssh config), or use --sudo never to go without root (`ringside doctor` then names the setcap command that lets the agent load programs)';

/** sudo would do it, but wants a password; never leaves this folder. */
class PasswordNeeded extends RingsideError {
  constructor(host: string, detail: string) {
    super('sudo-password-needed', `sudo on ${host} asks for a password.`, { detail });
  }
}

/** sudo would do it, but wants a terminal (requiretty). */
export function sudoNeedsTerminal(error: unknown): boolean {
  return sudoSaysNo(error) && /must have a tty/.test(error.detail);
}

export function sudoSaysNo(error: unknown): error is RingsideError {
  return error instanceof RingsideError && error.code === 'sudo-denied';
}

/** sudo says no, and doas, which is there, does so too (`said`): either could be told to say yes. */
export function doasToo(error: RingsideError, host: string, said: string): RingsideError {
  const user = /(\S+) ALL=\(root\)/.exec(error.remedy)?.[1] ?? 'USER';
  const rule = `permit nopass ${user} as root cmd /bin/sh`;
  if (/doas: (Authentication|Authorization) (required|failed)/i.test(said)) {
    return new RingsideError(
      error.code,
      `Root on ${host} cannot be had: doas would do it for a password, which it reads from a terminal only.`,
      { detail: said, remedy: `Add this line behind the others in /etc/doas.conf there: ${rule}; ${byRootLogin}.` },
    );
  }
  return new RingsideError(error.code, error.message, {
    ...error.toData(),
    remedy: `${error.remedy.replace(/\.$/, '')}; with doas, this line in /etc/doas.conf: ${rule}.`,
  });
}

export class PasswordWrong extends RingsideError {
  constructor(host: string, detail = '') {
    super('sudo-password-wrong', `sudo on ${host} did not accept the password.`, {
      remedy: `It is the password of the user on ${host}, not the one of your key. Try again, ${byRootLogin}.`,
      detail,
    });
  }
}

export function sudoNeedsPassword(error: unknown): boolean {
  return error instanceof PasswordNeeded;
}

export function sudoPasswordMissing(host: string): RingsideError {
  return new RingsideError('sudo-password-needed', `sudo on ${host} asks for a password, and none was given.`, {
    remedy: `Give it when asked, or by --password-stdin; allow it without one by \`USER ALL=(root) NOPASSWD: /bin/sh\` in /etc/sudoers.d/ringside there; ${byRootLogin}.`,
  });
}

/** The refusal as an error. `noise` is what sudo printed (in English: the scripts set LC_ALL=C). */
export function sudoFailure(host: string, noise: string, passwordsGiven: number, user = 'USER'): RingsideError {
  const denied = (why: string, remedy: string): RingsideError =>
    new RingsideError('sudo-denied', `Root on ${host} cannot be had: ${why}.`, { remedy, detail: noise });
  const line = `${user} ALL=(root) NOPASSWD: /bin/sh`;
  const allow = `Let an administrator add this line with \`visudo -f /etc/sudoers.d/ringside\`: ${line}; ${byRootLogin}.`;
  if (/must have a tty/.test(noise)) {
    return denied(
      'its sudoers file says requiretty, and no terminal can be made there (script is missing)',
      `Let an administrator add this line with \`visudo -f /etc/sudoers.d/ringside\`: Defaults:${user} !requiretty; ${byRootLogin}.`,
    );
  }
  if (/incorrect password attempt/.test(noise) || (passwordsGiven > 0 && /try again/i.test(noise)))
    return new PasswordWrong(host, noise);
  if (/not in the sudoers file|is not allowed to|may not run sudo/.test(noise))
    return denied('the user has no right to it by sudo', allow);
  if (/password is required|askpass|interactive authentication is required/i.test(noise))
    return new PasswordNeeded(host, noise);
  if (/nosuid|effective uid is not 0|no new privileges/.test(noise)) {
    return denied(
      'sudo itself cannot work there (no setuid)',
      `The host runs you in a restricted environment; ${byRootLogin}.`,
    );
  }
  if (noise === 'sudo is not installed') {
    return denied(
      'sudo is not installed there',
      `${byRootLogin.replace(/^or log/, 'Log')}; or let an administrator install sudo and add this line with \`visudo -f /etc/sudoers.d/ringside\`: ${line}.`,
    );
  }
  return denied('sudo failed', allow);
}
