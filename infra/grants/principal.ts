// Checks that a grantee is one role or one user. Called by each grant of token-broker.ts, its base and imported-broker.ts.
import { Annotations, Stack, Token } from 'aws-cdk-lib';
import type { IGrantable, IPrincipal, PrincipalPolicyFragment } from 'aws-cdk-lib/aws-iam';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { Construct } from 'constructs';
import { arnFault, groupFault, isOfPermissionSet, isPlaceholder, isUnknown, notAPrincipal } from './principal-arn.ts';
import { elementsIn, resourceOf, textOf } from './principal-tokens.ts';
import { isIgnored, isPrincipal, unwrapped } from './wrapped.ts';

/**
 * Returns the ARN of a grantee.
 *
 * @throws Error if the grantee is not one role or one user. No policy could match some others, for example a group.
 *   Others would let more principals use the right, for example an AWS account. The text says why, and what to do
 */
export function arnOf(scope: Construct, grantee: IGrantable): string {
  const principal = principalOf(grantee);
  const arn = onlyArn(principal);
  const text = readArn(scope, principal, arn);
  if (isPlaceholder(text)) {
    return arn;
  }
  const fault = resourceFault(scope, arn) ?? arnFault(text, partitionOf(scope));
  if (fault !== undefined) {
    throw refusal(nameOf(principal, text), fault);
  }
  warn(scope, principal, { arn, text });
  return arn;
}

/** Returns the name of a principal for errors and warnings: the path of a construct, otherwise the text. */
export function nameOf(principal: IPrincipal, text: string): string {
  return Construct.isConstruct(principal) ? principal.node.path : text || 'An empty text';
}

function refusal(who: string, fault: string): Error {
  return new Error(`${who} cannot get a right of the broker, only a role or a user can: ${fault}`);
}

/** In JavaScript, the grantee can be anything. */
function principalOf(grantee: IGrantable | undefined): IPrincipal {
  const principal: unknown = typeof grantee === 'object' ? grantee?.grantPrincipal : undefined;
  if (!isPrincipal(principal)) {
    throw refusal(String(grantee), 'pass a role, a user, a function, or new ArnPrincipal(<ARN of a role>)');
  }
  return principal;
}

/** Why the elements of a principal other than `AWS` are refused. The ARN in a condition never matches them. */
const otherPrincipals: Readonly<Record<string, string>> = {
  Service: 'a service calls with a role: pass that role, for example the role of the state machine',
  Federated: 'a federated identity calls with a role: pass the role that it assumes',
  CanonicalUser: 'only S3 knows canonical users: pass a role',
};

function onlyArn(principal: IPrincipal): string {
  const { principalJson, conditions } = fragmentOf(principal);
  const who = nameOf(principal, Object.values(principalJson).flat().join(', '));
  const [[kind, values] = ['', []], ...more] = Object.entries(principalJson);
  const [value, ...others] = values;
  if (more.length > 0 || others.length > 0) {
    throw refusal(who, 'these are several principals: call the grant for each of them');
  }
  if (value === undefined || Object.hasOwn(otherPrincipals, kind)) {
    throw refusal(who, otherPrincipals[kind] ?? notAPrincipal);
  }
  if (Object.keys(conditions).length > 0 && value !== '*') {
    throw refusal(who, 'its conditions would be lost: put them into the policy of the role, and pass the role itself');
  }
  return value;
}

/** A policy in place of a principal has no ARN: the CDK throws when it resolves one. */
function readArn(scope: Construct, principal: IPrincipal, arn: string): string {
  try {
    return textOf(scope, arn);
  } catch {
    throw refusal(nameOf(principal, 'A policy'), 'a policy is not a principal: pass the role or the user that has it');
  }
}

function fragmentOf(principal: IPrincipal): PrincipalPolicyFragment {
  try {
    return principal.policyFragment;
  } catch (cause) {
    throw refusal(
      nameOf(principal, 'an imported resource'),
      `${cause instanceof Error ? cause.message : ''}. Pass new ArnPrincipal(<ARN of its role>), or import it with its role`,
    );
  }
}

/** Returns what is wrong with a resource of the app, whose ARN is known only at deployment. */
function resourceFault(scope: Construct, arn: string): string | undefined {
  const role = scope.node.tryFindChild('Role');
  if (elementsIn(scope, arn).some(({ node }) => node.scope === role)) {
    return 'this is the role of the broker itself, and only its function can use it: pass the role of the caller or of the operator';
  }
  const { type = '', attribute } = resourceOf(arn) ?? {};
  if (type === 'AWS::IAM::Group') {
    return groupFault;
  }
  const isRoleOrUser = /^AWS::IAM::(Role|User)$/.test(type) && attribute === 'Arn';
  return type.startsWith('AWS::IAM::') && !isRoleOrUser ? notAPrincipal : undefined;
}

/** Returns the partition of the stack. Undefined if its region is known only at deployment, or to no CDK of this version. */
export function partitionOf(scope: Construct): string | undefined {
  const { region } = Stack.of(scope);
  return Token.isUnresolved(region) ? undefined : RegionInfo.get(region).partition;
}

/** Warns if the administrator is a role that gets another name when its permission set is assigned anew. */
export function warnAboutAdministrator(scope: Construct, arn: string): void {
  if (isOfPermissionSet(arn)) {
    Annotations.of(scope).addWarningV2(
      'fegora-token-broker:permission-set',
      'The administrator is the role of a permission set. If its last assignment to this AWS account is removed, a new one makes a role with another name, and no one can set credentials until you deploy with its ARN. Keep a second administrator, or acknowledge this warning.',
    );
  }
}

function warn(scope: Construct, principal: IPrincipal, { arn, text }: { arn: string; text: string }): void {
  const who = nameOf(principal, text);
  const warnings = {
    'unknown-principal':
      isUnknown(text) &&
      resourceOf(arn) === undefined &&
      'A grantee is known only at deployment. It must be the ARN of one role or user: no policy would match a group, and an AWS account would let in all its principals.',
    'imported-principal':
      isOfUnknownAccount(scope, principal) &&
      `The stack does not know its AWS account, so the policy goes to the role of that name in the account that deploys. If ${who} is in another one, set env.account of the stack, or pass new ArnPrincipal(<ARN of the role>).`,
    'immutable-principal':
      isImmutable(scope, principal) &&
      `The CDK changes no policy of ${who}: it is imported with mutable: false, or made by withoutPolicyUpdates. So the grant gives no right. Add the right yourself, or pass the role itself or new ArnPrincipal(<ARN of the role>).`,
  };
  for (const [id, warning] of Object.entries(warnings)) {
    if (warning !== false) {
      Annotations.of(scope).addWarningV2(`fegora-token-broker:${id}`, warning);
    }
  }
}

/** The policy of an imported role is attached by the name of the role, in the AWS account of the stack. */
function isOfUnknownAccount(scope: Construct, { principalAccount }: IPrincipal): boolean {
  const isKnown = principalAccount !== undefined && !Token.isUnresolved(principalAccount);
  return isKnown && Token.isUnresolved(Stack.of(scope).account);
}

/** If the role is in another AWS account, the CDK changes the policies of the broker. */
function isImmutable(scope: Construct, principal: IPrincipal): boolean {
  return isIgnored(unwrapped(principal)) && principal.principalAccount === Stack.of(scope).account;
}
