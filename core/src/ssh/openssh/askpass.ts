/**
 * Answers what the spawned ssh asks: ssh starts a small program (SSH_ASKPASS), which asks us over a socket in a folder of
 * ours alone. What is typed passes through that socket and a pipe, never through a file, an argument or the environment.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export interface Asked {
  text: string;
  /** SSH_ASKPASS_PROMPT. */
  hint: string;
}

/** Longer than any prompt; a server can make ssh show what it likes. */
const maxRequest = 64 * 1024;

/** Runs under Node (or Electron as Node): sends the prompt, prints the answer; no answer is exit 1. */
const program = `'use strict';
const socket = require('net').connect(process.env.RINGSIDE_ASKPASS_SOCKET);
let answer = '';
socket.setEncoding('utf8');
socket.on('connect', () => socket.write(JSON.stringify({ text: process.argv[2] || '', hint: process.env.SSH_ASKPASS_PROMPT || '' }) + '\\n'));
socket.on('data', (chunk) => { answer += chunk; });
socket.on('error', () => process.exit(1));
socket.on('close', () => {
  if (!answer.endsWith('\\n')) process.exit(1);
  process.stdout.write(answer, () => process.exit(0));
});
`;

const starter = `#!/bin/sh
exec "$RINGSIDE_ASKPASS_NODE" "\${0%.sh}.cjs" "$@"
`;

export class AskpassServer {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly program: string,
    private readonly socketPath: string,
  ) {}

  /** `folder` must be ours alone (0700). `answer` gives what is typed, or undefined for a refusal. */
  static async start(folder: string, answer: (asked: Asked) => Promise<string | undefined>): Promise<AskpassServer> {
    const socketPath = join(folder, 'q');
    const programPath = join(folder, 'ask.sh');
    await writeFile(join(folder, 'ask.cjs'), program, { mode: 0o600 });
    await writeFile(programPath, starter, { mode: 0o700 });
    // The umask may have taken the execute bit.
    await chmod(programPath, 0o700);
    const server = createServer();
    const askpass = new AskpassServer(server, programPath, socketPath);
    server.on('connection', (socket) => askpass.serve(socket, answer));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, resolve);
    });
    return askpass;
  }

  /** What ssh needs in its environment. DISPLAY is for ssh before 8.4, which asks no program without one. */
  environment(): NodeJS.ProcessEnv {
    return {
      SSH_ASKPASS: this.program,
      SSH_ASKPASS_REQUIRE: 'force',
      DISPLAY: process.env['DISPLAY'] ?? ':0',
      RINGSIDE_ASKPASS_SOCKET: this.socketPath,
      RINGSIDE_ASKPASS_NODE: process.execPath,
      ELECTRON_RUN_AS_NODE: '1',
    };
  }

  private serve(socket: Socket, answer: (asked: Asked) => Promise<string | undefined>): void {
    this.sockets.add(socket);
    let request = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: string) => {
      if (request.endsWith('\n')) return;
      request += chunk;
      if (request.length > maxRequest) socket.destroy();
      if (!request.endsWith('\n')) return;
      void ask(request, answer).then(
        (text) => (text === undefined ? socket.destroy() : socket.end(`${text}\n`)),
        () => socket.destroy(),
      );
    });
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

async function ask(
  request: string,
  answer: (asked: Asked) => Promise<string | undefined>,
): Promise<string | undefined> {
  const { text, hint } = JSON.parse(request) as Partial<Asked>;
  if (typeof text !== 'string' || typeof hint !== 'string') return undefined;
  const typed = await answer({ text, hint });
  // ssh takes one line.
  return typed?.replace(/[\r\n].*$/s, '');
}
