// Compares HTTP answers with docs/openapi.json. Used by every-answer.ts and the tests of the document.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type Schema } from 'ajv/dist/2020.js';
import type { SentAnswer } from '../../../local/gateway/answer.ts';

interface Header {
  readonly required?: boolean;
  readonly schema: { readonly type: string };
}

/** A response of the document. */
export interface DocumentedResponse {
  readonly headers: Readonly<Record<string, Header>>;
  readonly content: Readonly<
    Record<
      string,
      { readonly schema: { readonly $ref: string }; readonly examples: Readonly<Record<string, { value: object }>> }
    >
  >;
}

/** The part of the document that the tests read. */
export interface OpenApiDocument {
  readonly servers: readonly { readonly variables: Readonly<Record<string, { readonly default: string }>> }[];
  readonly paths: Readonly<
    Record<string, { readonly post: { readonly responses: Readonly<Record<string, { readonly $ref: string }>> } }>
  >;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>> & { readonly TokenRequest: { readonly title: string } };
    readonly responses: Readonly<Record<string, DocumentedResponse>>;
  };
}

/** Headers of the connection, and the two that stand for the body. */
const transportHeaders = ['content-type', 'content-length', 'connection', 'keep-alive', 'date', 'transfer-encoding'];

/** The document as it is committed. */
export const openApi: OpenApiDocument = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../docs/openapi.json'), 'utf8'),
);

/** Checks one answer, and returns what the document does not know of it. */
export type CheckAnswer = (answer: SentAnswer) => string[];

/**
 * Creates the check. It is stricter than the document, which lets a later version add members: a member or a header that the
 * document does not name is a fault.
 */
export function createCheckAnswer({ paths, components }: OpenApiDocument): CheckAnswer {
  const ajv = new Ajv2020({ allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } });
  for (const [name, schema] of Object.entries(components.schemas)) {
    ajv.addSchema({ ...schema, additionalProperties: false }, `#/components/schemas/${name}`);
  }
  return (answer) => {
    const operation = answer.path === '/token' ? answer.path : '/token/{account}';
    const response = responseOf(operation, answer.status);
    const at = `${operation} ${answer.status}`;
    if (response === undefined) {
      return [`${at}: no such status`];
    }
    const headers = new Map(Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
    const found = [...bodyFaults(response, headers, answer.body), ...headerFaults(response, headers, answer)];
    return found.map((fault) => `${at}: ${fault}`);
  };

  function responseOf(operation: string, status: number): DocumentedResponse | undefined {
    const { responses } = paths[operation]?.post ?? {};
    const documented = responses?.[status] ?? responses?.[`${String(status).at(0)}XX`];
    return documented && components.responses[documented.$ref.replace('#/components/responses/', '')];
  }

  function bodyFaults({ content }: DocumentedResponse, headers: ReadonlyMap<string, string>, body: string): string[] {
    const { schema } = content[headers.get('content-type') ?? ''] ?? {};
    if (schema === undefined) {
      return [`no such content type: ${headers.get('content-type')}`];
    }
    return invalid(schema.$ref, JSON.parse(body));
  }

  function headerFaults(
    response: DocumentedResponse,
    headers: ReadonlyMap<string, string>,
    { ofFunction }: SentAnswer,
  ) {
    const known = new Map(Object.entries(response.headers).map(([name, header]) => [name.toLowerCase(), header]));
    const missing = [...known].filter(([name, { required }]) => {
      return required === true && !headers.has(name) && !(ofFunction === true && name.startsWith('x-amzn-'));
    });
    const unknown = [...headers.keys()].filter((name) => !known.has(name) && !transportHeaders.includes(name));
    return [
      ...missing.map(([name]) => `header ${name} is missing`),
      ...unknown.map((name) => `no such header: ${name}`),
      ...[...headers].flatMap(([name, value]) => headerValueFaults(name, value, known.get(name))),
    ];
  }

  function headerValueFaults(name: string, value: string, header: Header | undefined): string[] {
    const { schema } = header ?? {};
    const faults = schema === undefined ? [] : invalid(schema, schema.type === 'integer' ? Number(value) : value);
    return faults.map((fault) => `header ${name}${fault}`);
  }

  /**
   * What is wrong with a value. It names members, never their values: one of them can be a token. A schema is compiled once for
   * each object, so it is the same object, or the name of one, for all answers.
   */
  function invalid(schema: Schema | string, value: unknown): string[] {
    ajv.validate(schema, value);
    return (ajv.errors ?? []).map(({ instancePath, message, params }) => {
      return `${instancePath} ${message} ${params.additionalProperty ?? ''}`.trimEnd();
    });
  }
}
