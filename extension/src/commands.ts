import * as vscode from 'vscode';
import type { CommandArguments } from './contributions.ts';
import type { ErrorReporter } from './errors.ts';

/** Registers a command by its typed id; a failure goes to the one place that shows errors. */
export function registerCommand<K extends keyof CommandArguments>(
  errors: ErrorReporter,
  id: K,
  handler: (...args: CommandArguments[K]) => unknown,
): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...args: unknown[]) => {
    try {
      return await handler(...(args as CommandArguments[K]));
    } catch (error) {
      await errors.show(error);
      return undefined;
    }
  });
}

/** A command link or tree command with the arguments of its id. */
export function commandOf<K extends keyof CommandArguments>(
  id: K,
  title: string,
  ...args: CommandArguments[K]
): vscode.Command {
  return { command: id, title, arguments: args };
}
