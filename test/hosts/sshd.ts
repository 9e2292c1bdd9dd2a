/**
 * A real sshd on 127.0.0.1 for tests and benchmarks: generated keys and configuration in a temporary folder, test users
 * made and removed on request. Needs root for users and for PAM; imports Node's own modules only.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface TestUser {
  name: string;
  /** Set: may log in with it (and needs it for sudo, when `sudo` is 'password'). */
  password?: string;
  /** 'nopasswd' and 'password' get a file in /etc/sudoers.d. */
  sudo?: 'nopasswd' | 'password' | 'none';
  /** More lines for the user's sudoers file, such as "Defaults:NAME requiretty". */
  sudoers?: string[];
  /** Login shell; default /bin/sh. */
  shell?: string;
}

export interface SshdOptions {
  /** More lines for sshd_config, first (the first mention of a keyword wins): "RekeyLimit 1M", "MaxAuthTries 2". */
  config?: string[];
  /** Ways to log in that are switched on; default publickey only. */
  auth?: ('publickey' | 'password' | 'keyboard-interactive')[];
  /** Made before, removed after; the current user's key is accepted for them as well. */
  users?: TestUser[];
  /** Whether known_hosts holds the host's key; default true. */
  known?: boolean;
  /** Host key types; default ed25519. */
  hostKeyTypes?: ('ed25519' | 'rsa' | 'ecdsa')[];
  /** Lines of a PAM configuration of its own (a second factor, say) in place of the system's for sshd. */
  pam?: string[];
}

export interface TestSshd {
  port: number;
  /** The temporary folder that holds all of it. */
  folder: string;
  /** ssh_config with the alias `ringside-test` (the current user) and `ringside-test-NAME` for every test user. */
  configFile: string;
  alias: string;
  aliasOf(user: string): string;
  knownHostsFile: string;
  /** Private key that is accepted for every user. */
  identityFile: string;
  /** "SHA256:…" of the (first) host key. */
  fingerprint(): string;
  /** sshd's debug log so far. */
  log(): string;
  /** Waits until the log matches. */
  waitForLog(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** Restarts with new host keys: what a reinstalled host, or someone in between, looks like. */
  replaceHostKey(): Promise<void>;
  /** Pids of sshd's children, one or two a connection. */
  sessions(): number[];
  /** Pids of all that runs below sshd: its connections and their commands. */
  processes(): number[];
  /** Kills the connections' processes with SIGKILL: the network cable pulled. */
  dropConnections(): void;
  /** The same, and nobody is let in until `comeBack()`: a host that is away. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  /** Stops sshd and its connections, removes users and files. */
  stop(): Promise<void>;
}

const sshdPath = '/usr/sbin/sshd';

function need(path: string, debianPackage: string): void {
  if (!existsSync(path)) throw new Error(`${path} is missing: apt-get install ${debianPackage}`);
}

function run(file: string, args: string[], input?: string): void {
  execFileSync(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(input === undefined ? {} : { input }) });
}

/** A TCP port on 127.0.0.1 that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address) resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  });
}

function sudoersFile(user: string): string {
  return `/etc/sudoers.d/ringside-test-${user}`;
}

function addUser(user: TestUser): void {
  need('/usr/sbin/useradd', 'passwd');
  run('/usr/sbin/useradd', ['--create-home', '--shell', user.shell ?? '/bin/sh', user.name]);
  // A user without any password is locked, which sshd refuses; "*" only says that no password fits.
  if (user.password === undefined) run('/usr/sbin/usermod', ['--password', '*', user.name]);
  else run('/usr/sbin/chpasswd', [], `${user.name}:${user.password}\n`);
  const lines = [...(user.sudoers ?? [])];
  if (user.sudo === 'nopasswd') lines.push(`${user.name} ALL=(ALL) NOPASSWD: ALL`);
  if (user.sudo === 'password') lines.push(`${user.name} ALL=(ALL) ALL`);
  if (lines.length === 0) return;
  need('/usr/bin/sudo', 'sudo');
  writeFileSync(sudoersFile(user.name), `${lines.join('\n')}\n`, { mode: 0o440 });
}

/** Pids whose parent is `pid`. */
function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) children.push(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  return children;
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('sshd');
  } catch {
    return false;
  }
}

