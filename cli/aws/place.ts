// Says in which AWS account and region something was done. Called by the commands that change something.

const arnParts = /^arn:[a-z-]+:\w+:([a-z0-9-]+):(\d{12}):/;

/**
 * Returns the line for an operator. The account and the region come from the ARN in the answer, so they are those of the
 * resource that was changed, and not those that the settings mean.
 *
 * @param arn of the function or of the secret; undefined if the answer has none, as of an older function
 * @param address where the request went; undefined if it is not known
 */
export function describePlace(what: 'done' | 'stored', arn: unknown, address: string | undefined): string {
  const [, region, account] = arnParts.exec(String(arn)) ?? [];
  const named =
    account === undefined ? 'an AWS account that the answer does not name' : `AWS account ${account}, ${region}`;
  return `${what} in ${named}${address === undefined ? '' : `, through ${address}`}`;
}
