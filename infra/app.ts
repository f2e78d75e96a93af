// The CDK app: synthesises the broker of the stage that the context names. Called by the CDK CLI (see cdk.json).
import { App } from 'aws-cdk-lib';
import { checkRules } from './nag.ts';
import { parseSettings } from './settings/settings.ts';
import { TokenBrokerStack } from './stack.ts';

const app = new App();
checkRules(app);
const stage = String(app.node.tryGetContext('stage'));
new TokenBrokerStack(app, `FegoraTokenBroker-${stage}`, parseSettings(app.node.tryGetContext('stages'), stage));
