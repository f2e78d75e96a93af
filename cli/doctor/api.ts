// The checks of the API: it refuses what is not signed, and answers what is. Rows of checks.ts.
import { gatewayTransport } from '../../client/gateway.ts';
import { errorType } from '../../client/signed-post.ts';
import { codeOf, type Finding, failed, notChecked, ofRefusal, ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

const otherThing = 'check the endpoint: it is the output `Url` of the stack, with its stage';

/** A fingerprint that no token has. The function refuses the call before it looks for a token, so nothing logs in. */
export const probe = { rejected: 'doctor' } as const;

export async function checkUnsigned({ target, unsigned }: Examined): Promise<Finding> {
  if (target().endpoint === undefined) {
    return notChecked('the endpoint is not known');
  }
  try {
    const response = await unsigned();
    const isOurs = /"error"\s*:\s*"forbidden"/.test(response.body);
    if (response.status === 403 && errorType(response) === 'MissingAuthenticationTokenException' && isOurs) {
      return ok('the API refuses a call that is not signed');
    }
    return response.status === 200 && response.body.includes('access_token')
      ? wrong('the API hands out tokens without a signature', 'take it off the network, and deploy the stack again')
      : wrong(`this is not the API of a token broker (status ${response.status})`, otherThing);
  } catch (thrown) {
    return failed(thrown, 'check the endpoint, the network and the proxy');
  }
}

/** An answer of the function proves the signature, the right, the alias `http` and the function. */
export async function checkSigned({ target, api }: Examined): Promise<Finding> {
  if (target().endpoint === undefined) {
    return notChecked('the endpoint is not known');
  }
  try {
    await gatewayTransport(await api(), Date.now)(probe, AbortSignal.timeout(30_000));
    return wrong('the API took a request that it has to refuse', otherThing);
  } catch (thrown) {
    return codeOf(thrown) === 'invalid_request'
      ? ok('the API takes the signature, and the function answers by the alias http')
      : ofRefusal(
          thrown,
          'these keys may not ask for tokens, as is right for an operator; the API takes their signature',
        );
  }
}
