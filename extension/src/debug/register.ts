import * as vscode from 'vscode';
import type { AppContext } from '../appContext.ts';
import { debugType } from '../contributions.ts';
import { ConfigurationProvider } from './configurationProvider.ts';
import { RingsideDebugSession } from './debugSession.ts';

/** The debug type `ringside`, with the adapter in this process. */
export function registerDebug(context: AppContext): void {
  const { disposables } = context;
  const createDebugAdapterDescriptor = (): vscode.DebugAdapterDescriptor => {
    // vscode.d.ts declares Disposable as a class, but all that is asked of an adapter is dispose().
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    const adapter: vscode.DebugAdapter = new RingsideDebugSession(context);
    return new vscode.DebugAdapterInlineImplementation(adapter);
  };
  disposables.add(vscode.debug.registerDebugConfigurationProvider(debugType, new ConfigurationProvider(context)));
  disposables.add(vscode.debug.registerDebugAdapterDescriptorFactory(debugType, { createDebugAdapterDescriptor }));
}
