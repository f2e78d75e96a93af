// Reads the ARN of a principal as far as it is known at synth. Called by principal.ts.
import { CfnResource, Reference, Stack, Tokenization } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { unknownPart } from './principal-arn.ts';

/** Returns the ARN as text, with `unknownPart` for each part that is known only at deployment. */
export function textOf(scope: Construct, arn: string): string {
  // The CDK cannot resolve a reference to a resource of another environment.
  return resourceOf(arn) === undefined ? partsOf(Stack.of(scope).resolve(arn)) : unknownPart;
}

function partsOf(resolved: unknown): string {
  if (typeof resolved !== 'object' || resolved === null) {
    return String(resolved);
  }
  const { 'Fn::Join': join, 'Fn::Sub': sub } = Object.fromEntries(Object.entries(resolved));
  if (Array.isArray(join) && Array.isArray(join[1])) {
    return join[1].map(partsOf).join(String(join[0]));
  }
  const template: unknown = Array.isArray(sub) ? sub[0] : sub;
  return typeof template === 'string' ? template.replaceAll(/\$\{[^}]*\}/g, unknownPart) : unknownPart;
}

/** Returns the type and the attribute of the resource whose attribute an ARN is. Undefined if it is none. */
export function resourceOf(arn: string): { readonly type: string; readonly attribute: string } | undefined {
  const { length, tokens } = Tokenization.reverseString(arn);
  const [reference] = tokens;
  return length === 1 && Reference.isReference(reference) && CfnResource.isCfnResource(reference.target)
    ? { type: reference.target.cfnResourceType, attribute: reference.displayName }
    : undefined;
}
