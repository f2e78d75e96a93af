// Finds faults in the ARN of a principal, as text. Called by principal.ts.

/** Stands for each part of an ARN that is known only at deployment. */
export const unknownPart = '{}';

/** Why a group is refused. */
export const groupFault =
  'a group is not a principal, and no request has its ARN, so no policy would ever match it: pass a role, or each user of the group';

/** Why everything else is refused. */
export const notAPrincipal = 'this is not the ARN of one: pass arn:<partition>:iam::<account>:role/<path><name>';

/**
 * The forms of text that no policy of the broker could match, or that would let others in, each with what to do. The
 * first one that fits counts.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
 */
const faults: readonly (readonly [form: RegExp, fault: string])[] = [
  [/[*?]/, 'a wildcard lets other principals use the right: pass one role or user'],
  [/^\d{12}$|:root$/, 'an AWS account could pass the right on to all its principals: pass one role or user'],
  [/:group\//, groupFault],
  [
    /^[^:]*:[^:]*:sts:[^:]*:[^:]*:assumed-role\//,
    'a policy compares the ARN of the role, and this is the ARN of one session: use the ARN of the role, with its path',
  ],
  [/:federated-user\//, 'a federated session has no policy of its own: pass the role or the user that starts it'],
  [
    /:role\/(aws-service-role\/|AWSServiceRoleFor)/,
    'only its service can use a service-linked role: pass a role of yours',
  ],
  [
    /:role\/(?!aws-reserved\/sso\.amazonaws\.com\/)(.*\/)?AWSReservedSSO_/,
    'the role of a permission set has a path, and without it no policy would ever match: use the whole ARN, with aws-reserved/sso.amazonaws.com/',
  ],
];

const name = String.raw`(?:[\w+=,.@-]|\{\})+`;
const roleOrUser = new RegExp(
  String.raw`^arn:(?:[a-z-]+|\{\}):iam::(?:\d{12}|\{\}):(?:role|user)/(?:${name}/)*${name}$`,
);

/**
 * Returns why a principal of this ARN cannot get a right, and what to do. Undefined if it can, or if that is known only
 * at deployment.
 *
 * @param arn the ARN, with `unknownPart` for each part that is known only at deployment
 * @param partition of the stack; undefined: known only at deployment
 */
export function arnFault(arn: string, partition: string | undefined): string | undefined {
  const fault = faults.find(([form]) => form.test(arn))?.[1];
  return fault ?? (isUnknown(arn) || roleOrUser.test(arn) ? partitionFault(arn, partition) : notAPrincipal);
}

/** Whether it is known only at deployment that the ARN is that of a role or a user. */
export function isUnknown(arn: string): boolean {
  const [start = '', , service = '', , , resource = ''] = arn.split(':');
  const [kind = ''] = resource.split('/');
  return start.includes(unknownPart) || (start === 'arn' && (service + kind).includes(unknownPart));
}

/**
 * Whether the CDK has not looked up the role yet. It synthesises once with this ARN, and again with the true one, but only if
 * the first time succeeds.
 */
export function isPlaceholder(arn: string): boolean {
  return arn.endsWith(':role/DUMMY_ARN');
}

/** Whether IAM Identity Center has made the role. If its permission set is assigned anew, the role gets another name. */
export function isOfPermissionSet(arn: string): boolean {
  return /:role\/aws-reserved\/sso\.amazonaws\.com\//.test(arn);
}

function partitionFault(arn: string, partition: string | undefined): string | undefined {
  const [, own = unknownPart] = arn.split(':');
  return own === unknownPart || partition === undefined || own === partition
    ? undefined
    : `the stack is in the partition ${partition}, which has no principals of ${own}: use the ARN of a role in ${partition}`;
}
