/** Set by esbuild from the root package.json. */
declare const RINGSIDE_VERSION: string;
