// Collects the answers of the API by status, and describes them. Called by document.ts.
import { STATUS_CODES } from 'node:http';
import { refusalBody, refusalHeaders, refusals } from '../../infra/api/refusals.ts';
import { type ErrorCode, errorCodes } from '../../lambda/errors.ts';
import { type ExampleAnswer, errorAnswer, requestId, tokenAnswers, wrongRequestAnswers } from './examples.ts';
import { codesOf, errorSchema, type Part, tokenSchema } from './schemas.ts';

/** All answers of one status, or of the other statuses of a range. */
export interface StatusAnswers {
  /** `400`, or `4XX` for each status that has no answers of its own. */
  readonly status: string;
  /** Name of its schema and of its response. */
  readonly name: string;
  readonly examples: readonly ExampleAnswer[];
  /** Whether API Gateway gives some of them itself. */
  readonly isOfGateway: boolean;
}

/** Codes that the function does not answer over HTTP. Only API Gateway does. */
const codesOfGateway: readonly ErrorCode[] = ['forbidden', 'throttled'];

/** The statuses of the refusals for which API Gateway chooses the status. AWS documents 403 for some checks of a signature. */
const openStatuses: Readonly<Record<string, readonly string[]>> = { DEFAULT_4XX: ['403', '4XX'], DEFAULT_5XX: ['5XX'] };

interface Given {
  readonly status: string;
  readonly answer: ExampleAnswer;
  readonly isOfGateway: boolean;
}

/** Returns every answer that the API can give, by status: those of the function first. */
export async function allAnswers(): Promise<StatusAnswers[]> {
  const codes = errorCodes().filter((code) => !codesOfGateway.includes(code));
  const examples = [...(await tokenAnswers()), ...codes.map(errorAnswer), ...(await wrongRequestAnswers())];
  const ofFunction = examples.map((answer) => ({ status: String(answer.status), answer, isOfGateway: false }));
  const byStatus = Map.groupBy([...ofFunction, ...refusalAnswers()], ({ status }) => status);
  return Array.from(byStatus, ([status, group]) => ({
    status,
    name: nameOf(status),
    examples: withoutRepeats(group.map(({ answer }) => answer)),
    isOfGateway: group.some(({ isOfGateway }) => isOfGateway),
  })).toSorted((one, other) => one.status.localeCompare(other.status));
}

function refusalAnswers(): Given[] {
  return refusals.flatMap((refusal) => {
    const name = `${refusal.code}.${refusal.type}`;
    const body = JSON.parse(refusalBody(refusal, requestId));
    const statuses = refusal.status === undefined ? openStatuses[refusal.type] : [String(refusal.status)];
    if (statuses === undefined) {
      throw new Error(`${refusal.type} has no status: add it to openStatuses.`);
    }
    const answer = { name, status: refusal.status ?? 0, headers: refusalHeaders(refusal), body };
    return statuses.map((status) => ({ status, answer, isOfGateway: true }));
  });
}

function nameOf(status: string): string {
  const words = STATUS_CODES[status]?.replaceAll(/\W/g, '') ?? `Other${status}`;
  return status === '200' ? 'Token' : `${words.replace(/Error$/, '')}Error`;
}

function withoutRepeats(examples: readonly ExampleAnswer[]): ExampleAnswer[] {
  const texts = examples.map(({ body }) => JSON.stringify(body));
  return examples.filter((_, at) => texts.indexOf(texts[at] ?? '') === at);
}

/** Returns the schema of the answers of one status. */
export function schemaOf({ name, status, examples }: StatusAnswers): Part {
  return status === '200' ? tokenSchema(examples) : errorSchema(name, codesOf(examples), examples);
}

/** Returns the response of one status, with its headers and with an example of each text. */
export function responseOf({ status, name, examples, isOfGateway }: StatusAnswers): Part {
  const values = examples.map((example) => [example.name, { value: example.body }]);
  return {
    description: descriptionOf(status, codesOf(examples)),
    headers: { ...headersOf(examples), ...addedHeaders(isOfGateway) },
    content: {
      'application/json': {
        schema: { $ref: `#/components/schemas/${name}` },
        examples: Object.fromEntries(values),
      },
    },
  };
}

function descriptionOf(status: string, codes: readonly ErrorCode[]): string {
  if (status === '200') {
    return 'A token that is valid, or what is known of it.';
  }
  const which = codes.map((code) => `\`${code}\``).join(', ');
  return status in STATUS_CODES ? which : `${which}: API Gateway answers itself, with another status.`;
}

/** The headers that the code sets, as it sets them. A document does not describe the content type as a header. */
function headersOf(examples: readonly ExampleAnswer[]): Part {
  const names = new Set(examples.flatMap(({ headers }) => Object.keys(headers)));
  names.delete('Content-Type');
  return Object.fromEntries([...names].map((name) => [name, headerOf(examples.map(({ headers }) => headers[name]))]));
}

function headerOf(values: readonly (string | undefined)[]): Part {
  const given = [...new Set(values)].filter((value) => value !== undefined);
  const schema = given.every((value) => /^\d+$/.test(value))
    ? { type: 'integer', minimum: 1 }
    : { type: 'string', enum: given };
  return { required: given.length > 0 && !values.includes(undefined), schema };
}

/** The headers that API Gateway adds to an answer. */
function addedHeaders(isOfGateway: boolean): Part {
  const type = {
    description: 'Which check of AWS refused the call. Only if API Gateway itself answers.',
    schema: { type: 'string', pattern: '^[A-Za-z]+$' },
  };
  return {
    'x-amzn-RequestId': { description: 'The `request_id` of an error.', required: true, schema: { type: 'string' } },
    ...(isOfGateway && { 'x-amzn-ErrorType': type }),
  };
}
