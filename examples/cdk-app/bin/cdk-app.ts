#!/usr/bin/env node
// The CDK app: one stack. Run by the CDK CLI (see cdk.json).
import { App } from 'aws-cdk-lib';
import { CdkAppStack } from '../lib/cdk-app-stack';

const app = new App();
new CdkAppStack(app, 'CdkAppStack');
