import { SecretsRefusal } from './versions.ts';

/**
 * What can go wrong: throttled, an error of theirs, no answer at all, an answer cut short, no permission, no use of the
 * key. `flapping` answers GetSecretValue with AWSCURRENT and AWSPREVIOUS in turn, as reads may for a while after a write.
 */
export type SecretsFault = 'throttled' | 'failed' | 'hanging' | 'cut' | 'denied' | 'undecryptable' | 'flapping';

/** The fault that stands, if any. */
export interface SecretsFaults {
  /** From now on, for so many requests. */
  readonly breakWith: (fault: SecretsFault, times?: number) => void;
  readonly clearFault: () => void;
  /** What the next request meets. */
  readonly take: () => SecretsFault | undefined;
}

/** How Secrets Manager words a fault that it answers with. */
export const faultRefusals: ReadonlyMap<SecretsFault | undefined, SecretsRefusal> = new Map([
  ['throttled', new SecretsRefusal('ThrottlingException', 'Rate exceeded')],
  ['failed', new SecretsRefusal('InternalServiceError', 'An error occurred on the server side.')],
  ['denied', new SecretsRefusal('AccessDeniedException', 'User is not authorized to perform this action.')],
  ['undecryptable', new SecretsRefusal('DecryptionFailure', 'The protected secret text cannot be decrypted.')],
]);

/** No fault at first. */
export function createSecretsFaults(): SecretsFaults {
  let standing: SecretsFault | undefined;
  let left = 0;
  return {
    breakWith: (fault, times = Number.POSITIVE_INFINITY) => {
      standing = fault;
      left = times;
    },
    clearFault: () => {
      left = 0;
    },
    take: () => {
      left -= 1;
      return left >= 0 ? standing : undefined;
    },
  };
}
