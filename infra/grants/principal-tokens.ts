// Reads the ARN of a principal as far as it is known at synth. Called by principal.ts and other-stack.ts.
import {
  CfnElement,
  CfnResource,
  DefaultTokenResolver,
  type ITokenResolver,
  Reference,
  Stack,
  StringConcat,
  Tokenization,
} from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { unknownPart } from './principal-arn.ts';

/** Returns the ARN as text, with `unknownPart` for each part that is known only at deployment. */
export function textOf(scope: IConstruct, arn: string): string {
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

/** Returns the resources and parameters that an ARN refers to, also as a part of it. */
export function elementsIn(scope: IConstruct, arn: string): CfnElement[] {
  const found: CfnElement[] = [];
  const usual = new DefaultTokenResolver(new StringConcat());
  const resolver: ITokenResolver = {
    resolveToken: (token, context, postProcessor) => {
      if (Reference.isReference(token)) {
        found.push(...[token.target].filter((target) => CfnElement.isCfnElement(target)));
        return unknownPart;
      }
      return usual.resolveToken(token, context, postProcessor);
    },
    resolveString: (fragments, context) => usual.resolveString(fragments, context),
    resolveList: (list, context) => usual.resolveList(list, context),
  };
  Tokenization.resolve(arn, { scope, resolver, preparing: true });
  return found;
}
