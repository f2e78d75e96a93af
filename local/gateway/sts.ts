// AssumeRole of AWS STS with session tags, so that the rights of a tenant can be tried. Called by gateway.ts.
import { randomUUID } from 'node:crypto';
import type { GatewayAnswer } from './answer.ts';
import { assumed, type Caller, type LocalRole } from './callers.ts';
import type { Tags } from './policy.ts';
import { type ArrivedRequest, Refusal } from './sigv4.ts';

/** What AssumeRole needs: the check of signatures, and the callers, to which it adds the new session. */
export interface StsApi {
  /** Returns the caller who signed the request. @throws Refusal if the signature is not valid */
  readonly identify: (request: ArrivedRequest) => Promise<Caller>;
  /** By access key id. */
  readonly callers: Map<string, Caller>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Whether a request is for STS. The API has no such path. */
export function isForSts({ path, headers }: ArrivedRequest): boolean {
  return path === '/' && headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') === true;
}

/**
 * Answers AssumeRole.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function callSts({ identify, callers, now }: StsApi, request: ArrivedRequest): Promise<GatewayAnswer> {
  try {
    const caller = await identify(request);
    const asked = readForm(request.body.toString());
    const session = assumed(roleFor(caller, asked), { ...asked, expiresAt: now() + asked.seconds * 1000 });
    for (const { accessKeyId, expiresAt = Number.POSITIVE_INFINITY } of callers.values()) {
      if (expiresAt <= now()) {
        callers.delete(accessKeyId);
      }
    }
    callers.set(session.accessKeyId, session);
    return answer(200, resultOf(session));
  } catch (error) {
    if (error instanceof Refusal) {
      return refuseSts(error);
    }
    throw error;
  }
}

interface Asked {
  readonly arn: string;
  /** Of the session. */
  readonly name: string;
  readonly tags: Tags;
  readonly seconds: number;
}

const tagCharacters = String.raw`[\p{L}\p{Z}\p{N}_.:/=+\-@]`;
const tagKey = new RegExp(`^${tagCharacters}{1,128}$`, 'u');
const tagValue = new RegExp(`^${tagCharacters}{0,256}$`, 'u');

/** @throws Refusal for what AWS does not take: other characters, a tag that is there twice, another duration */
function readForm(body: string): Asked {
  const form = new URLSearchParams(body);
  const read = (member: string, pattern: RegExp) => {
    const text = form.get(member) ?? '';
    return pattern.test(text) ? text : refuse(`${member} is missing or not valid.`);
  };
  read('Action', /^AssumeRole$/);
  const tags = new Map<string, string>();
  for (let at = 1; form.has(`Tags.member.${at}.Key`); at += 1) {
    tags.set(read(`Tags.member.${at}.Key`, tagKey), read(`Tags.member.${at}.Value`, tagValue));
    if (new Set(Array.from(tags.keys(), (key) => key.toLowerCase())).size < at) {
      refuse('Duplicate tag keys found.');
    }
  }
  const seconds = form.has('DurationSeconds') ? Number(read('DurationSeconds', /^(9|[12]\d|3[0-6])\d\d$/)) : 3600;
  const name = read('RoleSessionName', /^[\w+=,.@-]{2,64}$/);
  return { arn: form.get('RoleArn') ?? '', name, tags: Object.fromEntries(tags), seconds };
}

function refuse(message: string): never {
  throw new Refusal(invalid, message);
}

/** The trust policy of a role: it may be assumed with its session tag, and with no other tag. */
function roleFor({ arn: caller, roles = [] }: Caller, { arn, tags }: Asked): LocalRole {
  const role = roles.find((each) => each.arn === arn);
  const { [role?.sessionTag ?? '']: value = '', ...others } = tags;
  if (role !== undefined && value !== '' && Object.keys(others).length === 0) {
    return role;
  }
  const action = Object.keys(others).length > 0 ? 'sts:TagSession' : 'sts:AssumeRole';
  throw new Refusal('AccessDenied', `User: ${caller} is not authorized to perform: ${action} on resource: ${arn}`);
}

function resultOf({
  accessKeyId,
  secretAccessKey,
  sessionToken = '',
  expiresAt = 0,
  arn,
  principalId,
}: Caller): string {
  const keys = element('AccessKeyId', accessKeyId) + element('SecretAccessKey', secretAccessKey);
  const session = element('SessionToken', sessionToken) + element('Expiration', new Date(expiresAt).toISOString());
  const user = element('Arn', arn) + element('AssumedRoleId', principalId);
  const result = `<AssumedRoleUser>${user}</AssumedRoleUser><Credentials>${keys}${session}</Credentials>`;
  return `<AssumeRoleResponse><AssumeRoleResult>${result}</AssumeRoleResult></AssumeRoleResponse>`;
}

const invalid = 'ValidationError';
/** The names that STS has for the refusals of a signature. */
const names: ReadonlyMap<string, string> = new Map([
  ['InvalidSignatureException', 'SignatureDoesNotMatch'],
  ['UnrecognizedClientException', 'InvalidClientTokenId'],
  ['ExpiredTokenException', 'ExpiredToken'],
]);

function refuseSts({ type, message }: Refusal): GatewayAnswer {
  const error = element('Code', names.get(type) ?? type) + element('Message', message);
  const body = `<Error><Type>Sender</Type>${error}</Error>${element('RequestId', randomUUID())}`;
  return answer(type === invalid ? 400 : 403, `<ErrorResponse>${body}</ErrorResponse>`);
}

function element(name: string, text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<${name}>${escaped}</${name}>`;
}

function answer(status: number, body: string): GatewayAnswer {
  return { status, headers: { 'Content-Type': 'text/xml' }, body };
}
