import * as mock from './vscodeMock.ts';

/** The webview's end of a panel: what it was sent, and a way to send. */
export class FakePanel<ToPanel> {
  readonly sent: ToPanel[] = [];
  readonly #received = new mock.EventEmitter<unknown>();
  readonly #disposed = new mock.EventEmitter<undefined>();
  readonly #viewState = new mock.EventEmitter<undefined>();
  title = '';
  visible = true;
  revealed = 0;
  /** Whether it took the keyboard when it was brought to the front the last time. */
  focused = false;
  readonly viewColumn = 2;
  readonly webview = {
    html: '',
    options: {},
    cspSource: 'https://csp.test',
    asWebviewUri: (uri: mock.Uri) => `https://csp.test${uri.path}`,
    onDidReceiveMessage: this.#received.event,
    postMessage: (message: ToPanel) => {
      this.sent.push(message);
      return Promise.resolve(true);
    },
  };
  readonly onDidDispose = this.#disposed.event;
  readonly onDidChangeViewState = this.#viewState.event;
  reveal = (_column?: unknown, preserveFocus = false) => {
    this.revealed++;
    this.focused = !preserveFocus;
  };
  closed = 0;
  dispose = () => {
    this.closed++;
    this.#disposed.fire(undefined);
  };
  send = (message: unknown) => this.#received.fire(message);
  show(visible: boolean): void {
    this.visible = visible;
    this.#viewState.fire(undefined);
  }
}
