/** One decision about a host's key per connection. */
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ResolvedHost } from './config.ts';
import { fingerprint } from './fingerprint.ts';
import type { HostKeyAccepted, HostKeyChecker } from './hostKey.ts';

/** ssh2 verifies at every rekey; a key is decided upon once, and any other key in the same connection is refused. */
export class OncePerConnection {
  accepted: HostKeyAccepted | undefined;
  #key: Buffer | undefined;

  constructor(
    private readonly host: Pick<ResolvedHost, 'name'>,
    private readonly checker: Promise<Pick<HostKeyChecker, 'verify'>>,
    private readonly signal: AbortSignal | undefined,
    private readonly log: Log,
    private readonly fail: (error: RingsideError) => void,
    private readonly mayUseOpenSsh = false,
  ) {}

  verify(key: Buffer, answer: (trusted: boolean) => void): void {
    if (this.#key !== undefined) {
      const same = this.#key.equals(key);
      if (!same) {
        this.log.error(`${this.host.name}: key changed during the connection to ${fingerprint(key)}; connection ended`);
        this.fail(
          new RingsideError(
            'host-key-mismatch',
            `${this.host.name} changed its key while connected, to ${fingerprint(key)}.`,
          ),
        );
      }
      answer(same);
      return;
    }
    this.#key = Buffer.from(key);
    this.checker
      .then((checker) => checker.verify(Buffer.from(key), this.signal, this.mayUseOpenSsh))
      .then(
        (accepted) => {
          this.accepted = accepted;
          answer(true);
        },
        (error: unknown) => {
          this.fail(RingsideError.from(error));
          answer(false);
        },
      );
  }
}
