// Finds props out of their range. TypeScript has no ranges, and JavaScript checks no types. Called by prop-faults.ts.
import { type Duration, Token } from 'aws-cdk-lib';
import type { ApiLogging } from './api/access-log.ts';
import { invocationsAtOnce, isDueIndexed, warmUpsAtOnce } from './resources/due-queue.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

const loggings: ReadonlySet<unknown> = new Set<ApiLogging>(['account-has-role', 'create-role', 'off']);

/** Every prop that is out of its range. Values that are known only at deployment pass. */
export function rangeFaults(props: TokenBrokerProps): string[] {
  const { apiGatewayLogging, organizationId, vpcEndpoints, warmUpEvery } = props;
  return [
    ...tokenUrlFaults(props),
    ...concurrencyFaults(props),
    ...throttleFaults(props),
    ...(warmUpEvery === undefined || isMinutes(warmUpEvery, 10)
      ? []
      : ['warmUpEvery: must be whole minutes, from 1 to 10']),
    ...atOnceFaults(props),
    ...(apiGatewayLogging === undefined || loggings.has(apiGatewayLogging)
      ? []
      : [`apiGatewayLogging: must be ${[...loggings].join(', ')}`]),
    ...(isOptionalText(organizationId, /^o-[a-z0-9]{10,32}$/)
      ? []
      : ['organizationId: must be the id of an AWS organisation, such as o-0123456789']),
    ...(vpcEndpoints?.length === 0 ? ['vpcEndpoints: must have at least one endpoint, or be left out'] : []),
  ];
}

function tokenUrlFaults({ tokenUrl }: TokenBrokerProps): string[] {
  const isHttps =
    Token.isUnresolved(tokenUrl) ||
    tokenUrl === undefined ||
    (URL.canParse(tokenUrl) && /^https:\/\/[^@]*$/.test(tokenUrl));
  return isHttps ? [] : ['tokenUrl: must be an https URL without user and password'];
}

function concurrencyFaults(props: TokenBrokerProps): string[] {
  const { provisionedConcurrency = 0, reservedConcurrency = Number.POSITIVE_INFINITY } = props;
  const ofQueue = isDueIndexed(props) ? invocationsAtOnce(props) : 0;
  return [
    // Provisioned environments serve only the alias `http` and count towards the reserved ones.
    ...(provisionedConcurrency < reservedConcurrency
      ? []
      : [
          'provisionedConcurrency: must be lower than reservedConcurrency, so that the other aliases have environments too',
        ]),
    // Lambda would refuse invocations of the queue, whose messages would become dead letters.
    ...(ofQueue < reservedConcurrency
      ? []
      : [`reservedConcurrency: must be higher than ${ofQueue}, the invocations of warm-ups at the same time`]),
  ];
}

function throttleFaults({ throttle }: TokenBrokerProps): string[] {
  return Object.entries(throttle ?? {}).flatMap(([name, value]) =>
    Token.isUnresolved(value) || value >= 1 ? [] : [`throttle.${name}: must be at least 1`],
  );
}

function atOnceFaults({ accounts, warmUpsAtOnce: atOnce }: TokenBrokerProps): string[] {
  if (atOnce === undefined || (atOnce !== false && isWithin(atOnce, warmUpsAtOnce))) {
    return [];
  }
  const { least, most } = warmUpsAtOnce;
  const isInUse = Object.values(accounts).some(({ keepWarm }) => keepWarm === 'in-use');
  return atOnce === false && !isInUse
    ? []
    : [`warmUpsAtOnce: must be a whole number from ${least} to ${most}, or false if no account has keepWarm: in-use`];
}

/** It is divided at synth, so it must be known then. */
function isWithin(value: number, { least, most }: { readonly least: number; readonly most: number }): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function isMinutes(duration: Duration, most: number): boolean {
  const seconds = duration.isUnresolved() ? 60 : duration.toSeconds({ integral: false });
  return seconds % 60 === 0 && seconds >= 60 && seconds <= most * 60;
}

function isOptionalText(value: string | undefined, pattern: RegExp): boolean {
  return value === undefined || Token.isUnresolved(value) || pattern.test(value);
}
