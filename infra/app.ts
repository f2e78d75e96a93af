import { App } from 'aws-cdk-lib';
import { parseSettings } from './config.ts';
import { checkRules } from './nag.ts';
import { TokenBrokerStack } from './token-broker-stack.ts';

const app = new App();
checkRules(app);
const stage = String(app.node.tryGetContext('stage'));
new TokenBrokerStack(app, `FegoraTokenBroker-${stage}`, parseSettings(app.node.tryGetContext('stages'), stage));
