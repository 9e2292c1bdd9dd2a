import fc from 'fast-check';
import { expect, it } from 'vitest';
import { agentKeyTypes, isSpecialKey } from './needed.ts';

function string(bytes: Buffer | string): Buffer {
  const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

it("an agent's list gives the types of all keys", () => {
  const types = ['ssh-ed25519', 'sk-ssh-ed25519@openssh.com', 'ssh-rsa-cert-v01@openssh.com'];
  const keys = types.map((type) =>
    Buffer.concat([string(Buffer.concat([string(type), Buffer.alloc(9)])), string('note')]),
  );
  const body = Buffer.concat([Buffer.from([12, 0, 0, 0, types.length]), ...keys]);
  expect(agentKeyTypes(string(body))).toEqual(types);
  expect(types.filter(isSpecialKey)).toEqual(types.slice(1));
});

it('an agent that answers anything does no harm', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void agentKeyTypes(Buffer.from(bytes))));
});
