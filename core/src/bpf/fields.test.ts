/** How a field is read: by its type, and where that leaves it open by its name. */
import { expect, it } from 'vitest';
import type { BtfType } from './btfTypes.ts';
import { typeField } from './fields.ts';

/** u8[count] below a field of this name. */
function bytesCalled(name: string, count: number): string {
  const types: BtfType[] = [
    { kind: 'void' },
    { kind: 'int', name: 'unsigned char', size: 1, signed: false, char: false, bool: false },
    { kind: 'typedef', name: 'u8', type: 1 },
    { kind: 'array', type: 2, indexType: 1, count },
  ] as BtfType[];
  return typeField({ type: (id) => types[id]! }, name, 3).kind;
}

it('reads an array of bytes as text where its name says so', () => {
  for (const name of [
    'comm',
    'task_comm',
    'hostname',
    'ifname',
    'pathname',
    'file_path',
    'filename',
    'message',
    'command',
  ])
    expect([name, bytesCalled(name, 16)]).toEqual([name, 'chars']);
  for (const name of ['data', 'digest', 'payload', 'raw', 'ssl_random', 'names_hash', 'restring'])
    expect([name, bytesCalled(name, 16)]).toEqual([name, 'bytes']);
});

it('reads a short array of bytes as bytes, and one that is called an address as that', () => {
  expect([bytesCalled('name', 4), bytesCalled('saddr', 4), bytesCalled('daddr_v6', 16)]).toEqual([
    'bytes',
    'ipv4',
    'ipv6',
  ]);
});
