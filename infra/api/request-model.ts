// The JSON schema by which API Gateway checks the body of a call. Used by api.ts.
import { JsonSchemaType, JsonSchemaVersion, type ModelOptions } from 'aws-cdk-lib/aws-apigateway';

/**
 * Model of a request body. API Gateway treats a missing body as `{}`, which the model accepts. API Gateway does not
 * check other content types, so the function checks every body again.
 */
export const tokenRequest: ModelOptions = {
  contentType: 'application/json',
  schema: {
    schema: JsonSchemaVersion.DRAFT4,
    title: 'TokenRequest',
    type: JsonSchemaType.OBJECT,
    additionalProperties: false,
    properties: {
      min_validity: { type: JsonSchemaType.NUMBER, minimum: 0 },
      rejected: { type: JsonSchemaType.STRING, pattern: '^[0-9a-fA-F]{64}$' },
      want: { type: JsonSchemaType.STRING, enum: ['token', 'metadata'] },
    },
  },
};
