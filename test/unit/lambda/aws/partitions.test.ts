// Tests the domains of AWS's partitions (lambda/aws/partitions.ts), also those of the client (client/endpoint.ts, options.ts).
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { describe, expect, test } from 'vitest';
import { regionOf } from '../../../../client/endpoint.ts';
import { lambdaEndpoint } from '../../../../client/options.ts';
import { domainOf } from '../../../../lambda/aws/partitions.ts';

/** The regions that the CDK knows, of all partitions. */
const regions = RegionInfo.regions.flatMap(({ name, domainSuffix, partition = '' }) =>
  domainSuffix === undefined ? [] : [{ name, domainSuffix, partition }],
);

test('the CDK knows the partitions that this test is about', () => {
  expect([...new Set(regions.map(({ partition }) => partition))].sort()).toEqual([
    ...['aws', 'aws-cn', 'aws-eusc', 'aws-iso', 'aws-iso-b', 'aws-iso-e', 'aws-iso-f', 'aws-us-gov'],
  ]);
});

test.each(regions)('the function finds its table in $name, of the partition $partition', ({ name, domainSuffix }) => {
  expect(domainOf(name)).toBe(domainSuffix);
});

describe('the client', () => {
  const withInternet = regions.filter(({ partition }) => !partition.includes('iso'));

  test.each(withInternet)(
    'the client calls Lambda and reads the region of an API in $name',
    ({ name, domainSuffix }) => {
      expect(lambdaEndpoint(name, {})).toBe(`https://lambda.${name}.${domainSuffix}/`);
      expect(regionOf(`abcde12345.execute-api.${name}.${domainSuffix}`)).toBe(name);
      expect(regionOf(`vpce-1.execute-api.${name}.vpce.${domainSuffix}`)).toBe(name);
    },
  );
});
