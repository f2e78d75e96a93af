#!/usr/bin/env node
// The CDK app: one stack, checked by cdk-nag. Run by the CDK CLI (see cdk.json).
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { InvoicingStack } from '../lib/invoicing-stack';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
new InvoicingStack(app, 'InvoicingStack', {
  functionArn: String(app.node.tryGetContext('functionArn')),
  apiId: String(app.node.tryGetContext('apiId')),
  account: 'main',
});
