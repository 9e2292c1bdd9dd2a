import type { ErrorReporter } from '../errors.ts';

/** What a panel takes from its page: messages that are understood are handled, all others are logged and dropped. */
export function receive<M>(
  errors: Pick<ErrorReporter, 'log' | 'show'>,
  panel: string,
  message: M | null,
  handle: (message: M) => Promise<void>,
): void {
  if (message === null) errors.log(new Error(`A message of the ${panel} panel was not understood and dropped.`));
  else handle(message).catch((error: unknown) => void errors.show(error));
}
