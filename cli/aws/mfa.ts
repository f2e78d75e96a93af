// Asks for the code of an MFA device, which some AWS profiles need. Called by program.ts; aws.ts hands it to the SDK.
import { CommandError, exitCodes } from '../failure.ts';
import type { Output } from '../output/output.ts';

/** Returns the code that the device shows now. `serial` is the ARN of the device. */
export type AskMfaCode = (serial: string) => Promise<string>;

/** Without a terminal there is no one to ask: a line of standard input may be the password for Fegora. */
export function mfaCodeFrom({ isInteractive, ask }: Pick<Output, 'isInteractive' | 'ask'>): AskMfaCode {
  return async (serial) => {
    if (!isInteractive) {
      const advice =
        'put a session into the environment first: eval "$(aws configure export-credentials --format env)"';
      throw new CommandError(
        exitCodes.awsCredentials,
        `the AWS profile needs an MFA code, and this is no terminal; ${advice}`,
      );
    }
    return (await ask(`MFA code of ${serial}: `)).trim();
  };
}
