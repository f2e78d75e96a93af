import { JsonSchemaType, JsonSchemaVersion, type ModelOptions } from 'aws-cdk-lib/aws-apigateway';

/**
 * What a body may be. API Gateway takes an absent body for `{}`, which this admits. The function checks all of it
 * again: other content types pass the gateway unchecked.
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
