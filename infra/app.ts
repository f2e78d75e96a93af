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

/** Whether the error is about a setting: our own refusals are of this class, and those of the CDK have this name. */
function isRefusal(thrown: unknown): thrown is Error {
  return thrown instanceof Error && (thrown.constructor === Error || thrown.name === 'ValidationError');
}

try {
  createStack();
} catch (thrown) {
  if (!isRefusal(thrown)) {
    throw thrown;
  }
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = 1;
}