/** Pids that belong to a user's own processes (ssh sessions leave some behind when they are cut). */
function processesOf(uid: number): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const line = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, 'latin1'));
      return Number(line?.[1]) === uid ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}

function removeUser(name: string): void {
  rmSync(sudoersFile(name), { force: true });
  rmSync(`/run/sudo/ts/${name}`, { force: true });
  try {
    const uid = Number(execFileSync('id', ['-u', name], { encoding: 'utf8', stdio: 'pipe' }));
    for (const pid of processesOf(uid)) killQuietly(pid, 'SIGKILL');
    run('/usr/sbin/userdel', ['--remove', '--force', name]);
  } catch {
    // It was never made.
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function answers(port: number, process: ChildProcess, log: () => string): Promise<void> {
  const end = Date.now() + 10_000;
  while (Date.now() < end && process.exitCode === null) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (open) return;
    await sleep(20);
  }
  throw new Error(`sshd did not start:\n${log()}`);
}

/** Starts an sshd; call `stop()` in any case. */
export async function startSshd(options: SshdOptions = {}): Promise<TestSshd> {
  need(sshdPath, 'openssh-server');
  need('/usr/bin/ssh-keygen', 'openssh-client');
  const folder = mkdtempSync(join(tmpdir(), 'ringside-sshd-'));
  const path = (name: string): string => join(folder, name);
  // sshd's privilege separation needs it, and only the init script makes it.
  if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  const users = options.users ?? [];
  const auth = new Set(options.auth ?? ['publickey']);
  const onOff = (method: 'publickey' | 'password' | 'keyboard-interactive'): string =>
    auth.has(method) ? 'yes' : 'no';
  const types = options.hostKeyTypes ?? ['ed25519'];
  const me = userInfo().username;

  const port = await freePort();
  let child: ChildProcess | undefined;
  const log = (): string => (existsSync(path('log')) ? readFileSync(path('log'), 'utf8') : '');

  const makeHostKeys = (): void => {
    for (const type of types) {
      rmSync(path(`host_${type}`), { force: true });
      rmSync(path(`host_${type}.pub`), { force: true });
      run('/usr/bin/ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'ringside test host', '-f', path(`host_${type}`)]);
    }
  };
  // PAM's service is named as the program is.
  const pamService = `sshd-ringside-${process.pid}-${port}`;
  const program = options.pam === undefined ? sshdPath : path(pamService);
  const pamFile = `/etc/pam.d/${pamService}`;
  const start = async (): Promise<void> => {
    child = spawn(program, ['-D', '-f', path('sshd_config'), '-E', path('log')], { stdio: 'ignore' });
    await answers(port, child, log);
  };
  /** Without the commands of its connections: those are what gives back. */
  const endSshd = async (): Promise<number[]> => {
    const running = child;
    child = undefined;
    if (!running || running.pid === undefined || running.exitCode !== null) return [];
    const rest = descendantsOf(running.pid);
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    await ended;
    for (const pid of rest) if (isSshd(pid)) killQuietly(pid, 'SIGKILL');
    return rest;
  };
  const halt = async (): Promise<void> => {
    for (const pid of await endSshd()) killQuietly(pid, 'SIGKILL');
  };
  const stop = async (): Promise<void> => {
    await halt();
    for (const user of users) removeUser(user.name);
    rmSync(pamFile, { force: true });
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    if (options.pam !== undefined) {
      symlinkSync(sshdPath, program);
      writeFileSync(pamFile, `${options.pam.join('\n')}\n`);
    }
    makeHostKeys();
    run('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ringside test user', '-f', path('id')]);
    const publicKey = readFileSync(path('id.pub'), 'utf8');
    for (const user of users) {
      removeUser(user.name);
      addUser(user);
    }
    mkdirSync(path('authorized'), { mode: 0o755 });
    for (const name of [me, ...users.map((user) => user.name)])
      writeFileSync(path(`authorized/${name}`), publicKey, { mode: 0o644 });
    writeFileSync(
      path('sshd_config'),
      [
        ...(options.config ?? []),
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        ...types.map((type) => `HostKey ${path(`host_${type}`)}`),
        `PidFile ${path('pid')}`,
        'LogLevel DEBUG1',
        'StrictModes no',
        'PermitRootLogin yes',
        `AuthorizedKeysFile ${path('authorized')}/%u`,
        `PubkeyAuthentication ${onOff('publickey')}`,
        `PasswordAuthentication ${onOff('password')}`,
        `KbdInteractiveAuthentication ${onOff('keyboard-interactive')}`,
        'UsePAM yes',
        'UseDNS no',
        'MaxStartups 100',
        'MaxSessions 100',
        'PrintMotd no',
        '',
      ].join('\n'),
    );
    // The folder is 0700; sshd reads authorized_keys as the user who logs in.
    execFileSync('chmod', ['711', folder]);
    const aliasOf = (user: string): string => (user === me ? 'ringside-test' : `ringside-test-${user}`);
    writeFileSync(
      path('ssh_config'),
      [me, ...users.map((user) => user.name)]
        .map((user) =>
          [
            `Host ${aliasOf(user)}`,
            '  HostName 127.0.0.1',
            `  Port ${port}`,
            `  User ${user}`,
            `  IdentityFile ${path('id')}`,
            '  IdentitiesOnly yes',
            '  IdentityAgent none',
            `  UserKnownHostsFile ${path('known_hosts')}`,
            '  GlobalKnownHostsFile /dev/null',
            '',
          ].join('\n'),
        )
        .join('\n'),
      { mode: 0o600 },
    );
    writeFileSync(path('known_hosts'), '', { mode: 0o600 });
    if (options.known ?? true) {
      for (const type of types) {
        const key = readFileSync(path(`host_${type}.pub`), 'utf8').split(' ');
        appendFileSync(path('known_hosts'), `[127.0.0.1]:${port} ${key[0] ?? ''} ${key[1] ?? ''}\n`);
      }
    }
    await start();
    return {
      port,
      folder,
      configFile: path('ssh_config'),
      alias: aliasOf(me),
      aliasOf,
      knownHostsFile: path('known_hosts'),
      identityFile: path('id'),
      fingerprint: () =>
        execFileSync('/usr/bin/ssh-keygen', ['-lf', path(`host_${types[0] ?? 'ed25519'}.pub`)], {
          encoding: 'utf8',
        }).split(' ')[1] ?? '',
      log,
      waitForLog: async (pattern, timeoutMs = 5000) => {
        const end = Date.now() + timeoutMs;
        while (!pattern.test(log())) {
          if (Date.now() > end) throw new Error(`sshd's log never matched ${String(pattern)}:\n${log()}`);
          await sleep(20);
        }
      },
      replaceHostKey: async () => {
        await halt();
        makeHostKeys();
        await start();
      },
      sessions: () => (child?.pid === undefined ? [] : childrenOf(child.pid)),
      processes: () => (child?.pid === undefined ? [] : descendantsOf(child.pid)),
      dropConnections: () => {
        if (child?.pid === undefined) return;
        // Only sshd's own processes: the commands stay, as they do when a network dies.
        for (const pid of descendantsOf(child.pid)) if (isSshd(pid)) killQuietly(pid, 'SIGKILL');
      },
      goAway: async () => {
        await endSshd();
      },
      comeBack: start,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
