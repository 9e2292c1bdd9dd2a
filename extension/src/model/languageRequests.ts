import * as vscode from 'vscode';
import type {
  FoundPoint,
  PointDetails,
  PointsAnswer,
  PointsParams,
  PointStart,
  SearchAnswer,
} from '@ringside/core/model';

/** What can be asked of the language server beyond its protocol; the counterpart is language-server/src/protocol.ts. */
interface Requests {
  'ringside/points': { params: PointsParams; answer: PointsAnswer };
  'ringside/pointSearch': { params: { text: string; limit: number }; answer: SearchAnswer };
  'ringside/point': { params: FoundPoint; answer: PointDetails | null };
  'ringside/start': { params: { section: string }; answer: PointStart | null };
}

export type Send = (method: string, params: unknown) => Promise<unknown>;

/** The way to the language server for whoever asks it: started by the first question. */
export class LanguageRequests implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** Another kernel is known now, or the server has started anew. */
  readonly onDidChange = this.#changed.event;
  #send: Send | undefined;

  connect(send: Send): void {
    this.#send = send;
  }

  changed(): void {
    this.#changed.fire();
  }

  async ask<M extends keyof Requests>(method: M, params: Requests[M]['params']): Promise<Requests[M]['answer']> {
    if (this.#send === undefined) throw new Error('The language server is not there yet.');
    return (await this.#send(method, params)) as Requests[M]['answer'];
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
