// Gives the API a host name of its own. Called by api.ts.
import { type DomainName, EndpointType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { ARecord, type IHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets';
import { overrideTls } from './tls.ts';

/** A host name of the API. */
export interface ApiDomain {
  /** The host name, such as `tokens.example.com`. */
  readonly name: string;
  /** A certificate for that name, in the region of the stack. */
  readonly certificate: ICertificate;
  /**
   * The zone of that name in Route 53. The stack adds a record to it.
   *
   * @default - you add a record yourself, which points to `domainTarget`
   */
  readonly hostedZone?: IHostedZone | undefined;
}

/** Maps the host name to the stage of the API. The paths are `/token` and `/token/<account>`, without the stage. */
export function addDomain(api: RestApi, { name, certificate, hostedZone }: ApiDomain): DomainName {
  const domain = api.addDomainName('Domain', { domainName: name, certificate, endpointType: EndpointType.REGIONAL });
  overrideTls(domain, 'STRICT');
  if (hostedZone !== undefined) {
    new ARecord(domain, 'Record', {
      zone: hostedZone,
      recordName: name,
      target: RecordTarget.fromAlias(new ApiGatewayDomain(domain)),
    });
  }
  return domain;
}
