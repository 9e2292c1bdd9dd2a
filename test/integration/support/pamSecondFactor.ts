/** A PAM module for tests that asks for a code and a PIN; what it needs of PAM's headers is written out here. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = `
#include <stdlib.h>
#include <string.h>
struct pam_message { int msg_style; const char *msg; };
struct pam_response { char *resp; int resp_retcode; };
struct pam_conv { int (*conv)(int, const struct pam_message **, struct pam_response **, void *); void *data; };
int pam_get_item(const void *handle, int item, const void **value);

static int ask(void *handle, int style, const char *text, const char *wanted)
{
  const void *item = NULL;
  struct pam_message message = { style, text };
  const struct pam_message *messages[1] = { &message };
  struct pam_response *answer = NULL;
  if (pam_get_item(handle, 5, &item) != 0 || item == NULL) return 0;
  const struct pam_conv *conv = item;
  if (conv->conv(1, messages, &answer, conv->data) != 0 || answer == NULL || answer->resp == NULL) return 0;
  return strcmp(answer->resp, wanted) == 0;
}

int pam_sm_authenticate(void *handle, int flags, int argc, const char **argv)
{
  (void)flags;
  if (argc < 2) return 7;
  int code = ask(handle, 2, "Verification code: ", argv[0]);
  int pin = ask(handle, 1, "PIN of the token: ", argv[1]);
  return code && pin ? 0 : 7;
}

int pam_sm_setcred(void *handle, int flags, int argc, const char **argv)
{
  (void)handle; (void)flags; (void)argc; (void)argv;
  return 0;
}
`;

export interface SecondFactor {
  /** Lines for /etc/pam.d: the password, then code and PIN. */
  pam: string[];
  remove(): void;
}

export function secondFactor(code: string, pin: string): SecondFactor {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-pam-'));
  const file = join(folder, 'second.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-x', 'c', '-', '-o', file], { input: source });
  return {
    pam: [
      'auth required pam_unix.so',
      `auth required ${file} ${code} ${pin}`,
      'account required pam_unix.so',
      'session required pam_permit.so',
    ],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
