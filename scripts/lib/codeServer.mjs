// VS Code in a browser from npm packages alone: code-server without its install scripts, which download prebuilt
// binaries and refuse to run as root. Native modules are compiled here instead.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, closeSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFresh, stamp } from './hash.mjs';
import { cache } from './paths.mjs';
import { capture, Failure, run, which } from './run.mjs';

/** The newest code-server whose VS Code (1.100.3) runs on Node 20; docs/decisions/0005. */
export const codeServerVersion = '4.100.3';
const home = join(cache, 'code-server');
const packageFolder = join(home, 'node_modules', 'code-server');
const entry = join(packageFolder, 'out', 'node', 'entry.js');
const natives = ['node-pty', '@vscode/spdlog', 'native-watchdog', '@parcel/watcher'];

/** npm's environment for builds: Node's own headers when the distribution has them, so that nothing is downloaded. */
function buildEnv() {
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h'));
  const own = {
    ...process.env,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    npm_config_yes: 'true',
  };
  return headers && process.env.npm_config_nodedir === undefined ? { ...own, npm_config_nodedir: prefix } : own;
}

/**
 * Installs code-server into .cache/code-server; nothing to do when it is there.
 * @returns {Promise<string>} its entry file, to be run with this Node
 */
export async function installCodeServer() {
  const rg = which('rg');
  const key = `${codeServerVersion}, Node ABI ${process.versions.modules}`;
  if (existsSync(entry) && isFresh('code-server', key)) return entry;
  if (rg === undefined)
    throw new Failure('ripgrep (rg) is missing: VS Code searches with it.', 'Install it: sudo apt-get install ripgrep');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'ringside-code-server', private: true }));
  const env = buildEnv();
  const npm = (folder, args, log) =>
    run('npm', args, {
      cwd: folder,
      env,
      log: `code-server-${log}`,
      remedy: 'Check that npm reaches its registry and that g++, make and python3 are installed.',
    });
  const vscode = join(packageFolder, 'lib', 'vscode');
  await npm(
    home,
    ['install', `code-server@${codeServerVersion}`, '--ignore-scripts', '--no-package-lock'],
    '1-package',
  );
  for (const [folder, log] of [
    [vscode, '2-vscode'],
    [join(vscode, 'extensions'), '3-extensions'],
  ]) {
    await npm(folder, ['install', '--omit=dev', '--ignore-scripts'], log);
  }
  await npm(vscode, ['rebuild', ...natives], '4-natives');
  // VS Code looks for its modules in an .asar archive that only the desktop build has.
  relink('node_modules', join(vscode, 'node_modules.asar'));
  const rgFolder = join(vscode, 'node_modules', '@vscode', 'ripgrep', 'bin');
  mkdirSync(rgFolder, { recursive: true });
  relink(rg, join(rgFolder, 'rg'));
  await npm(
    join(home, 'node_modules', 'argon2'),
    ['exec', '--yes', '--', 'node-pre-gyp', 'rebuild', '--build-from-source'],
    '5-argon2',
  );
  const check = capture(process.execPath, [entry, '--version'], { env: { ...process.env, HOME: home } });
  if (check.code !== 0 || !check.out.includes(codeServerVersion)) {
    throw new Failure(
      `code-server was installed but does not start:\n${check.err || check.out}`,
      'Remove .cache/code-server and run this again.',
    );
  }
  stamp('code-server', key);
  return entry;
}

function relink(target, path) {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

/** A TCP port of 127.0.0.1 that is free now. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * @typedef {object} CodeServerOptions
 * @property {string} folder the workspace folder that opens
 * @property {string} data folder for settings, state and extensions
 * @property {string} [vsix] installed before the start
 * @property {boolean} [password] ask for a generated password (default), or let everyone on this machine in
 * @property {string} [log] file for its output
 * @property {NodeJS.ProcessEnv} [env]
 */

/**
 * Starts code-server on 127.0.0.1 and waits until it answers.
 * @param {CodeServerOptions} options
 * @returns {Promise<{ url: string, port: number, password: string | undefined, pid: number, exited: Promise<number>, stop: () => Promise<void> }>}
 */
export async function startCodeServer(options) {
  const { folder, data, vsix, password = true, log = join(data, 'code-server.log'), env = process.env } = options;
  await installCodeServer();
  mkdirSync(data, { recursive: true });
  const secret = password ? randomBytes(12).toString('base64url') : undefined;
  const folders = [
    '--user-data-dir',
    join(data, 'user'),
    '--extensions-dir',
    join(data, 'extensions'),
    '--config',
    join(data, 'config.yaml'),
  ];
  // Its own XDG folders: the person's own code-server settings and sockets stay as they are.
  const own = {
    ...env,
    XDG_CONFIG_HOME: join(data, 'xdg'),
    XDG_DATA_HOME: join(data, 'xdg'),
    XDG_CACHE_HOME: join(data, 'xdg'),
  };
  if (secret !== undefined) own.PASSWORD = secret;
  writeFileSync(join(data, 'config.yaml'), '');
  if (vsix !== undefined) {
    const installed = capture(process.execPath, [entry, ...folders, '--install-extension', vsix, '--force'], {
      env: own,
    });
    if (installed.code !== 0)
      throw new Failure(
        `The extension could not be installed in code-server:\n${installed.err || installed.out}`,
        'Run `npm run package` again.',
      );
  }
  const port = await freePort();
  const output = openSync(log, 'a');
  const child = spawn(
    process.execPath,
    [
      entry,
      ...folders,
      '--auth',
      password ? 'password' : 'none',
      '--bind-addr',
      `127.0.0.1:${port}`,
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-workspace-trust',
      '--disable-getting-started-override',
      folder,
    ],
    { env: own, stdio: ['ignore', output, output], detached: true },
  );
  closeSync(output);
  const exited = new Promise((resolve) => child.on('close', (code) => resolve(code ?? 128)));
  const stop = async () => {
    // Its own process group: the server forks one process per extension host, and those end with it.
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      try {
        process.kill(-child.pid, signal);
      } catch {
        return; // nobody left in the group
      }
      for (let waited = 0; waited < 5000 && groupAlive(child.pid); waited += 50) await sleep(50);
    }
  };
  const url = `http://127.0.0.1:${port}/`;
  for (let waited = 0; waited < 30_000; waited += 100) {
    if (child.exitCode !== null) break;
    try {
      const answer = await fetch(`${url}healthz`);
      if (answer.ok) return { url, port, password: secret, pid: child.pid, exited, stop };
    } catch {
      // not listening yet
    }
    await sleep(100);
  }
  await stop();
  throw new Failure(`code-server did not answer on ${url} within 30 s.`, `See ${log}.`);
}

function groupAlive(pid) {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
