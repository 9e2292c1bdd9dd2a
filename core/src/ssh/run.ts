/** A command from start to end on any transport: input in, bounded output out. */
import type { Readable } from 'node:stream';
import { cancelled, RingsideError } from '../errors.ts';
import type { ExecChannel, RunOptions, RunResult } from './transport.ts';

const defaultMaxBytes = 1024 * 1024;

/** Resolves with everything that the stream brought; rejects `too-large` beyond `limit` bytes. */
function collect(stream: Readable, limit: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (): void => resolve(Buffer.concat(chunks).toString('utf8'));
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        reject(
          new RingsideError('too-large', `A command on ${host} printed more than ${limit} bytes.`, {
            remedy: `See what the login shell there prints by itself: \`ssh ${host} true\` should print nothing.`,
          }),
        );
        stream.removeAllListeners('data').resume();
      } else {
        chunks.push(chunk);
      }
    });
    stream.once('end', finish);
    stream.once('close', finish);
    stream.once('error', finish);
  });
}

/**
 * Waits for the end of a started command. `lost` tells why the connection went away, if it did.
 * Errors: cancelled, host-timeout (timeoutMs), too-large (maxBytes), host-lost.
 */
export async function runToEnd(
  host: string,
  channel: ExecChannel,
  options: RunOptions,
  lost: () => RingsideError | undefined,
): Promise<RunResult> {
  const limit = options.maxBytes ?? defaultMaxBytes;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    if (options.timeoutMs) {
      timer = setTimeout(() => {
        reject(
          new RingsideError(
            'host-timeout',
            `A command on ${host} took longer than ${(options.timeoutMs ?? 0) / 1000} s.`,
            {
              remedy: 'Look whether the host is overloaded or a file system on it hangs, then try again.',
            },
          ),
        );
      }, options.timeoutMs);
    }
    onAbort = () => reject(cancelled());
    if (options.signal?.aborted) onAbort();
    else options.signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const done = Promise.all([
      collect(channel.stdout, limit, host),
      collect(channel.stderr, limit, host),
      channel.exit,
    ]);
    channel.stdin.end(options.input ?? '');
    const [stdout, stderr, exit] = await Promise.race([done, stopped]);
    const error = exit.code === null ? lost() : undefined;
    if (error) throw error;
    return { ...exit, stdout, stderr };
  } catch (error) {
    channel.close();
    throw error;
  } finally {
    clearTimeout(timer);
    if (onAbort) options.signal?.removeEventListener('abort', onAbort);
  }
}
