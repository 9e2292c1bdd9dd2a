import { Exit, RingsideError, type ExitCode } from '@ringside/core';
import { exactly, hostList } from '../args.ts';
import type { Context } from '../context.ts';
import { printError } from '../output/error.ts';
import { bold } from '../terminal.ts';

/**
 * A list of one host, or of several. JSON: the array for one host; `[{"host", NAME: […]}]`, or `{"host","error"}`, for
 * several.
 */
export async function listing<T>(
  context: Context,
  name: string,
  list: (host: string) => Promise<T[]>,
  forPeople: (items: T[]) => string,
): Promise<ExitCode> {
  const { positionals, common, json, text, progress } = context;
  const [host] = exactly(positionals, ['HOST']);
  const hosts = hostList(host);
  if (hosts.length === 1) {
    const items = await list(hosts[0]!);
    progress.clear();
    if (common.json) json(items);
    else text(forPeople(items));
    return Exit.done;
  }
  const outcomes = await Promise.all(
    hosts.map((one) =>
      list(one).then(
        (items) => ({ host: one, items }),
        (error: unknown) => ({ host: one, error: RingsideError.from(error) }),
      ),
    ),
  );
  progress.clear();
  if (common.json)
    json(
      outcomes.map((o) =>
        'items' in o ? { host: o.host, [name]: o.items } : { host: o.host, error: o.error.toData() },
      ),
    );
  else
    for (const outcome of outcomes) {
      text(bold(outcome.host));
      if ('items' in outcome) text(forPeople(outcome.items));
      else printError(outcome.error, false);
    }
  const failed = outcomes.find((outcome) => 'error' in outcome);
  return failed && 'error' in failed ? failed.error.exitCode : Exit.done;
}
