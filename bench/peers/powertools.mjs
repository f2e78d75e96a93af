// The peer `powertools`: Powertools and simple-oauth2. Built by contestants.ts.
import { createHash } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
import middy from '@middy/core';
import { ResourceOwnerPassword } from 'simple-oauth2';

const { SECRET_ID, FEGORA_TOKEN_URL } = process.env;
const { origin, pathname } = new URL(FEGORA_TOKEN_URL);
const expiryWindowSeconds = 60;

const logger = new Logger({ serviceName: 'token' });
const metrics = new Metrics({ namespace: 'Peer', serviceName: 'token' });
const oauth = new ResourceOwnerPassword({
  client: { id: 'apiApp', secret: '' },
  auth: { tokenHost: origin, tokenPath: pathname },
  options: { authorizationMethod: 'body' },
});

let cached;

/** Powertools for the secret, the log and the metrics; simple-oauth2 for the login. The token is cached between calls. */
const lambdaHandler = async (event) => {
  const source = await renewIfNeeded();
  const { access_token, token_type, expires_at } = cached.token.token;
  const expires_in = Math.floor((new Date(expires_at) - Date.now()) / 1000);
  report(event, source, expires_in);
  return {
    statusCode: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify({ access_token, token_type, expires_in }),
  };
};

async function renewIfNeeded() {
  if (cached !== undefined && !cached.token.expired(expiryWindowSeconds)) {
    return 'memory';
  }
  const { username, password } = await getSecret(SECRET_ID, { transform: 'json' });
  const token = await oauth.getToken({ username, password });
  cached = { token, fingerprint: createHash('sha256').update(token.token.access_token).digest('hex') };
  metrics.addMetric('Logins', MetricUnit.Count, 1);
  return 'upstream';
}

/** Writes the same log record and the same metrics as the broker. */
function report({ requestContext }, source, secondsLeft) {
  const { userArn: caller, accountId: account } = requestContext.identity;
  logger.info('token issued', {
    audit: 'issue',
    caller,
    request_id: requestContext.requestId,
    account,
    source,
    token_sha256: cached.fingerprint,
    expires_at: cached.token.token.expires_at,
  });
  metrics.addDimensions({});
  metrics.addDimensions({ source });
  metrics.addDimensions({ caller });
  metrics.addDimensions({ account });
  metrics.addMetric('Served', MetricUnit.Count, 1);
  metrics.addMetric('RemainingLife', MetricUnit.Seconds, secondsLeft);
}

export const handler = middy().use(injectLambdaContext(logger)).use(logMetrics(metrics)).handler(lambdaHandler);
