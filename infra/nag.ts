// Adds the rule packs of cdk-nag to an app. Called by app.ts.
import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';

/** Makes synth fail if the app breaks a rule of these packs and the code does not acknowledge it with a reason. */
export function checkRules(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
}
