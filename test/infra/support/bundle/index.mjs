// Handler that replaces the bundle of the function in synthesised templates. Used by synth.ts.
export const handler = () => undefined;
