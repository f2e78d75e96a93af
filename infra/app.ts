// The CDK app: synthesises the broker of the stage that the context names. Called by the CDK CLI (see cdk.json).
import { existsSync, readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { checkRules } from './nag.ts';
import { checkDropped } from './settings/dropped.ts';
import { parseSettings } from './settings/settings.ts';
import { TokenBrokerStack } from './stack.ts';

function createStack(): void {
  const app = new App();
  checkRules(app);
  const stage = String(app.node.tryGetContext('stage'));
  checkDropped(existsSync('cdk.json') ? readFileSync('cdk.json', 'utf8') : '', stage);
  new TokenBrokerStack(app, `FegoraTokenBroker-${stage}`, parseSettings(app.node.tryGetContext('stages'), stage));
}

/** Errors of the language show a defect of ours. All others are refusals, our own and those of the CDK. */
const defects = [TypeError, ReferenceError, RangeError, SyntaxError];

function isRefusal(thrown: unknown): thrown is Error {
  return thrown instanceof Error && !defects.some((defect) => thrown instanceof defect);
}

try {
  createStack();
} catch (thrown) {
  if (!isRefusal(thrown)) {
    throw thrown;
  }
  process.stderr.write(`${thrown.message}\n`);
  // Otherwise the app would still synthesise when the process ends, without the stack.
  process.exit(1);
}
