// The names of the metrics of the function for requests. Read by function/audit.ts, which writes them, and by alarms.ts.

/** CloudWatch namespace and dimension: those of the broker. The value of `service` is the name of the function. */
export const requestNamespace = 'FegoraTokenBroker';

/** Every metric is a count by `service`. */
export const requestMetrics = {
  /** 1 for a request that failed although the caller did nothing wrong, otherwise 0: the sample count is the requests. */
  failed: 'RequestsFailed',
  /** Requests that may have arrived, and whose answer is not known. */
  outcomeUnknown: 'OutcomesUnknown',
} as const;
