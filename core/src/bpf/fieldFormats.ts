/** What a number means, from its name and its typedef. Formats are hints: they change how it prints, never its value. */
import type { FieldFormat } from '../model/index.ts';
import { flagSetOf } from './flagSets.ts';

export interface NumberMeaning {
  format: FieldFormat;
  /** format "flags": names by bit. */
  values?: Record<string, string>;
}

export const PORT = /(^|_)([sdlr]?port|[sdlr]port_?(be|n)?)$/i;

const CLOCK =
  /^(ts|timestamp|time|ktime|time_ns|ts_ns|timestamp_ns|start_ts|end_ts|start_time|boot_time|when|nsec_now)$/;
const UNITS: [FieldFormat, RegExp][] = [
  ['ns', /(^|_)(ns|nsecs?|nanos|nanoseconds)$/],
  ['us', /(^|_)(us|usecs?|micros|microseconds)$/],
  ['ms', /(^|_)(ms|msecs?|millis|milliseconds)$/],
  ['s', /(^|_)(secs?|seconds)$/],
];
const BYTES = /(^|_)(bytes|nbytes)$|^(size|len|length|bytes_.*|rx_bytes|tx_bytes|payload_len|data_len|pkt_len)$/;
/** Addresses of code, in a field or in an array of them. */
const CODE = /(^|_)[ku]?(stack|callchain|frames|addrs|ips)$|^(ip|pc|rip|func|function|caller|callsite|kaddr|ksym)$/;
const STACK_ID = /(^|_)stack_?id$/;
const USER = /(^|_)([esf]|fs|old|new|login)?uid$/;
const GROUP = /(^|_)([esf]|fs|old|new)?gid$/;
/** A device by number; one of the network is called ifindex. */
const DEVICE = /^([si]_|st_|bd_)?r?dev$/;

/** `typedefs`: the names under which the number's type is declared, the outermost first. */
export function numberMeaning(name: string, size: number, signed: boolean, typedefs: string[]): NumberMeaning {
  const lower = name.toLowerCase();
  const values = flagSetOf(lower, size);
  return values ? { format: 'flags', values } : { format: plainMeaning(lower, size, signed, typedefs) };
}

function plainMeaning(name: string, size: number, signed: boolean, typedefs: string[]): FieldFormat {
  const is = (pattern: RegExp) => pattern.test(name);
  if (size === 8 && is(CLOCK)) return 'ktime';
  const unit = size >= 4 ? UNITS.find(([, pattern]) => is(pattern)) : undefined;
  if (unit) return unit[0];
  if (size === 8 && is(/^(delta|latency|lat|duration|elapsed|runtime|exec_runtime|delta_ns)$/)) return 'ns';
  if (is(/^(sig|signal|signo|signum|exit_signal|term_signal|sig_?nr)$/)) return 'signal';
  if (signed && is(/^(ret|retval|errno|err|error|rc|ret_code|retcode)$/)) return 'errno';
  if (size === 2 && PORT.test(name)) return 'port';
  if (size === 4 && is(STACK_ID)) return 'stack';
  if (size === 4 && (typedefs.includes('uid_t') || is(USER))) return 'uid';
  if (size === 4 && (typedefs.includes('gid_t') || is(GROUP))) return 'gid';
  if (size === 4 && !signed && (typedefs.includes('dev_t') || is(DEVICE))) return 'dev';
  if (size >= 4 && is(BYTES)) return 'bytes';
  if (size === 8 && is(CODE)) return 'symbol';
  if (typedefs.some((n) => n === 'umode_t' || n === 'mode_t')) return 'mode';
  return is(/(^|_)(flags|mask|mode_flags|prot|addr|address|ptr|cookie|ip|pc|sp)$/) && !signed ? 'hex' : 'plain';
}
