import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { refusalBody, refusalHeaders, refusals } from './refusals.ts';

/**
 * Fixes the text of everything that API Gateway answers by itself. Its own texts repeat what they refuse: the canonical
 * request of a bad signature, session token included.
 */
export function addRefusals(api: RestApi): void {
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
