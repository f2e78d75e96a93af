// Warns about rights on more than one account. Called by token-broker-base.ts and token-broker.ts.
import { Annotations } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { nameOf } from './principal.ts';
import { textOf } from './principal-tokens.ts';
import { unwrapped } from './wrapped.ts';

/** A grantee and its ARN. */
interface Grantee {
  readonly grantee: IGrantable;
  readonly arn: string;
}

/** Warns that the tag decides, and says who can set it and what to restrict. */
export function warnAboutTag(broker: Construct, to: Grantee, key: string): void {
  const text = [
    `${whoIs(broker, to)} gets the tokens of the account that its tag ${key} names, so the principal that sets this tag chooses the account`,
    `In the trust policy of the role, let only that principal have sts:TagSession, on conditions for aws:RequestTag/${key} (which account it may name) and sts:TransitiveTagKeys (whether later sessions inherit the tag)`,
    'Restrict iam:TagRole and iam:UpdateAssumeRolePolicy on the role; of a user iam:TagUser, and its sts:GetFederationToken',
    'If the grantee is in another AWS account, that account sets the tag, and can reach every account of the broker',
    'Then acknowledge this warning (docs/operations.md, «One role for many tenants»).',
  ];
  Annotations.of(broker).addWarningV2('fegora-token-broker:account-tag', text.join('. '));
}

/** Warns that the right has no limit. */
export function warnAboutAllAccounts(broker: Construct, to: Grantee): void {
  Annotations.of(broker).addWarningV2(
    'fegora-token-broker:all-accounts',
    `${whoIs(broker, to)} gets the tokens of every account, also of accounts that you add later. If it works for one tenant at a time, use grantTokenByTag. Otherwise acknowledge this warning.`,
  );
}

/** Warns about `POST /token` if there are several accounts. */
export function warnAboutDefaultAccount(broker: Construct, account: string | undefined, accounts: number): void {
  if (account !== undefined && accounts > 1) {
    Annotations.of(broker).addWarningV2(
      'fegora-token-broker:default-account',
      `POST /token serves account ${account}. If you choose another account later, everyone with a right on that path gets its tokens: check who has that right first.`,
    );
  }
}

function whoIs(broker: Construct, { grantee, arn }: Grantee): string {
  return nameOf(unwrapped(grantee), textOf(broker, arn));
}
