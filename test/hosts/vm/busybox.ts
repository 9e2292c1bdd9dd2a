/** A host whose whole user space is busybox, and whose ssh server is dropbear: as routers and appliances have it. */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Nobody may become another there. */
export const busyboxUsers = [
  { name: 'root', uid: 0, home: '/root' },
  { name: 'joe', uid: 1000, home: '/home/joe' },
];

/**
 * Of the unpacked packages: busybox, dropbear, and the libraries that it is linked with. The program is not called busybox, so
 * that this name can be taken away as those of its applets can.
 */
export const busyboxRoot = `
  find . -type f ! -path './bin/busybox' ! -name dropbear ! -name dropbearkey ! -path '*/lib/*' -delete
  find . -type f -path '*/lib/*' ! -name '*.so*' -delete
  rm -rf usr/lib/*-linux-gnu/{gconv,audit,perl*,engines*}
  find . -type l ! -path '*lib*' -delete
  find . -depth -type d -empty -delete
  mv bin/busybox bin/busybox.real && ln -s busybox.real bin/busybox`;

/** Users, their keys, and what the C library and dropbear read. */
export async function writeBusybox(dir: string, hash: string, key: string): Promise<void> {
  const etc = (name: string, text: string): Promise<void> => writeFile(join(dir, 'etc', name), text);
  const lines = (line: (user: (typeof busyboxUsers)[number]) => string): string =>
    `${busyboxUsers.map(line).join('\n')}\n`;
  await etc(
    'passwd',
    lines(({ name, uid, home }) => `${name}:x:${uid}:${uid}::${home}:/bin/sh`),
  );
  await etc(
    'shadow',
    lines(({ name }) => `${name}:${hash}:19000:0:99999:7:::`),
  );
  await chmod(join(dir, 'etc', 'shadow'), 0o640);
  await etc(
    'group',
    lines(({ name, uid }) => `${name}:x:${uid}:`),
  );
  await etc('shells', '/bin/sh\n');
  await etc('nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n');
  for (const { uid, home } of busyboxUsers) await writeHome(join(dir, home), uid, key);
}

/** A home folder into which that key lets. */
export async function writeHome(home: string, uid: number, key: string): Promise<void> {
  const ssh = join(home, '.ssh');
  await mkdir(ssh, { recursive: true });
  await writeFile(join(ssh, 'authorized_keys'), key);
  await chmod(ssh, 0o700);
  for (const path of [home, ssh, join(ssh, 'authorized_keys')]) await chown(path, uid, uid);
}
