/** A project in C: libbpf with a skeleton by bpftool. */
import type { Cut } from '../cText.ts';
import type { LocalHeader } from '../localHeaders.ts';
import type { ProjectModel } from '../model.ts';
import type { ProjectFile } from '../files.ts';
import { headerText, typeNames } from './header.ts';
import { memberName } from './layout.ts';
import { mainText } from './main.ts';
import { cMakefile } from './makefile.ts';

export { refuseNames, sharedCut } from './shared.ts';

/** The name of the header, which none of the program's own has. */
export function headerName(model: ProjectModel, headers: readonly LocalHeader[]): string {
  const wanted = `${model.name}.h`;
  return headers.some((header) => header.name === wanted) ? `${model.name}_types.h` : wanted;
}

/** @param cut the types that the source gave up; null: it keeps them, and the header describes them again */
export function cFiles(model: ProjectModel, headers: readonly LocalHeader[], cut: Cut | null): ProjectFile[] {
  const header = headerName(model, headers);
  return [
    { path: header, text: headerText(model, cut) },
    { path: `${model.name}.c`, text: mainText(model, typeNames(model, cut), header) },
    {
      path: 'Makefile',
      text: cMakefile(
        model,
        headers.map((one) => one.name),
        header,
      ),
    },
  ];
}

/** A source that compiles only if the header describes the types as they were compiled. */
export function headerCheck(model: ProjectModel, header: string, cut: Cut): string {
  const types = typeNames(model, cut);
  const lines = model.streams
    .flatMap((stream) => stream.records.map((record) => record.shape))
    .filter((shape) => types.has(shape.name))
    .flatMap((shape) =>
      shape.fields
        .filter((field) => field.bits === 0)
        .map(
          (field) =>
            `_Static_assert(__builtin_offsetof(${types.get(shape.name)!}, ${memberName(field.name)}) == ${field.offset}, "");`,
        ),
    );
  return `#include "${header}"\n${lines.join('\n')}\n`;
}

/** What the header asks of the system, for a check where the system's own headers are not there. */
export const systemStubs: readonly ProjectFile[] = [
  {
    path: 'linux/types.h',
    text: `#pragma once
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64;
typedef signed char __s8; typedef short __s16; typedef int __s32; typedef long long __s64;
typedef __u16 __be16; typedef __u32 __be32; typedef __u64 __be64; typedef __u16 __le16; typedef __u32 __le32; typedef __u64 __le64;
`,
  },
  {
    path: 'stdint.h',
    text: `#pragma once
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t; typedef unsigned long uint64_t;
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long int64_t;
`,
  },
  {
    path: 'sys/types.h',
    text: `#pragma once
typedef int pid_t; typedef unsigned int uid_t, gid_t, mode_t; typedef long off_t, loff_t, time_t, ssize_t;
typedef unsigned long dev_t, ino_t, size_t, nlink_t;
`,
  },
];
