/** The functions that the state machine calls, by ARN. */
export interface InvoicingFunctions {
  /** The broker's alias of one account. */
  readonly token: string;
  /** Issues one invoice, with a token that it gets itself. */
  readonly worker: string;
}

/** Waits 5 s, then twice as long each time, each cut short by chance: a minute and a quarter in all, at most. */
const patience = { IntervalSeconds: 5, BackoffRate: 2, MaxAttempts: 4, MaxDelaySeconds: 60, JitterStrategy: 'FULL' };

/** Failures after which the same question may be answered, by the names that the broker throws. */
const passing = [
  'Deadline',
  'RenewalInProgress',
  'SecretUnavailable',
  'TableUnavailable',
  'TooManyRejections',
  'UpstreamThrottled',
  'UpstreamTimeout',
  'UpstreamUnavailable',
];

/** The same, and Lambda's own. */
const passingWhenReady = [...passing, 'Lambda.ServiceException', 'Lambda.TooManyRequestsException'];

/**
 * The same for the worker, by which nothing has reached Fegora yet, since an invoice must not be issued twice: it had no
 * token to begin with, or did not start.
 */
const passingBeforeFegora = [...passing, 'BrokerUnreachable', 'Throttled', 'Lambda.TooManyRequestsException'];

/**
 * Issues many invoices with one login. The first state makes sure that there is a token and learns its expiry, never
 * the token: an execution's history keeps every state's result. The workers of the fan-out then find it ready at the
 * broker. A refused password is not retried, since nothing here can mend it.
 *
 * Input: `{"invoices": [{"path", "document"}]}`. Written out rather than built from constructs, which would add retries
 * of their own; so it can also be run where there is no AWS.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 */
export function invoicingDefinition({ token, worker }: InvoicingFunctions) {
  const issueInvoice = {
    Type: 'Task',
    Resource: worker,
    TimeoutSeconds: 60,
    Retry: [{ ErrorEquals: passingBeforeFegora, ...patience }],
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
        Retry: [{ ErrorEquals: passingWhenReady, ...patience }],
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
