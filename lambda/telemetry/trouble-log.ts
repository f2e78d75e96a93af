// Creates the log of trouble, which follows the log level that the environment asks for. Called by telemetry.ts.
import { Logger } from '@aws-lambda-powertools/logger';
import type { WriteRecord } from './record.ts';

/** Writes a line of the log, if the log level lets it pass. */
export type TroubleLog = Readonly<
  Record<'info' | 'warn', (message: string, fields: Readonly<Record<string, unknown>>) => void>
>;

/**
 * Creates Powertools' logger. Powertools throws if one of its variables has a value that it cannot read, for example
 * `POWERTOOLS_LOGGER_LOG_EVENT=1`. The function must start all the same, and then every line becomes a record.
 *
 * @param service the function's name
 */
export function createTroubleLog(service: string, record: WriteRecord): TroubleLog {
  try {
    return new Logger({ serviceName: service });
  } catch {
    return {
      info: (message, fields) => record('INFO', message, fields),
      warn: (message, fields) => record('WARN', message, fields),
    };
  }
}
