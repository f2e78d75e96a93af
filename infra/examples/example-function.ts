// Creates a function that calls the broker, from one of the handlers. Called by example-stack.ts.
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';
import { CallerFunction } from '../resources/caller-function.ts';

/** The handler and its environment. */
export interface ExampleFunctionProps {
  /** Name of a file in `handlers/`, without `.ts`. */
  readonly handler: string;
  /** Environment variables by name. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A function that calls the broker, bundled at synth. */
export class ExampleFunction extends CallerFunction {
  constructor(scope: Construct, id: string, { handler, environment }: ExampleFunctionProps) {
    super(scope, id, {
      code: Code.fromAsset(bundle(handler, `handlers/${handler}.ts`)),
      environment,
      withoutQueue: 'An example. Its owner or a workflow calls it, and each of them can call again.',
    });
  }
}

/**
 * Bundles a handler and returns the folder of the bundle. The Lambda runtime provides the AWS SDK.
 *
 * @param name name of the folder
 * @param file path of the handler, relative to this folder
 */
export function bundle(name: string, file: string): string {
  const outdir = fileURLToPath(new URL(`../../dist/examples/${name}`, import.meta.url));
  buildSync({
    entryPoints: { index: fileURLToPath(new URL(file, import.meta.url)) },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    external: ['@aws-sdk/*'],
  });
  return outdir;
}
