// Finds out which check of AWS refused a request, and says so in a sentence. Called by gateway.ts, invoke.ts and the CLI.
import { regionOf } from './endpoint.ts';
import { TokenBrokerError } from './errors.ts';
import type { HttpResponse } from './https.ts';
import { errorType, requestIdOf } from './signed-post.ts';

/** What was asked for, with which signature. */
export interface SignedRequest {
  readonly service: 'execute-api' | 'lambda';
  /** The region that the signature is for. */
  readonly region: string;
  readonly url: URL;
  /** What the right is for, as an operator knows it: `POST /v1/token/main`, or an alias. */
  readonly resource: string;
  /** The method of the construct that gives the right. */
  readonly grant: string;
}

type Cause = readonly [code: 'aws_credentials' | 'forbidden' | 'unexpected_answer', text: string];

/**
 * Returns the error if AWS refused the signature or the caller, otherwise undefined.
 *
 * AWS's own text is searched, but not repeated: it may contain everything that was signed, also the session token. Its
 * phrases count more than the type, because one type stands for several checks.
 *
 * @see https://repost.aws/knowledge-center/api-gateway-troubleshoot-403-forbidden
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export function awsRefusalOf(response: HttpResponse, request: SignedRequest): TokenBrokerError | undefined {
  const cause = response.status === 200 ? undefined : causeOf(errorType(response), textOf(response.body), request);
  return cause && new TokenBrokerError(cause[0], cause[1], { requestId: requestIdOf(response) });
}

function causeOf(type: string, text: string, request: SignedRequest): Cause | undefined {
  if (type.startsWith('ExpiredToken') || /security token.{1,40} expired/i.test(text)) {
    return [
      'aws_credentials',
      'The session of the AWS keys has expired. Log in to AWS again, or pass a provider that renews them.',
    ];
  }
  if (unknownKey.has(type) || /security token.{1,40} invalid/i.test(text)) {
    return ['aws_credentials', 'AWS does not know the access key, or the session token is missing or of another key.'];
  }
  switch (type) {
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
      return ['aws_credentials', signatureFault(text, request)];
    case 'IncompleteSignature':
    case 'IncompleteSignatureException':
      return [
        'aws_credentials',
        'AWS cannot read the signature. Check the access key for spaces, and whether a proxy changes headers.',
      ];
    case 'MissingAuthenticationTokenException':
      return missingSignature(request);
    case 'AccessDeniedException':
      return ['forbidden', denial(text, request)];
    case 'ForbiddenException':
      return [
        'forbidden',
        'API Gateway refused the call before IAM. Check the stage in the endpoint; then WAF, the domain’s mapping, and the VPC endpoint.',
      ];
    default:
      return undefined;
  }
}

const unknownKey = new Set(['InvalidAccessKeyId', 'InvalidClientTokenId', 'UnrecognizedClientException']);

/** The client has already signed again by AWS's clock, so the clock is the cause only if AWS says so. */
function signatureFault(text: string, { region, url }: SignedRequest): string {
  const actual = regionOf(url.hostname);
  if (actual !== undefined && actual !== region) {
    return `The signature is for the region ${region}, but the endpoint is in ${actual}. Correct the option region.`;
  }
  if (/valid region/i.test(text)) {
    return `The signature is for the region ${region}, which is not the broker’s. Correct the option region.`;
  }
  if (/signature (expired|not yet current)/i.test(text)) {
    return 'The signature is too old or too new. Set the clock of this machine.';
  }
  if (/does not match/i.test(text)) {
    return 'The secret key is not of this access key, or a proxy changed the request.';
  }
  return `AWS does not accept the signature: the secret key is wrong, or the broker is not in the region ${region}. Check both.`;
}

/** API Gateway also answers this to a signed request whose path it does not know. */
function missingSignature({ service }: SignedRequest): Cause {
  return service === 'execute-api'
    ? ['unexpected_answer', 'No token broker is at this path of the endpoint. Set the endpoint to the stage’s URL.']
    : ['aws_credentials', 'The signature did not reach AWS. Check whether a proxy removes the header authorization.'];
}

/** Of AWS's text it takes the caller's ARN and the kind of the policy: neither can contain what was signed. */
function denial(text: string, { service, resource, grant }: SignedRequest): string {
  const action = service === 'lambda' ? 'lambda:InvokeFunction' : 'execute-api:Invoke';
  const caller = /User: (arn:aws[\w-]*:(?:iam|sts)::\d{12}:[\w+=,.@/-]{1,200}) is not/.exec(text)?.[1] ?? 'the caller';
  const policy = /(?:explicit deny in an?|because no) ([a-z -]{1,40}?(?:policy|boundary))/i.exec(text)?.[1];
  const refused = `${action} on ${resource} is not permitted to ${caller}.`;
  if (/explicit deny/i.test(text)) {
    return `${refused} The cause is a Deny (${policy ?? 'AWS does not say in which policy'}). Change that policy.`;
  }
  return policy === undefined
    ? `${refused} Grant it with ${grant}, or look for a Deny: of the caller, its organisation, the API or a VPC endpoint.`
    : `${refused} The cause is that no ${policy} allows it. Grant it with ${grant}.`;
}

/** The text of AWS's error, or an empty text. Lambda and API Gateway spell the member differently. */
function textOf(body: string): string {
  try {
    const { message, Message = message } = Object(JSON.parse(body));
    return typeof Message === 'string' ? Message : '';
  } catch {
    return '';
  }
}
