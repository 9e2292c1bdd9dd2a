import type { ErrorReporter } from '../errors.ts';
import { saysNotLoaded } from './pageLoad.ts';

/** What a panel takes from its page: messages that are understood are handled, all others are logged and dropped. */
export function receive<M>(
  errors: Pick<ErrorReporter, 'log' | 'show'>,
  panel: string,
  raw: unknown,
  parse: (raw: unknown) => M | null,
  handle: (message: M) => Promise<void>,
): void {
  if (saysNotLoaded(raw)) return; // panelPage.ts loads it again
  const message = parse(raw);
  if (message === null) errors.log(new Error(`A message of the ${panel} panel was not understood and dropped.`));
  else handle(message).catch((error: unknown) => void errors.show(error));
}
