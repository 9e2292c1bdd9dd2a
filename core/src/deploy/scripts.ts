/**
 * What runs on the host before the agent: POSIX sh, one round trip. Nothing but sh, uname, id, mkdir, ls, cat, rm, mv,
 * chmod and df is taken for granted (busybox hosts), and no file of ours is executed before its hash was compared.
 *
 * A script speaks by marker lines on stderr, "@NONCE word text": the nonce is random per start, so that neither a motd
 * nor the output of sudo can be taken for one.
 *
 *   host OS ARCH UID USER    where we are
 *   up UID                   the second part has begun, with its final privilege
 *   need OFFSET FOLDER       no agent there: the client sends its bytes from OFFSET on stdin
 *   readback BYTES FILE      no hash program there: FILE follows on stdout, the client answers "yes" or "no"
 *   start FILE               the hash is right; the next thing on stdout is the agent's
 *   fail CODE TEXT           the end; CODE is one of core/src/errors.ts
 */
import { quote } from '../ssh/shell.ts';
import type { AgentManifest } from './manifest.ts';

/** Folders for privileged agents: root's own, visible to nobody else. The first usable one is taken. */
export const rootFolders = ['/var/lib/ringside', '/opt/ringside', '/run/ringside'];
export const agentName = 'ringside-agent';

/**
 * Functions of all scripts. `$n` is the nonce, `$u` the numeric user. `ours`: no link, owned by us, and nobody else may
 * write to it; so what was hashed is what gets executed.
 */
export const commonFunctions = `
LC_ALL=C PATH=\${PATH:-}:/usr/sbin:/usr/bin:/sbin:/bin; export LC_ALL PATH; umask 077
say() { printf '@%s %s\\n' "$n" "$*" >&2; }
fail() { say fail "$@"; exit 90; }
ours() {
  for w in "$@"; do [ ! -L "$w" ] || return 1; done
  ls -ldn "$@" 2>/dev/null | {
    c=0
    while read -r m l o rest; do
      [ "$o" = "$u" ] || exit 1
      case $m in [d-]????-??-*) c=$((c + 1));; *) exit 1;; esac
    done
    [ $c = $# ]
  }
}
private() { [ -d "$1" ] && ours "$1" && chmod 700 "$1"; }
hash() {
  if command -v sha256sum >/dev/null 2>&1; then h=$(sha256sum < "$1")
  elif command -v openssl >/dev/null 2>&1; then h=$(openssl dgst -sha256 -r < "$1")
  elif command -v shasum >/dev/null 2>&1; then h=$(shasum -a 256 < "$1")
  elif command -v busybox >/dev/null 2>&1 && busybox sha256sum </dev/null >/dev/null 2>&1; then h=$(busybox sha256sum < "$1")
  else h=; return 1; fi
  h=\${h%% *}
}
`;

/** Puts the folders that `$u` may have agents in into the positional parameters. */
export function folderList(folders: readonly string[]): string {
  return `
if [ "$u" = 0 ]; then set -- ${folders.map(quote).join(' ')}
else set -- "\${HOME:-/nonexistent}/.cache/ringside" \${XDG_RUNTIME_DIR:+"$XDG_RUNTIME_DIR/ringside"} "/var/tmp/ringside-$u" "/tmp/ringside-$u"; fi
`;
}

/**
 * `left`: an agent has written down what it has to take back, and perhaps cannot any more. The places are those of the
 * agent (`undo/journal.rs`); one that lives is left alone by `--undo`.
 */
const leftFunction = `
left() {
  for j in /run/ringside /var/lib/ringside/run "\${XDG_RUNTIME_DIR:-/run}/ringside" "\${HOME:-/run}/.cache/ringside/run"; do
    for j in "$j"/*/journal; do [ -e "$j" ] && return 0; done
  done
  return 1
}
`;

/** Sets `$u` and `$k` ("Linux x86_64"), and tells them with the user's name; one subshell, because forks are what costs. */
const whereWeAre = `
set -- $(id -u; uname -sm; id -un 2>/dev/null || echo unknown)
u=$1 k="$2 $3"
shift 3
say host "$k $u $*"
`;

/**
 * The second part, with its final privilege: finds or installs the agent, compares its hash, executes it. Its arguments
 * are nonce, SHA-256, bytes, whether it is to be removed afterwards, and SSH_CONNECTION, which sudo would strip: the agent's
 * guards want to know by which way its user comes.
 */
