/** Linux names of error numbers and signals. Not Node's `os.constants`: those are of the machine that runs the editor. */

const ERRNO =
  '1 EPERM 2 ENOENT 3 ESRCH 4 EINTR 5 EIO 6 ENXIO 7 E2BIG 8 ENOEXEC 9 EBADF 10 ECHILD 11 EAGAIN 12 ENOMEM 13 EACCES ' +
  '14 EFAULT 15 ENOTBLK 16 EBUSY 17 EEXIST 18 EXDEV 19 ENODEV 20 ENOTDIR 21 EISDIR 22 EINVAL 23 ENFILE 24 EMFILE ' +
  '25 ENOTTY 26 ETXTBSY 27 EFBIG 28 ENOSPC 29 ESPIPE 30 EROFS 31 EMLINK 32 EPIPE 33 EDOM 34 ERANGE 35 EDEADLK ' +
  '36 ENAMETOOLONG 37 ENOLCK 38 ENOSYS 39 ENOTEMPTY 40 ELOOP 61 ENODATA 62 ETIME 71 EPROTO 74 EBADMSG 75 EOVERFLOW ' +
  '84 EILSEQ 88 ENOTSOCK 89 EDESTADDRREQ 90 EMSGSIZE 91 EPROTOTYPE 92 ENOPROTOOPT 93 EPROTONOSUPPORT ' +
  '94 ESOCKTNOSUPPORT 95 EOPNOTSUPP 97 EAFNOSUPPORT 98 EADDRINUSE 99 EADDRNOTAVAIL 100 ENETDOWN 101 ENETUNREACH ' +
  '102 ENETRESET 103 ECONNABORTED 104 ECONNRESET 105 ENOBUFS 106 EISCONN 107 ENOTCONN 110 ETIMEDOUT ' +
  '111 ECONNREFUSED 112 EHOSTDOWN 113 EHOSTUNREACH 114 EALREADY 115 EINPROGRESS 116 ESTALE 122 EDQUOT ' +
  '125 ECANCELED 512 ERESTARTSYS 524 ENOTSUPP';

const SIGNALS =
  '1 SIGHUP 2 SIGINT 3 SIGQUIT 4 SIGILL 5 SIGTRAP 6 SIGABRT 7 SIGBUS 8 SIGFPE 9 SIGKILL 10 SIGUSR1 11 SIGSEGV ' +
  '12 SIGUSR2 13 SIGPIPE 14 SIGALRM 15 SIGTERM 16 SIGSTKFLT 17 SIGCHLD 18 SIGCONT 19 SIGSTOP 20 SIGTSTP 21 SIGTTIN ' +
  '22 SIGTTOU 23 SIGURG 24 SIGXCPU 25 SIGXFSZ 26 SIGVTALRM 27 SIGPROF 28 SIGWINCH 29 SIGIO 30 SIGPWR 31 SIGSYS';

const errnoByNumber = table(ERRNO);
const signalByNumber = table(SIGNALS);
const errnoByName = new Map([...errnoByNumber].map(([number, name]) => [name, number]));
const signalByName = new Map([...signalByNumber].map(([number, name]) => [name, number]));

function table(words: string): Map<number, string> {
  return new Map(Array.from(words.matchAll(/(\d+) (\w+)/g), (match) => [Number(match[1]), match[2]!]));
}

/** "ENOENT" of 2; null for a number without a name. */
export function errnoName(number: number): string | null {
  return errnoByNumber.get(number) ?? null;
}
/** "SIGKILL" of 9; null for a number without a name. */
export function signalName(number: number): string | null {
  return signalByNumber.get(number) ?? null;
}
export function errnoNumber(name: string): number | null {
  return errnoByName.get(name) ?? null;
}
export function signalNumber(name: string): number | null {
  return signalByName.get(name) ?? null;
}
