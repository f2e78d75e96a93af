// Tests the answers that API Gateway gives itself (infra/api/refusals.ts and gateway-responses.ts).
import { describe, expect, test } from 'vitest';
import { refusalBody, refusalHeaders, refusals } from '../../../infra/api/refusals.ts';
import { BrokerError, isErrorCode } from '../../../lambda/errors.ts';
import { asJson, propertiesOf } from '../support/statements.ts';
import { templateOf } from '../support/synth.ts';

describe("API Gateway's own refusals", () => {
  const inTemplate = propertiesOf('AWS::ApiGateway::GatewayResponse', templateOf('minimal'));

  test('every refusal has a fixed text, with the members and the headers of our own errors', () => {
    expect(inTemplate.map(({ ResponseType }) => ResponseType)).toEqual(refusals.map(({ type }) => type));
    for (const { ResponseParameters, ResponseTemplates } of inTemplate) {
      expect(ResponseParameters).toMatchObject({
        'gatewayresponse.header.Cache-Control': "'no-store'",
        'gatewayresponse.header.Pragma': "'no-cache'",
        'gatewayresponse.header.X-Content-Type-Options': "'nosniff'",
      });
      const body = asJson(JSON.parse(String(asJson(ResponseTemplates)['application/json'])));
      expect(Object.keys(asJson(ResponseTemplates))).toEqual(['application/json']);
      expect(body.request_id).toBe('$context.requestId');
      expect(JSON.stringify(body).replace('$context.requestId', '')).not.toContain('$');
    }
  });

  test('the refusals cover every response type that API Gateway can give for this API', () => {
    expect(refusals.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'ACCESS_DENIED',
        'BAD_REQUEST_BODY',
        'BAD_REQUEST_PARAMETERS',
        'DEFAULT_4XX',
        'DEFAULT_5XX',
        'EXPIRED_TOKEN',
        'INTEGRATION_FAILURE',
        'INTEGRATION_TIMEOUT',
        'INVALID_SIGNATURE',
        'MISSING_AUTHENTICATION_TOKEN',
        'REQUEST_TOO_LARGE',
        'THROTTLED',
        'UNSUPPORTED_MEDIA_TYPE',
      ]),
    );
  });

  test('every refusal has the status of its code, never 401, and only the two defaults leave it to API Gateway', () => {
    const statuses = {
      forbidden: [403],
      invalid_request: [400, 413, 415],
      throttled: [429],
      deadline: [504],
      internal: [500, 502],
    };
    const open = refusals.filter(({ status }) => status === undefined).map(({ type }) => type);
    expect(open).toEqual(['DEFAULT_4XX', 'DEFAULT_5XX']);
    expect(refusals.filter(({ code, status }) => status !== undefined && !statuses[code].includes(status))).toEqual([]);
    expect(inTemplate.map(({ StatusCode }) => StatusCode)).toEqual(
      refusals.map(({ status }) => (status === undefined ? undefined : String(status))),
    );
  });

  test.each(refusals)(
    'refusal $type has the body and the Retry-After that the function would give for $code',
    (refusal) => {
      expect(isErrorCode(refusal.code)).toBe(true);
      const own = new BrokerError(refusal.code, 'a test').toBody('id');
      const text = refusal.text ?? own.error_description;
      expect(JSON.parse(refusalBody(refusal, 'id'))).toEqual({ ...own, error_description: text });
      expect(refusalHeaders(refusal)['Retry-After']).toBe(
        own.retry_after === undefined ? undefined : String(own.retry_after),
      );
    },
  );

  test('promise 62: each check of AWS on keys, signature and rights has its own text', () => {
    const checks = [
      'ACCESS_DENIED',
      'DEFAULT_4XX',
      'EXPIRED_TOKEN',
      'INVALID_SIGNATURE',
      'MISSING_AUTHENTICATION_TOKEN',
      'WAF_FILTERED',
    ];
    const texts = refusals.filter(({ type }) => checks.includes(type)).map(({ text }) => text);
    expect(texts).not.toContain(undefined);
    expect(new Set(texts).size).toBe(checks.length);
  });
});
