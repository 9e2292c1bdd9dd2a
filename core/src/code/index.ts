/** Loaded programs as the kernel rewrote them, and their machine code, with the lines of their source. */
export { listObject } from './objectListing.ts';
export { hostCode } from './hostCode.ts';
export { listCode, type CodeListing, type CodeView } from './listing.ts';
