// Gives the role of the function the right to read each secret. Called by parts.ts and secrets.ts.
import { createHash } from 'node:crypto';
import { ManagedPolicy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';

/** Lets the role read one secret. */
export type AllowRead = (secret: ReadableSecret) => void;

/** A secret that the role may read. */
export interface ReadableSecret {
  readonly account: string;
  /** Complete ARN: the right is on this secret only. */
  readonly secretArn: string;
  /** Maximum length of the ARN, in characters. */
  readonly longestArn: number;
  /** Whether its name follows from the id of the account. */
  readonly isNamed: boolean;
}

/**
 * IAM's limit for a managed policy, in characters without white space. All policies in a role have 10,240 characters together, which is
 * not enough for 100 ARNs.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
const longestPolicy = 6_144;
/** Characters of a policy around its ARNs. */
const aroundArns = 200;
/** A role takes 10 managed policies. */
const policies = 4;

/**
 * Returns a function that gives the role its rights. For secrets whose names follow from ids there are 4 managed policies. The id of
 * an account decides which one has its secret, so a deployment that adds or removes other accounts never moves a right. All other
 * secrets stay in the policy of the role, where they were in earlier versions.
 */
export function createReadRights(role: Role): AllowRead {
  const shares = new Map<number, { readonly statement: PolicyStatement; characters: number }>();

  return ({ account, secretArn, longestArn, isNamed }) => {
    if (!isNamed) {
      role.addToPolicy(new PolicyStatement({ actions: reading, resources: [secretArn] }));
      return;
    }
    const share = shareOf(account);
    const { statement, characters } = shares.get(share) ?? { statement: createShare(share), characters: aroundArns };
    statement.addResources(secretArn);
    const longer = characters + longestArn + '"",'.length;
    if (longer > longestPolicy) {
      throw new Error(
        'the ARNs of the secrets do not fit into 4 policies of 6,144 characters: move some of the accounts to a second stack',
      );
    }
    shares.set(share, { statement, characters: longer });
  };

  function createShare(share: number): PolicyStatement {
    const statement = new PolicyStatement({ actions: reading });
    // As a part of the role, it is there before the function is: the function waits for the role.
    new ManagedPolicy(role, `Secrets${share}`, {
      description: 'Lets the Fegora token broker read the secrets of its accounts.',
      roles: [role],
      statements: [statement],
    });
    return statement;
  }
}

const reading = ['secretsmanager:GetSecretValue'];

function shareOf(account: string): number {
  return createHash('sha256').update(account).digest().readUInt8() % policies;
}
