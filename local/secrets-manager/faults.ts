// The faults that a test can give the emulator. Used by server.ts.
import { SecretsRefusal } from './versions.ts';

/**
 * The emulator's faults: throttling, a server error, no answer, half an answer, no permission on the secret, no
 * permission on the key. With `flapping`, GetSecretValue answers AWSCURRENT and AWSPREVIOUS in turns, as reads can
 * after a write.
 */
export type SecretsFault = 'throttled' | 'failed' | 'hanging' | 'cut' | 'denied' | 'undecryptable' | 'flapping';

/** Holds at most one fault. */
export interface SecretsFaults {
  /** Sets the fault for the next `times` requests. @default all requests */
  readonly breakWith: (fault: SecretsFault, times?: number) => void;
  /** Ends the fault. */
  readonly clearFault: () => void;
  /** The fault of the request that arrives now. */
  readonly take: () => SecretsFault | undefined;
}

/** The refusals of the faults that have an answer, in Secrets Manager's words. */
export const faultRefusals: ReadonlyMap<SecretsFault | undefined, SecretsRefusal> = new Map([
  ['throttled', new SecretsRefusal('ThrottlingException', 'Rate exceeded')],
  ['failed', new SecretsRefusal('InternalServiceError', 'An error occurred on the server side.')],
  ['denied', new SecretsRefusal('AccessDeniedException', 'User is not authorized to perform this action.')],
  ['undecryptable', new SecretsRefusal('DecryptionFailure', 'The protected secret text cannot be decrypted.')],
]);

/** Starts without a fault. */
export function createSecretsFaults(): SecretsFaults {
  let current: SecretsFault | undefined;
  let left = 0;
  return {
    breakWith: (fault, times = Number.POSITIVE_INFINITY) => {
      current = fault;
      left = times;
    },
    clearFault: () => {
      left = 0;
    },
    take: () => {
      left -= 1;
      return left >= 0 ? current : undefined;
    },
  };
}
