// Says in a sentence why the SDK found no AWS keys. Called by aws.ts.
import { CommandError, exitCodes } from '../failure.ts';

const defaultProfile = 'the default AWS profile';

/** How the SDK's errors are told, in order. A sentence never repeats what a command has printed: it may be a key. */
const sentences: readonly (readonly [cause: RegExp, sentence: (profile: string) => string])[] = [
  [
    /credential_process|^Command failed/i,
    (profile) => `the credential_process of ${profile} failed; run that command yourself to see why`,
  ],
  [/MultiFactorAuthentication failed|invalid MFA/i, () => 'AWS does not accept the MFA code; wait for the next one'],
  [/sso|Token is expired/i, (profile) => `the SSO session of ${profile} has expired or was never started`],
  [/login session|aws login/i, (profile) => `the login session of ${profile} has expired`],
  [/sts:AssumeRole/i, (profile) => `AWS does not let you take the role of ${profile}; check who may assume the role`],
  [/cycle/i, (profile) => `the source_profile of ${profile} leads back to itself`],
  [/ENOENT|token file/i, (profile) => `the web identity token file of ${profile} cannot be read`],
  [
    /from any providers/i,
    (profile) =>
      profile === defaultProfile
        ? 'no AWS credentials: no AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, no profile with keys, and no role of this machine'
        : `no AWS credentials: ${profile} has none, and this machine has no role`,
  ],
];

/**
 * Returns the failure for an operator.
 *
 * @param thrown what the SDK has thrown
 * @param profile undefined if no profile was named
 */
export function describeKeysFailure(thrown: unknown, profile: string | undefined): CommandError {
  if (thrown instanceof CommandError) {
    return thrown;
  }
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const whose = profile === undefined ? defaultProfile : `the AWS profile ${profile}`;
  const [, sentence = () => `${whose} gives no AWS keys${/^\w{1,64}$/.test(name) ? ` (${name})` : ''}`] =
    sentences.find(([cause]) => cause.test(message)) ?? [];
  const text = `${sentence(whose)}; ${adviceFor(message, profile)}`;
  return new CommandError(exitCodes.awsCredentials, text, { cause: thrown });
}

function adviceFor(message: string, profile: string | undefined): string {
  const option = profile === undefined ? '' : ` --profile ${profile}`;
  if (/login session|aws login/i.test(message)) {
    return `run \`aws login${option}\``;
  }
  return /sso|Token is expired/i.test(message)
    ? `run \`aws sso login${option}\``
    : 'set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again';
}
