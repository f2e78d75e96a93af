// Writes the lines of the log: audit records, metrics and trouble. Called by telemetry.ts.

/** Lambda's log levels, from the most to the least detail. */
const levels: readonly string[] = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** A level that the function itself gives to a line. */
type Level = 'INFO' | 'WARN' | 'ERROR';

/** Raises a level as far as needed, so that Lambda does not drop the line. */
export type PassingLevel = (level: Level) => string;

/** Writes one line. Its form is that of the lines of Powertools, which the queries of many teams know. */
export type WriteRecord = (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Creates the function that raises levels. With the log format JSON, Lambda drops each line whose `level` is below the
 * function's application log level. A line without a level, or without a `timestamp` that Lambda can read, counts as INFO.
 *
 * @param filter the application log level, as Lambda hands it to the function; undefined for Lambda's default, INFO
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function createPassingLevel(filter = 'INFO'): PassingLevel {
  const least = levels.indexOf(filter.trim().toUpperCase());
  return (level) => levels[Math.max(levels.indexOf(level), least)] ?? level;
}

/**
 * Creates the function that writes records.
 *
 * @param service the function's name
 * @param now epoch milliseconds
 * @param passing raises the levels of lines that Lambda must not drop; returns the level itself for lines that it may drop
 */
export function createRecord(service: string, now: () => number, passing: PassingLevel): WriteRecord {
  return (level, message, fields) =>
    writeLine({ level: passing(level), message, timestamp: new Date(now()).toISOString(), service, ...fields });
}

/**
 * Writes an object as one line. It does not use the console: Lambda wraps the lines that it gets from there, and drops
 * those below the log level.
 */
function writeLine(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
