// The checks of region and AWS keys. Rows of checks.ts.
import { regionOf } from '../../client/endpoint.ts';
import { awsIdentity } from '../aws/aws.ts';
import { configuredEndpoint } from '../aws/endpoints.ts';
import { openService } from '../aws/signed-call.ts';
import { type Finding, notChecked, ok, textOf, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** The region has to be the one of the API and of the function, as far as their names tell it. */
export async function checkRegion({ target, region }: Examined): Promise<Finding> {
  if (!isReadable(target)) {
    return notChecked('the outputs cannot be read');
  }
  try {
    const used = await region();
    const { endpoint = '', functionName = '' } = target();
    const ofApi = URL.canParse(endpoint) ? regionOf(new URL(endpoint).hostname) : undefined;
    const ofFunction = /^arn:[a-z-]+:lambda:([a-z0-9-]+):/.exec(functionName)?.[1];
    const meant = ofFunction ?? ofApi;
    return meant === undefined || meant === used
      ? ok(used)
      : wrong(`the region is ${used}, and the broker is in ${meant}`, `give --region ${meant}, or set AWS_REGION`);
  } catch (thrown) {
    return wrong(textOf(thrown));
  }
}

/** Asks AWS whose keys these are. Every identity may ask that. */
export async function checkIdentity({ target }: Examined): Promise<Finding> {
  if (!isReadable(target)) {
    return notChecked('the outputs cannot be read');
  }
  const { lambdaEndpoint, profile } = target();
  try {
    await awsIdentity(target()).credentials();
    if (lambdaEndpoint !== undefined && (await configuredEndpoint('STS', profile)) === undefined) {
      return notChecked('the local run has no STS; AWS keys were found');
    }
    const { send } = await openService(target(), { name: 'sts', id: 'STS' });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const { body } = await send(form, 'Action=GetCallerIdentity&Version=2011-06-15');
    const arn = /arn:[\w-]+:(?:iam|sts)::\d{12}:[\w+=,.@/-]+/.exec(body)?.[0];
    return arn === undefined
      ? wrong('the answer is not from STS', 'check AWS_ENDPOINT_URL_STS, and whether there is a proxy')
      : ok(arn);
  } catch (thrown) {
    return wrong(textOf(thrown));
  }
}

function isReadable(target: Examined['target']): boolean {
  try {
    target();
    return true;
  } catch {
    return false;
  }
}
