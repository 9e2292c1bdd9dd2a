import { expect, it } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Programs } from './programs.ts';

const document = (uri: string, text: string) => TextDocument.create(uri, 'c', 1, text);

it('knows a program by its name, whatever is in it', () => {
  const programs = new Programs();
  expect(programs.read(document('file:///p/my%20probe.bpf.c', ''))).toEqual({
    ...{ uri: 'file:///p/my%20probe.bpf.c', file: '/p/my probe.bpf.c', version: 1, text: '' },
  });
  expect(programs.read(document('untitled:a.bpf.c', ''))).toBeNull();
  expect(programs.read(document('file://host/p/a.bpf.c', ''))).toBeNull();
});

it('knows another C file by a section in it, until it is closed', () => {
  const programs = new Programs();
  const uri = 'file:///p/probe.c';
  for (const text of ['', 'int SEC;', 'SEC(5)', 'DISSEC("x")', 'MSEC ("x")'])
    expect(programs.read(document(uri, text)), text).toBeNull();
  expect(programs.read(document(uri, 'SEC ( "xdp")'))?.file).toBe('/p/probe.c');
  expect(programs.read(document(uri, ''))).not.toBeNull();
  programs.forget(uri);
  expect(programs.read(document(uri, ''))).toBeNull();
  expect(programs.read(document('file:///p/probe.h', 'SEC("xdp")'))).toBeNull();
});
