// Makes the policy of a secret: who may read it, and who may set it. Called by secrets.ts and open-accounts.ts.
import { Lazy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** The actions that read a value, or copy the secret to another region without its policy. */
const reading = ['secretsmanager:GetSecretValue', 'secretsmanager:ReplicateSecretToRegions'];
/** The actions that set a new value, or make an old value the current one. */
export const writing = ['secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'];

/** The policy of one secret, or of all that are made after the deployment. */
export interface SecretPolicy {
  /** Statements that are added later count too. */
  readonly document: PolicyDocument;
  /** From the first call on, only the principals of these ARNs may set a value. */
  readonly allowWriter: (arn: string) => void;
}

/** Makes a policy that lets only one role read the value. */
export function createSecretPolicy(readerArn: string): SecretPolicy {
  const document = new PolicyDocument();
  const writers: string[] = [];
  document.addStatements(denial('ReadingForTheBrokerAlone', reading, [readerArn]));
  return {
    document,
    allowWriter: (arn) => {
      if (writers.length === 0) {
        const produced = Lazy.list({ produce: () => writers });
        document.addStatements(denial('WritingForAdministratorsAlone', writing, produced));
      }
      writers.push(arn);
    },
  };
}

function denial(sid: string, actions: string[], except: string[]): PolicyStatement {
  return new PolicyStatement({
    sid,
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions,
    // In the policy of a secret, `*` is this secret, for every form of its ARN.
    resources: ['*'],
    conditions: { ArnNotEquals: { 'aws:PrincipalArn': except } },
  });
}
