// Puts the OpenAPI documents together. Called by ../openapi.ts and the tests.
import { requestBodies } from './examples.ts';
import { allAnswers, responseOf, type StatusAnswers, schemaOf } from './responses.ts';
import { accountSchema, describedRequest, type Part } from './schemas.ts';

/** An operation has all answers, except for statuses that its path cannot get. */
const operations = {
  '/token': {
    operationId: 'getDefaultToken',
    summary: 'Gets a token of the default account',
    // The default account is always one of the configured accounts.
    without: ['404'],
    parameters: [],
  },
  '/token/{account}': {
    operationId: 'getToken',
    summary: 'Gets a token of an account',
    without: [],
    parameters: [{ name: 'account', in: 'path', required: true, schema: accountSchema }],
  },
} as const;

const info = {
  title: 'Fegora token broker',
  // The stage of the API, not the version of the package.
  version: '1',
  description:
    'Gives short-lived access tokens of Fegora to callers that IAM has authenticated. Ignore members that you do not know: a later version may add some.',
  license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
};

const servers = [
  {
    url: 'https://{api}.execute-api.{region}.amazonaws.com/{basePath}',
    description: 'Output `Url` of the stack',
    variables: { api: { default: 'api-id' }, region: { default: 'us-east-1' }, basePath: { default: 'v1' } },
  },
  { url: 'http://127.0.0.1:4780', description: '`npm start`' },
];

/** A signature of AWS, version 4, in the form in which API Gateway exports it. */
const sigv4 = {
  type: 'apiKey',
  name: 'Authorization',
  in: 'header',
  description: 'AWS Signature Version 4, for the service `execute-api`.',
  'x-amazon-apigateway-authtype': 'awsSigv4',
};

/** Returns the document, as OpenAPI 3.1. */
export async function openApiDocument(): Promise<Part> {
  const answers = await allAnswers();
  return {
    openapi: '3.1.1',
    info,
    servers,
    security: [{ sigv4: [] }],
    paths: pathsWith(answers, ({ name }) => ({ $ref: `#/components/responses/${name}` })),
    components: {
      schemas: schemasOf(answers),
      responses: Object.fromEntries(answers.map((answer) => [answer.name, responseOf(answer)])),
      securitySchemes: { sigv4 },
    },
  };
}

/**
 * Returns the document in the form that API Gateway imports: OpenAPI 3.0, every response in its place, without examples and
 * without ranges of statuses.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
export async function openApi30Document(): Promise<Part> {
  const answers = (await allAnswers()).filter(({ status }) => /^\d+$/.test(status));
  const { license, ...rest } = info;
  const document = {
    openapi: '3.0.1',
    info: { ...rest, license: { name: license.name } },
    servers: servers.slice(0, 1),
    security: [{ sigv4: [] }],
    paths: pathsWith(answers, responseOf),
    components: { schemas: schemasOf(answers), securitySchemes: { sigv4 } },
  };
  return JSON.parse(JSON.stringify(document, (name, value) => (name === 'examples' ? undefined : value)));
}

function schemasOf(answers: readonly StatusAnswers[]): Part {
  return {
    TokenRequest: describedRequest(),
    ...Object.fromEntries(answers.map((answer) => [answer.name, schemaOf(answer)])),
  };
}

function pathsWith(answers: readonly StatusAnswers[], response: (answer: StatusAnswers) => Part): Part {
  const examples = Object.entries(requestBodies).map(([name, value]) => [name, { value }]);
  const schema = { $ref: '#/components/schemas/TokenRequest' };
  const content = { 'application/json': { schema, examples: Object.fromEntries(examples) } };
  return Object.fromEntries(
    Object.entries(operations).map(([path, { without, ...operation }]) => {
      const possible = answers.filter(({ status }) => !without.some((other) => other === status));
      const responses = Object.fromEntries(possible.map((answer) => [answer.status, response(answer)]));
      return [path, { post: { ...operation, requestBody: { content }, responses } }];
    }),
  );
}
