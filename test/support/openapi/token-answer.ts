// An answer with a token, for handlers that stand for the function. Used by the tests of the gateway.
import { openApi } from './check-answer.ts';

const { headers, content } = Object(openApi.components.responses.Token);
const fixed = ['Cache-Control', 'Pragma', 'X-Content-Type-Options'];

/** What the function returns to API Gateway: the example of the document. */
export const tokenAnswer = {
  statusCode: 200,
  headers: Object.fromEntries(fixed.map((name) => [name, headers[name].schema.enum[0]])),
  body: JSON.stringify(content['application/json'].examples.token.value),
};