const startScript = (folders: readonly string[]): string => `
n=$1 s=$2 z=$3 once=$4 adopt=$5
RINGSIDE_SSH_CONNECTION=$6
export RINGSIDE_SSH_CONNECTION
u=$(id -u)
${commonFunctions}${leftFunction}
say up "$u"
check() {
  if hash "$1"; then [ "$h" = "$s" ]; return; fi
  b=$(wc -c < "$1"); say readback $b "$1"; cat "$1"
  read -r h && [ "$h" = yes ]
}
tampered() { fail agent-tampered "$1"; }
# Whether that is a script like this one; after a reboot the number is another process's.
uploading() { { c=$(cat "/proc/$1/cmdline"); } 2>/dev/null; case $c in *${agentName}*) ;; *) return 1;; esac; }
# Stays its parent, but lets go of its pipes: even when the agent is killed with its supervisor somebody takes back what it left.
run() {
  say start "$1"
  exec 3<&0
  "$1" \${adopt:+--adopt "$adopt"} <&3 3<&- & p=$!
  exec 0</dev/null 1>&2 3<&-
  while wait $p; c=$?; [ -d "/proc/$p" ]; do :; done
  left && "$1" --undo
}
begin() {
  run "$1"
  exit $c
}
${folderList(folders)}
if [ "$once" = 0 ]; then
  for r in "$@"; do
    f=$r/$s/${agentName}
    [ -e "$f" ] || [ -L "$f" ] || continue
    # Where anybody may make a folder of this name, that of somebody else is no sign of anything.
    case $r in /tmp/*|/var/tmp/*) ours "$r" || continue;; esac
    [ -f "$f" ] && ours "$r" "$r/$s" "$f" || tampered "$f"
    check "$f" || tampered "$f"
    begin "$f"
  done
fi
code= why=
no() { [ -n "$code" ] || code=$1; why="$why$2; "; }
place=
for r in "$@"; do
  e=$(mkdir -p "$r" 2>&1) || {
    case $e in *'No space'*) no no-space "$e";; *) no not-writable "$e";; esac
    continue
  }
  private "$r" || { no not-writable "$r is not a folder of uid $u alone"; continue; }
  for t in "$r"/.new.*; do
    [ -d "$t" ] && ! uploading "\${t##*.}" && rm -rf "$t"
  done
  t=$r/.new.$$ q=$r/.part.$s p=$t/${agentName}
  for o in "$r"/.part.*; do [ "$o" = "$q" ] || rm -rf "$o"; done
  e=$( { rm -rf "$t" && { [ "$once" = 0 ] && ours "$q" "$q/${agentName}" && mv "$q" "$t" || mkdir "$t"; }; } 2>&1) || {
    case $e in *'No space'*) no no-space "$e";; *) no not-writable "$e";; esac
    continue
  }
  free=$(df -Pk "$r" 2>/dev/null | { read -r line; read -r d total used free rest; echo "$free \${rest#* }"; })
  m=\${free#* } free=\${free%% *}
  case $free in *[!0-9]*|'') free=$z;; esac
  if [ "$free" -lt $((z / 1024 + 64)) ]; then
    no no-space "$r has $free KiB free, $((z / 1024 + 64)) are needed"; rm -rf "$t"; continue
  fi
  e=$( { printf '#!/bin/sh\\n' > "$t/try"; } 2>&1 && chmod 700 "$t/try" 2>&1) || { no no-space "$r: $e"; rm -rf "$t"; continue; }
  if "$t/try" 2>/dev/null; then place=$r; rm -f "$t/try"; break; fi
  no noexec "$r is on \${m:-a file system}, which is mounted noexec"; rm -rf "$t"
done
[ -n "$place" ] || fail "$code" "$why"
# What has arrived waits for the next connection.
keep() { [ -d "$t" ] || return 0; [ "$once" = 0 ] && [ -s "$p" ] && rm -rf "$q" && mv "$t" "$q" 2>/dev/null || rm -rf "$t"; }
# PIPE: a connection that is cut is noticed by the next word that is said into it.
trap 'keep; exit 90' HUP INT TERM PIPE
o=0
[ ! -f "$p" ] || o=$(wc -c < "$p")
[ "$o" -lt "$z" ] || { rm -f "$p"; o=0; }
say need $((o)) "$place"
# dd takes large blocks where it can wait for whole ones; head never takes more than its bytes, which the agent needs after it.
take() {
  n=$1
  if [ "$n" -ge 65536 ] && dd iflag=fullblock status=none bs=1 count=0 < /dev/null > /dev/null 2>&1; then
    dd iflag=fullblock status=none bs=65536 count=$((n / 65536)) || return
    n=$((n % 65536))
  fi
  head -c "$n"
}
e=$( { take $((z - o)) >> "$p"; } 2>&1) || {
  rm -rf "$t"
  case $e in *'No space'*|*'quota'*) fail no-space "$place: $e";; *) fail not-writable "$place: $e";; esac
}
[ "$(wc -c < "$p")" -eq "$z" ] || { keep; fail host-lost "the upload was cut"; }
# On the disk before it gets its name: after a power-off it would be there with nothing in it.
dd if=/dev/null of="$p" conv=notrunc,fsync 2>/dev/null
chmod 500 "$p"
check "$p" || { rm -rf "$t"; fail agent-start "$p arrived damaged"; }
if [ "$once" = 1 ]; then
  trap : HUP INT TERM PIPE
  run "$p"
  rm -rf "$t"; rmdir "$place" 2>/dev/null
  exit $c
fi
d=$place/$s
mkdir -p "$d" && private "$d" && mv -f "$p" "$d/${agentName}" && rm -rf "$t" || { rm -rf "$t"; fail not-writable "$d"; }
trap - HUP INT TERM PIPE
running=$(ls -l /proc/[0-9]*/exe 2>/dev/null)
for o in "$place"/*/; do
  o=\${o%/} v=\${o##*/}
  [ "$v" != "$s" ] && [ \${#v} = 64 ] && [ ! -L "$o" ] || continue
  case $v in *[!0-9a-f]*) continue;; esac
  case $running in *"$o/${agentName}"*) continue;; esac
  rm -f "$o/${agentName}" && rmdir "$o" 2>/dev/null
done
begin "$d/${agentName}"
`;

