// The JSON schema of a request for a token. Used by token-request.ts, infra/api/request-model.ts and scripts/openapi/.

/** The members of a body or payload, with their forms. It has no descriptions, because the function's bundle contains it. */
export const requestSchema = {
  title: 'TokenRequest',
  type: 'object',
  properties: {
    min_validity: { type: 'number', minimum: 0 },
    rejected: { type: 'string', pattern: '^[0-9a-fA-F]{64}$' },
    want: { type: 'string', enum: ['token', 'metadata'], default: 'token' },
  },
  additionalProperties: false,
} as const;
