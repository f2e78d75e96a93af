// Names the Lambda runtime of all functions. Called by function.ts and caller-function.ts.
import { Runtime, RuntimeFamily } from 'aws-cdk-lib/aws-lambda';

/** Node 24, by its name: older versions of aws-cdk-lib have no constant for it. */
export const nodeRuntime = new Runtime('nodejs24.x', RuntimeFamily.NODEJS, { supportsInlineCode: true });