export type Elevation =
  /** As the user who logged in. */
  | { kind: 'none' }
  /** root directly; else sudo, which must not ask. `tty`: it is given a terminal, because its sudoers file wants one. */
  | { kind: 'sudo'; always: boolean; tty?: boolean }
  /** sudo that reads the password from stdin after it has shown `prompt`. */
  | { kind: 'sudo-password'; prompt: string; tty?: boolean }
  /** doas, which must not ask: it reads passwords from a terminal only. */
  | { kind: 'doas' };

/**
 * Runs a command with a terminal of its own, which it uses for nothing: its input and output stay the pipes that they
 * are. What is in `names` comes through by the environment.
 */
function withTerminal(command: string, names: string): string {
  const inner = `exec ${command} <&3 >&4 2>&5 3<&- 4>&- 5>&-`;
  return `export ${names}; SHELL=/bin/sh exec script -qec ${quote(inner)} /dev/null 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1`;
}

/** The lines that run `script` with the wished privilege; root needs no sudo unless `always`. */
export function elevate(elevation: Elevation, script: string, args: string): string {
  const start = `/bin/sh -c "$i" ringside ${args}`;
  const lines = [`i=${quote(compact(script))}`];
  if (elevation.kind === 'none') return [...lines, `exec ${start}`].join('\n');
  if (elevation.kind === 'sudo' && !elevation.always) lines.push(`[ "$u" != 0 ] || exec ${start}`);
  const program = elevation.kind === 'doas' ? 'doas' : 'sudo';
  lines.push(`command -v ${program} >/dev/null 2>&1 || fail sudo-denied "${program} is not installed"`);
  if (elevation.kind === 'doas') return [...lines, `exec doas -n ${start}`].join('\n');
  const how = elevation.kind === 'sudo' ? '-n' : `-k -S -p ${quote(elevation.prompt)}`;
  const command = `sudo ${how} -- ${start}`;
  return [...lines, elevation.tty ? withTerminal(command, 'i s z') : `exec ${command}`].join('\n');
}

