import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sectionForms } from '../sections.ts';
import { mapTypeNames } from '../mapTypes.ts';
import { helperAllowed, helperFact, helperFacts, parseHelperHeader } from './helpers.ts';
import { mapFact } from './mapFacts.ts';
import { sectionContext } from './sectionContexts.ts';

const header = readFileSync(join(import.meta.dirname, '../../../resources/libbpf/bpf/bpf_helper_defs.h'), 'utf8');

describe('helpers', () => {
  it('has a fact for every prototype of the bundled header, and the other way round', () => {
    const names = [...parseHelperHeader(header).keys()].sort();
    expect(names).toEqual([...helperFacts()].map((fact) => fact.name).sort());
    expect(names.length).toBeGreaterThan(200);
  });

  it('reads prototype, description and result', () => {
    const lookup = parseHelperHeader(header).get('bpf_map_update_elem')!;
    expect(lookup.returns).toBe('long');
    expect(lookup.parameters.map((p) => p.text)).toEqual([
      ...['void *map', 'const void *key', 'const void *value', '__u64 flags'],
    ]);
    expect(lookup.description).toMatch(/^Add or update the value/);
    expect(lookup.result).toMatch(/^0 on success/);
    const printk = parseHelperHeader(header).get('bpf_trace_printk')!;
    expect(printk.parameters.at(-1)).toEqual({ name: '...', text: '...' });
  });

  it('knows first kernels and the helpers that are for GPL programs only', () => {
    expect(helperFact('bpf_ringbuf_output')).toMatchObject({ since: '5.8', gplOnly: false, id: 130 });
    expect(helperFact('bpf_probe_read_kernel')).toMatchObject({ since: '5.5', gplOnly: true });
    expect(helperFact('bpf_no_such')).toBeUndefined();
  });

  it('says what is allowed, what is not, and nothing about kernels between the tables', () => {
    const adjust = helperFact('bpf_xdp_adjust_head')!;
    expect(helperAllowed(adjust, 'xdp', '6.1.0')).toBe(true);
    expect(helperAllowed(adjust, 'kprobe', '6.18.5')).toBe(false);
    expect(helperAllowed(adjust, 'kprobe', '9.0')).toBeUndefined();
    expect(helperAllowed(adjust, 'struct_ops', '6.1.0')).toBeUndefined();
    const comm = helperFact('bpf_get_current_comm')!;
    expect(helperAllowed(comm, 'xdp', '6.1.0')).toBe(false);
    expect(helperAllowed(comm, 'xdp', '6.18.5')).toBeUndefined();
    expect(helperAllowed(comm, 'xdp', '7.3.4')).toBe(true);
    expect(helperAllowed(comm, 'xdp', null)).toBeUndefined();
  });
});

describe('sections and maps', () => {
  it('has a context and a sentence for every form of libbpf', () => {
    for (const form of sectionForms) expect(sectionContext(form).what, form.pattern).not.toBe('A BPF program.');
  });
  it('has a row for every type of map', () => {
    for (const name of mapTypeNames.slice(1)) expect(mapFact(`BPF_MAP_TYPE_${name.toUpperCase()}`), name).toBeDefined();
    expect(mapFact('BPF_MAP_TYPE_RINGBUF')).toMatchObject({ key: 'no', value: 'no', entries: 'yes' });
  });
});
