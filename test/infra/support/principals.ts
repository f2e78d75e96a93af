// Principals of every kind, and what the grants of the broker say about each. Called by grants/principal.test.ts.
import { Aws, Fn, type Stack } from 'aws-cdk-lib';
import {
  AccountPrincipal,
  AccountRootPrincipal,
  AnyPrincipal,
  ArnPrincipal,
  CanonicalUserPrincipal,
  CfnInstanceProfile,
  CompositePrincipal,
  FederatedPrincipal,
  Group,
  type IGrantable,
  LazyRole,
  ManagedPolicy,
  OpenIdConnectPrincipal,
  OpenIdConnectProvider,
  OrganizationPrincipal,
  Policy,
  PrincipalWithConditions,
  Role,
  SamlPrincipal,
  SamlProvider,
  ServicePrincipal,
  SessionTagsPrincipal,
  StarPrincipal,
  UnknownPrincipal,
  User,
  WebIdentityPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { arns } from './synth.ts';

/** Start of the ARNs of the principals of the stack's own account. */
export const own = 'arn:aws:iam::111111111111:';
const lambda = new ServicePrincipal('lambda.amazonaws.com');
const byArn = (arn: string) => () => new ArnPrincipal(arn);
const role = () => new ArnPrincipal(`${own}role/R`);

const wildcard = 'a wildcard lets other principals use the right';
const account = 'an AWS account could pass the right on';
const group = 'a group is not a principal, and no request has its ARN, so no policy would ever match it: pass a role';
const federated = 'a federated identity calls with a role: pass the role that it assumes';
const noArn = 'this is not the ARN of one: pass arn:<partition>:iam::<account>:role/<path><name>';
const conditions = 'its conditions would be lost: put them into the policy of the role, and pass the role itself';
const policy = 'a policy is not a principal: pass the role or the user that has it';
const several = 'these are several principals: call the grant for each of them';

/** What each principal of the CDK renders to decides. The last column is the reason and the advice in the error. */
export const refused: readonly (readonly [what: string, grantee: (stack: Stack) => IGrantable, reason: string])[] = [
  ['a group of the app', (stack) => new Group(stack, 'Group'), group],
  ['an imported group', (stack) => Group.fromGroupArn(stack, 'Group', `${own}group/admins`), group],
  ['the ARN of a group', byArn(`${own}group/admins`), group],
  ['the ARN of a group in this account', byArn(`arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:group/admins`), group],
  [
    'the ARN of a group by Fn::Sub',
    byArn(Fn.sub(`arn:\${AWS::Partition}:iam::\${AWS::AccountId}:group/admins`)),
    group,
  ],
  [
    'the ARN of a group by Fn::Sub with values',
    byArn(Fn.sub(`arn:aws:iam::\${Account}:group/admins`, { Account: '111111111111' })),
    group,
  ],
  ['a policy', byArn(`${own}policy/Admins`), noArn],
  ['a policy of the app', (stack) => new Policy(stack, 'Policy'), policy],
  ['a managed policy of the app', (stack) => new ManagedPolicy(stack, 'Policy'), policy],
  ['an instance profile', byArn(`${own}instance-profile/web`), noArn],
  [
    'an instance profile of the app',
    (stack) => new ArnPrincipal(new CfnInstanceProfile(stack, 'Profile', { roles: ['R'] }).attrArn),
    noArn,
  ],
  ['the id of a role', (stack) => new ArnPrincipal(new Role(stack, 'R', { assumedBy: lambda }).roleId), noArn],
  ['an identity provider', byArn(`${own}saml-provider/idp`), noArn],
  ['another resource', byArn('arn:aws:s3:::bucket'), noArn],
  ['a unique id', byArn('AROAEXAMPLEEXAMPLE123'), noArn],
  ['a name', byArn('Reports'), noArn],
  ['an empty text', byArn(''), noArn],
  ['a role without a name', byArn(`${own}role/`), noArn],
  ['a number of 4 digits in place of an account', byArn('arn:aws:iam::1111:role/R'), noArn],
  ['a wildcard', byArn('arn:aws:iam::222222222222:role/*'), wildcard],
  ['a wildcard for one character', byArn(`${own}role/R?`), wildcard],
  ['an imported role with a wildcard', (stack) => Role.fromRoleArn(stack, 'R', `${own}role/*`), wildcard],
  ['every principal', () => new AnyPrincipal(), wildcard],
  ['every principal, by a star', () => new StarPrincipal(), wildcard],
  ['every principal of an organisation', () => new OrganizationPrincipal('o-exampleorg1'), wildcard],
  ['a whole account', () => new AccountPrincipal('222222222222'), account],
  ['the account of the stack', () => new AccountRootPrincipal(), account],
  ['the root user by ARN', byArn(`${own}root`), account],
  ['a whole account by its number', byArn('222222222222'), account],
  ['a service', () => new ServicePrincipal('states.amazonaws.com'), 'a service calls with a role: pass that role'],
  ['a federated principal', () => new FederatedPrincipal('cognito-identity.amazonaws.com', {}), federated],
  ['a web identity', () => new WebIdentityPrincipal('accounts.google.com'), federated],
  [
    'OpenID Connect',
    (stack) =>
      new OpenIdConnectPrincipal(
        OpenIdConnectProvider.fromOpenIdConnectProviderArn(stack, 'Idp', `${own}oidc-provider/idp`),
      ),
    federated,
  ],
  [
    'SAML',
    (stack) => new SamlPrincipal(SamlProvider.fromSamlProviderArn(stack, 'Idp', `${own}saml-provider/idp`), {}),
    federated,
  ],
  ['a canonical user', () => new CanonicalUserPrincipal('0123'), 'only S3 knows canonical users: pass a role'],
  [
    'a session of a role',
    byArn('arn:aws:sts::111111111111:assumed-role/R/session'),
    'this is the ARN of one session: use the ARN of the role, with its path',
  ],
  [
    'a federated session',
    byArn('arn:aws:sts::111111111111:federated-user/bob'),
    'pass the role or the user that starts it',
  ],
  [
    'a role with conditions',
    () => new PrincipalWithConditions(role(), { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }),
    conditions,
  ],
  ['a role in an organisation', () => role().inOrganization('o-exampleorg1'), conditions],
  ['two roles at once', () => new CompositePrincipal(role(), new ArnPrincipal(`${own}role/Q`)), several],
  ['a role and a service at once', () => new CompositePrincipal(role(), lambda), several],
  [
    'a role of a permission set without its path',
    byArn(`${own}role/AWSReservedSSO_Operators_0123456789abcdef`),
    'use the whole ARN, with aws-reserved/sso.amazonaws.com/',
  ],
  [
    'a role of a permission set with half of its path',
    byArn(`${own}role/aws-reserved/AWSReservedSSO_Operators_0123456789abcdef`),
    'use the whole ARN, with aws-reserved/sso.amazonaws.com/',
  ],
  [
    'a role of a permission set by its name',
    (stack) => Role.fromRoleName(stack, 'R', 'AWSReservedSSO_Operators_0123456789abcdef'),
    'without it no policy would ever match',
  ],
  [
    'a service-linked role',
    byArn(`${own}role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway`),
    'only its service can use a service-linked role',
  ],
  [
    'a service-linked role by its name',
    (stack) => Role.fromRoleName(stack, 'R', 'AWSServiceRoleForAPIGateway'),
    'only its service can use a service-linked role',
  ],
  [
    'a role of another partition',
    byArn('arn:aws-cn:iam::111111111111:role/R'),
    'the stack is in the partition aws, which has no principals of aws-cn',
  ],
  [
    'an imported function without its role',
    (stack) => ({ grantPrincipal: new UnknownPrincipal({ resource: stack }) }),
    'Pass new ArnPrincipal(<ARN of its role>), or import it with its role',
  ],
];

/** Principals that each policy can match. */
export const accepted: readonly (readonly [what: string, grantee: (stack: Stack) => IGrantable, arn: string])[] = [
  ['a role of the app', (stack) => new Role(stack, 'R', { assumedBy: lambda }), '{RC21A1702.Arn}'],
  ['a role that is made when needed', (stack) => new LazyRole(stack, 'R', { assumedBy: lambda }), '{RC21A1702.Arn}'],
  ['a user of the app', (stack) => new User(stack, 'U'), '{U05997891.Arn}'],
  ['an imported user', (stack) => User.fromUserArn(stack, 'U', `${own}user/bob`), `${own}user/bob`],
  ['the ARN of a user', byArn(`${own}user/ops/bob`), `${own}user/ops/bob`],
  ['an imported role with a path', (stack) => Role.fromRoleArn(stack, 'R', `${own}role/a/b/R`), `${own}role/a/b/R`],
  [
    'a role by its name',
    (stack) => Role.fromRoleName(stack, 'R', 'R'),
    'arn:{AWS::Partition}:iam::111111111111:role/R',
  ],
  ['a role of another AWS account', byArn(arns.foreignCaller), arns.foreignCaller],
  [
    'an imported role of another AWS account',
    (stack) => Role.fromRoleArn(stack, 'R', arns.foreignCaller),
    arns.foreignCaller,
  ],
  ['a role with session tags', () => new SessionTagsPrincipal(role()), `${own}role/R`],
  [
    'the ARN of a role of the app by its name',
    (stack) => new ArnPrincipal(`${own}role/${new Role(stack, 'R', { assumedBy: lambda }).roleName}`),
    `${own}role/{RC21A1702}`,
  ],
  [
    'a role of this account',
    byArn(`arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/R`),
    'arn:{AWS::Partition}:iam::{AWS::AccountId}:role/R',
  ],
];
