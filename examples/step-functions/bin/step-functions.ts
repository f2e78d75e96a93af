#!/usr/bin/env node
// The CDK app: one stack, checked by cdk-nag. Run by the CDK CLI (see cdk.json).
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { InvoicingStack } from '../lib/invoicing-stack';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
const functionArn = contextOf('functionArn');
const apiId = contextOf('apiId');
new InvoicingStack(app, 'InvoicingStack', { functionArn, apiId, account: 'main' });

function contextOf(name: string): string {
  const value: unknown = app.node.tryGetContext(name);
  if (typeof value !== 'string' || value === '') {
    throw new Error(`Name the broker: add -c functionArn=<ARN> -c apiId=<id>, as in the README. ${name} is missing.`);
  }
  return value;
}
