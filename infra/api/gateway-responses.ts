// Sets the texts of the answers that API Gateway gives itself. Called by api.ts.
import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { refusalBody, refusalHeaders, refusals } from './refusals.ts';

/**
 * Sets a fixed text for every answer that API Gateway gives itself. API Gateway's own texts repeat parts of the
 * request: for a wrong signature, they contain the canonical request with the session token.
 */
export function addGatewayResponses(api: RestApi): void {
  for (const refusal of refusals) {
    api.addGatewayResponse(`Refusal${refusal.type}`, {
      type: ResponseType.of(refusal.type),
      ...(refusal.status !== undefined && { statusCode: String(refusal.status) }),
      responseHeaders: Object.fromEntries(
        Object.entries(refusalHeaders(refusal)).map(([name, value]) => [name, `'${value}'`]),
      ),
      templates: { 'application/json': refusalBody(refusal, '$context.requestId') },
    });
  }
}
