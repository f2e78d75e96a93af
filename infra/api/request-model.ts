// The JSON schema by which API Gateway checks the body of a call. Used by api.ts.
import { JsonSchemaType, JsonSchemaVersion, type ModelOptions } from 'aws-cdk-lib/aws-apigateway';
import { requestSchema } from '../../lambda/events/request-schema.ts';

const types = { object: JsonSchemaType.OBJECT } as const;

/**
 * Model of a request body: the function's schema without its members. API Gateway treats a missing body as `{}`, which
 * the model accepts. The function checks the members, because it can name the one that is at fault. The answer of API
 * Gateway has a fixed text: its own description of the fault (`$context.error.validationErrorString`) repeats values.
 */
export const tokenRequest: ModelOptions = {
  contentType: 'application/json',
  schema: { schema: JsonSchemaVersion.DRAFT4, title: requestSchema.title, type: types[requestSchema.type] },
};
