// The CDK app of the examples, with the broker that they call. Deployed with `npx cdk deploy --app`, as below.
import { App } from 'aws-cdk-lib';
import { checkRules } from '../nag.ts';
import { parseSettings } from '../settings/settings.ts';
import { TokenBrokerStack } from '../stack.ts';
import { ExampleStack } from './example-stack.ts';

// npx cdk deploy --app 'node infra/examples/app.ts' --all
const app = new App();
checkRules(app);
const stage = String(app.node.tryGetContext('stage'));
const settings = parseSettings(app.node.tryGetContext('stages'), stage);
const { broker } = new TokenBrokerStack(app, `FegoraTokenBroker-${stage}`, settings);
const [account = ''] = broker.accounts;
new ExampleStack(app, `FegoraTokenBrokerExamples-${stage}`, { broker, account, env: settings.env });