/** Without indentation and comments: dropbear takes no command of more than 9000 bytes. */
function compact(script: string): string {
  return script.replace(/^ *(#.*)?\n/gm, '').replace(/^ +/gm, '');
}

/** The first part: what the host is, which agent fits, and the way to the privilege. */
export function launchScript(
  nonce: string,
  manifest: AgentManifest,
  elevation: Elevation,
  ephemeral: boolean,
  folders: readonly string[] = rootFolders,
  adopt = '',
): string {
  if (!/^[0-9a-f]*$/.test(adopt)) throw new RangeError('not the name of a run');
  const cases = Object.entries(manifest.agents)
    .map(([arch, agent]) => `  'Linux ${arch}') s=${agent.sha256} z=${agent.bytes};;`)
    .join('\n');
  return compact(`n=${nonce}
${commonFunctions}
${whereWeAre}case $k in
${cases}
  Linux*) fail arch-unsupported "\${k#Linux }";;
  *) fail not-linux "$k";;
esac
${elevate(elevation, startScript(folders), `${nonce} "$s" "$z" ${ephemeral ? 1 : 0} "${adopt}" "\${SSH_CONNECTION:-}"`)}
`);
}

/** What `inventoryScript` says: "agent BYTES HASH PATH", "running PID USER TICKS UPTIME HZ PATH", "removed PATH", "done". */
const inventoryFunctions = `${leftFunction}agents() {
  for d in "$1"/*/ "$1"/.new.*/ "$1"/.part.*/; do
    d=\${d%/} v=\${d##*/}
    case $v in .new.*|.part.*) ;; *[!0-9a-f]*) continue;; *) [ \${#v} = 64 ] || continue;; esac
    [ -d "$d" ] && [ ! -L "$d" ] && echo "$d"
  done
}
# One ls for all processes; a removed file keeps its name there, followed by " (deleted)".
processes() {
  ls -l /proc/[0-9]*/exe 2>/dev/null | while read -r line; do
    t=\${line#* -> }
    case $t in "$1"/*/${agentName}|"$1"/*/${agentName}' (deleted)') ;; *) continue;; esac
    p=\${line#*/proc/} p=\${p%%/exe*}
    set -- "$1" $line
    echo "$p $4 \${t% (deleted)}"
  done
}
list() {
  agents "$1" | while read -r d; do
    f=$d/${agentName}
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    case $d in */.part.*) continue;; esac
    hash "$f" || h=\${d##*/}
    say agent "$(wc -c < "$f")" "$h" "$f"
  done
  # A supervisor, its worker and the worker's helpers are one agent: the one that none of them started.
  all=" $(processes "$1" | while read -r p rest; do printf '%s ' "$p"; done)"
  processes "$1" | while read -r p o t; do
    read -r x < /proc/$p/stat || continue
    set -- \${x##*) }
    case $all in *" $2 "*) continue;; esac
    read -r up rest < /proc/uptime
    say running "$p" "$o" "\${20}" "$up" "$(getconf CLK_TCK 2>/dev/null || echo 100)" "$t"
  done
}
nap() { sleep 0.1 2>/dev/null || sleep 1; }
remove() {
  processes "$1" | while read -r p o t; do
    kill -TERM "$p" 2>/dev/null || continue
    i=0
    while [ -d "/proc/$p" ] && [ $i -lt 30 ]; do nap; i=$((i + 1)); done
    [ -d "/proc/$p" ] && kill -KILL "$p" 2>/dev/null
  done
  ours "$1" || return
  agents "$1" | while read -r d; do
    ours "$d" || continue
    left && hash "$d/${agentName}" && [ "$h" = "\${d##*/}" ] && "$d/${agentName}" --undo </dev/null >/dev/null
    rm -f "$d/try"
    if [ -e "$d/${agentName}" ] || [ -L "$d/${agentName}" ]; then
      rm -f "$d/${agentName}" && say removed "$d/${agentName}"
    fi
    rmdir "$d" 2>/dev/null
  done
  rmdir "$1" 2>/dev/null && say removed "$1"
}
kept() {
  for k in /run/ringside/kept/*/record; do
    [ -f "$k" ] || continue
    while read -r w x; do
      case $w in run) r=$x;; name) m=$x;; by) b=$x;; expires) e=$x;; pid) p=$x;; esac
    done < "$k"
    [ -d "/proc/$p" ] && say kept "$r" "$e" "$p" "$m"
  done
}
each() {
  c=$1
  shift
  for r in "$@"; do [ -d "$r" ] && [ ! -L "$r" ] && "$c" "$r"; done
}
`;

/**
 * Lists or removes what is there of us, for the user and for root. sudo is used only when one of root's folders exists,
 * so that a host that we never were on asks for nothing.
 */
export function inventoryScript(
  nonce: string,
  action: 'list' | 'remove',
  elevation: Elevation,
  folders: readonly string[] = rootFolders,
): string {
  const privileged = `n=$1 u=$(id -u)
${commonFunctions}${inventoryFunctions}
say up "$u"
${folderList(folders)}
each ${action} "$@"
${action === 'list' ? 'kept' : ':'}
say done
`;
  return compact(`n=${nonce}
${commonFunctions}${inventoryFunctions}
${whereWeAre}case $k in Linux*) ;; *) fail not-linux "$k";; esac
if [ "$u" != 0 ]; then
${folderList(folders)}
  each ${action} "$@"
  needed=0
  [ ! -e /run/ringside ] || needed=1
  for r in ${elevation.kind === 'none' ? '' : folders.map(quote).join(' ')}; do [ -e "$r" ] && needed=1; done
  [ $needed = 1 ] || { say done; exit 0; }
fi
${elevate(elevation, privileged, nonce)}
`);
}
