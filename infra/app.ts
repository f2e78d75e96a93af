import { App } from 'aws-cdk-lib';
import { checkRules } from './nag.ts';
import { TokenBrokerStack } from './token-broker-stack.ts';

const app = new App();
checkRules(app);
new TokenBrokerStack(app, 'FegoraTokenBroker', { broker: { accounts: { main: {} } } });
