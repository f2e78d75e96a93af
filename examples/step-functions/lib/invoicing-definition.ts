// The definition of the invoicing workflow, in Amazon States Language. Called by invoicing.ts.
/** The functions that the state machine calls, by ARN. */
export interface InvoicingFunctions {
  /** The broker's alias of one account. */
  readonly token: string;
  /** Issues one invoice, with a token that it requests itself. */
  readonly worker: string;
}

/** Retries 4 times, after 5, 10, 20 and 40 s at most. Full jitter shortens each wait. 75 s in total at most. */
const retryPolicy = { IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 4, MaxDelaySeconds: 60, JitterStrategy: 'FULL' };

/** Names of the broker's errors after which a retry can succeed. */
const transientErrors = [
  'Deadline',
  'RenewalInProgress',
  'SecretUnavailable',
  'TableUnavailable',
  'TooManyRejections',
  'UpstreamThrottled',
  'UpstreamTimeout',
  'UpstreamUnavailable',
];

/** The transient errors of the broker and of Lambda. */
const tokenErrors = [...transientErrors, 'Lambda.ServiceException', 'Lambda.TooManyRequestsException'];

/**
 * Errors of the worker after which a retry is safe, because it must not issue an invoice twice. With each of these
 * errors, the worker got no token or did not start, so Fegora has received nothing.
 */
const workerErrors = [...transientErrors, 'BrokerUnreachable', 'Throttled', 'Lambda.TooManyRequestsException'];

/**
 * Returns the definition of a workflow that issues many invoices with one login. The first state makes sure that the
 * broker has a token. That state gets the expiry and not the token, because the history of an execution keeps the
 * result of every state. The workers then get the token from the broker without a login. The workflow does not retry
 * after rejected credentials, because no retry can correct them.
 *
 * Input: `{"invoices": [{"path", "document"}]}`. The definition does not use CDK constructs, because they would add
 * their own retries. Tests can also run it without AWS.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
export function invoicingDefinition({ token, worker }: InvoicingFunctions) {
  const issueInvoice = {
    Type: 'Task',
    Resource: worker,
    TimeoutSeconds: 60,
    Retry: [{ ErrorEquals: workerErrors, ...retryPolicy }],
    End: true,
  };
  return {
    StartAt: 'EnsureToken',
    States: {
      EnsureToken: {
        Type: 'Task',
        Resource: token,
        Parameters: { want: 'metadata', min_validity: 60 },
        ResultPath: '$.token',
        TimeoutSeconds: 30,
        Retry: [{ ErrorEquals: tokenErrors, ...retryPolicy }],
        Catch: [{ ErrorEquals: ['CredentialsRejected', 'ClientRejected'], Next: 'CredentialsRefused' }],
        Next: 'IssueInvoices',
      },
      IssueInvoices: {
        Type: 'Map',
        ItemsPath: '$.invoices',
        MaxConcurrency: 10,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'IssueInvoice',
          States: { IssueInvoice: issueInvoice },
        },
        End: true,
      },
      CredentialsRefused: {
        Type: 'Fail',
        Error: 'CredentialsRefused',
        Cause: 'Fegora refuses the credentials of this account: set new ones, then start again.',
      },
    },
  };
}
