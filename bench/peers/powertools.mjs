import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { getSecret } from '@aws-lambda-powertools/parameters/secrets';
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

let token;

/** Powertools for the secret, the log and the metrics; simple-oauth2 for the login; the token kept between calls. */
export const handler = async (event, context) => {
  logger.addContext(context);
  try {
    const source = await renewIfNeeded();
    const { access_token, token_type, expires_at } = token.token;
    const expires_in = Math.floor((new Date(expires_at) - Date.now()) / 1000);
    const caller = event.requestContext.identity.userArn;
    logger.info('token issued', { caller, source });
    metrics.addDimension('source', source);
    metrics.addMetric('Served', MetricUnit.Count, 1);
    metrics.addMetric('RemainingLife', MetricUnit.Seconds, expires_in);
    return {
      statusCode: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      body: JSON.stringify({ access_token, token_type, expires_in }),
    };
  } finally {
    metrics.publishStoredMetrics();
  }
};

async function renewIfNeeded() {
  if (token !== undefined && !token.expired(expiryWindowSeconds)) {
    return 'memory';
  }
  const { username, password } = await getSecret(SECRET_ID, { transform: 'json' });
  token = await oauth.getToken({ username, password });
  metrics.addMetric('Logins', MetricUnit.Count, 1);
  return 'upstream';
}
