/** Numbers of the helpers that records go through (enum bpf_func_id). */
export const Helper = {
  mapLookupElem: 1,
  perfEventOutput: 25,
  skbOutput: 111,
  xdpOutput: 121,
  ringbufOutput: 130,
  ringbufReserve: 131,
  mapLookupPercpuElem: 195,
  ringbufReserveDynptr: 198,
  dynptrRead: 201,
  dynptrData: 203,
  userRingbufDrain: 209,
} as const;
