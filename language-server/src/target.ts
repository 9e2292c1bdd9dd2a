/** The kernel that programs are written for, and its header. */
import type { TargetParams } from './protocol.ts';

export class Target {
  private params: TargetParams = { vmlinuxHeader: null, arch: null };
  private local: Promise<string> | undefined;

  /** `localHeader`: of this machine's kernel. Error: `no-vmlinux`. */
  constructor(private readonly localHeader: () => Promise<string>) {}

  set(params: TargetParams): void {
    this.params = params;
  }

  get arch(): string | undefined {
    return this.params.arch ?? undefined;
  }

  /** Path of its vmlinux.h. Error: `no-vmlinux`. */
  header(): Promise<string> {
    if (this.params.vmlinuxHeader !== null) return Promise.resolve(this.params.vmlinuxHeader);
    this.local ??= this.localHeader().catch((error: unknown) => {
      this.local = undefined;
      throw error;
    });
    return this.local;
  }
}
